"""This host's part of the in-doubt repeats that its run may make."""

import asyncio

from jobs.store.run_allowance import take_repeats
from jobs.store.writer import TableWriter
from runner.steps.context import RunState


class RunAllowance:
    """Takes a few repeats at a time, for one call after the other."""

    def __init__(self, writer: TableWriter) -> None:
        self._writer = writer
        self._owner: str | None = None  # who took what is left
        self._lock = asyncio.Lock()

    async def refill(self, state: RunState) -> None:
        """Take some more where none is left; a host that joined anew has none."""
        async with self._lock:
            holding = self._writer.holding
            if self._owner != holding.owner:
                self._owner, state.repeats_left = holding.owner, 0
            if state.repeats_left <= 0:
                got = await self._writer.do(
                    lambda tx: take_repeats(tx, holding.run_id, holding.owner)
                )
                state.repeats_left += got
