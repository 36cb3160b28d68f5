"""The jobs that are taken when nothing else is left."""

from collections.abc import Collection

from jobs.store.queue.blocked_models import Block
from jobs.store.queue.choices import one_more_pass, suspects_too
from jobs.store.run_findings import Left, what_is_left
from jobs.store.writer import TableWriter


class FinalPass:
    """First the suspects of crashes, as often as there are any; then failed rows once more."""

    def __init__(self, writer: TableWriter) -> None:
        self._writer = writer
        self._passed = False

    async def retry_suspects(self) -> bool:
        """Go on with jobs that were alone in hand when the process died. True if there are any."""
        now, sheet_id = self._writer.now(), self._writer.holding.sheet_id
        return await self._writer.do(lambda tx: suspects_too(tx, sheet_id, now=now)) > 0

    async def second_pass(self, blocked: Collection[Block]) -> bool:
        """Put back what failed in passing during this run, but only once. True if there is any.

        Rows of blocked models stay failed.
        """
        if self._passed:
            return False
        self._passed = True
        holding = self._writer.holding
        count = await self._writer.do(
            lambda tx: one_more_pass(tx, holding, now=self._writer.now(), blocked=blocked)
        )
        if count:
            await self._writer.note("second_pass", {"rows": count})
        return count > 0

    async def left_anywhere(
        self, blocked: Collection[Block], *, chosen_only: bool, may_send: bool
    ) -> Left:
        """Ask the table what is left for all hosts of the run; the one more pass is theirs too."""
        writer = self._writer
        return await writer.do(
            lambda tx: what_is_left(
                tx,
                writer.holding,
                now=writer.now(),
                blocked=blocked,
                chosen_only=chosen_only,
                may_send=may_send,
            )
        )
