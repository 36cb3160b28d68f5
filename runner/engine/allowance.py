"""This host's part of the in-doubt repeats that its run may make."""

from jobs.store.run_allowance import take_repeats
from jobs.store.writer import TableWriter


class RunAllowance:
    """Takes a few repeats at a time. A host that was lost and joined anew has none left."""

    def __init__(self, writer: TableWriter) -> None:
        self._writer = writer
        self._owner: str | None = None  # who took them

    @property
    def is_current(self) -> bool:
        """False if what was taken is the run's again."""
        return self._owner == self._writer.holding.owner

    async def refill(self) -> int:
        """Take some more; returns how many."""
        holding = self._writer.holding
        self._owner = holding.owner
        return await self._writer.do(lambda tx: take_repeats(tx, holding.run_id, holding.owner))
