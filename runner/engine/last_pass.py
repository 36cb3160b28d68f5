"""The jobs that are taken when nothing else is left."""

import time
from collections.abc import Collection

from jobs.store.queue.blocked_models import Block
from jobs.store.queue.choices import one_more_pass, suspects_too
from jobs.store.writer import TableWriter


class FinalPass:
    """Suspects of deaths, as often as there are any; then one more pass for what failed."""

    def __init__(self, ledger: TableWriter, *, since: float) -> None:
        self._ledger = ledger
        self._since = since  # the run's start: earlier failures are not its own
        self._passed = False

    async def suspects(self) -> bool:
        """Let go on what was alone in hand when the process died. Was there any?"""
        now, batch_id = time.time(), self._ledger.holding.batch_id
        return await self._ledger.do(lambda tx: suspects_too(tx, batch_id, now=now)) > 0

    async def second_pass(self, barred: Collection[Block]) -> bool:
        """Put back what failed in passing during this run, but once. Was there any?

        Barred rows stay failed.
        """
        if self._passed:
            return False
        self._passed = True
        batch_id, since = self._ledger.holding.batch_id, self._since
        count = await self._ledger.do(
            lambda tx: one_more_pass(tx, batch_id, since=since, now=time.time(), barred=barred)
        )
        if count:
            await self._ledger.note("second_pass", {"rows": count})
        return count > 0
