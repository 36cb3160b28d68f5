"""The only process at work on the table of a folder: it settles what an earlier one left."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from jobs.claimed import Holding
from jobs.store import Store, Transaction
from jobs.store.queue.claims import open_calls
from jobs.store.writer import TableWriter
from runner.engine.recovery import recover
from runner.engine.run_control import RunControl
from runner.steps.steps import Steps
from runner.workspace.disk_reserve import DiskReserve
from runner.workspace.spool import Spool, SpoolRecord, clear, replay


class LoneHost:
    """What a run on a folder begins and ends with; `Hosting` is the same on a shared table."""

    writer: TableWriter
    spool: Spool

    def __init__(self, folder: Path, spools: Path) -> None:
        self.reserve = DiskReserve(folder)
        self._spools = spools
        self._records: dict[int, SpoolRecord] = {}  # of earlier runs, by call

    async def open(self, stack: AsyncExitStack, store: Store, holding: Holding) -> None:
        """Start the writer and open the spool; the stack ends them."""
        self.reserve.make()
        stack.callback(self.reserve.give_back)
        self.writer = TableWriter(store, holding, on_full=self.reserve.spend)
        self.writer.start()
        stack.push_async_callback(self.writer.close)
        self._records = {record.call_id: record for record in replay(self._spools)}
        self.spool = Spool(self._spools)
        stack.callback(self.spool.close)

    async def begin(
        self, steps: Steps, control: RunControl, _pause: Callable[[], tuple[str, float]]
    ) -> int:
        """Settle what a dead process left; returns how many jobs."""
        return await recover(steps, self.writer, self._records, go_carefully=control.go_carefully)

    async def clear(self) -> None:
        """Delete the answers of earlier runs, which are settled now."""
        unsettled = await self.writer.do(open_calls)
        clear(self._spools, keep=self.spool.current, unsettled=unsettled)

    async def leave(self, last: Callable[[Transaction], None], *, exit_code: int) -> None:
        """Do what ends the run; its exit code is written later, with the results."""
        del exit_code
        await self.writer.do(last)
