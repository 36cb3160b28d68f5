"""This process as one of the hosts of a shared table: it joins, is heard of, and leaves."""

import asyncio
import logging
from collections.abc import Callable, Sequence, Set
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.claimed import Holding
from jobs.job import JSON
from jobs.store import DriverError, Store, TableError, Transaction
from jobs.store.heartbeat import Heartbeat, HeartbeatHooks
from jobs.store.hosts import Report, join, leave, lost_in_a_row
from jobs.store.membership import Membership
from jobs.store.queue.claims import SpooledCalls, spooled_calls
from jobs.store.run_allowance import give_back_repeats
from jobs.store.run_money import RunMoney
from jobs.store.shared_writer import SharedWriter, WriterHooks
from jobs.store.take_over import TakenOver, TakeOverRules, leave_behind, repeats_of_run
from runner.catalogue import say
from runner.endpoints.registry import ENDPOINTS
from runner.engine.outage import HOLD_NAME
from runner.engine.run_control import PERSON, RunControl
from runner.steps.steps import Steps
from runner.workspace.disk_reserve import DiskReserve
from runner.workspace.spool import Spool, SpoolRecord, clear, replay
from runner.workspace.spool_folders import SpoolFolder, abandoned

log = logging.getLogger("rowmill")

LOOK_FOR_SPOOLS_SECONDS = 60.0
TELL_AFTER_SECONDS = 2.0  # of a database that is away: a shorter restart is not worth a word
CAREFUL_AFTER_LOST = 2  # hosts lost one after the other, before files are saved one by one
LONGEST_CALL_SECONDS = 600.0  # of any endpoint, unless a person set another limit
HOST_LOST = "host_lost"  # the kind of event that says from whom was taken over


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What a host goes by."""

    program: str
    lost_after: float
    hold_in_doubt: bool
    call_seconds: float | None  # the time limit of a call, where a person set one
    max_wait: float | None
    money: RunMoney | None = None  # what it spends under a cap
    spools: Path  # the folder of the spools of all processes of this machine


class Hosting:
    """Everything that a run on a shared table has beside a run on a folder."""

    writer: SharedWriter
    spool: Spool
    reserve: DiskReserve

    def __init__(self, options: HostOptions, tell: Callable[[str], None]) -> None:
        self._options = options
        self._tell = tell
        self._control: RunControl | None = None
        self._pause: Callable[[], tuple[str, float]] = lambda: ("", 0.0)
        self._told_away = False
        self._looking: asyncio.Task[None] | None = None

    @property
    def live(self) -> int:
        """How many hosts of the run are at work, at the last beat."""
        return self._heartbeat.live

    async def open(self, stack: AsyncExitStack, store: Store, holding: Holding) -> None:
        """Join, and begin to beat; the stack ends what was begun."""
        options, self._loop = self._options, asyncio.get_running_loop()
        with store.write() as tx:
            host = join(tx, holding, program=options.program)
        self._membership = Membership(holding, host, lost_after=options.lost_after)
        folder = SpoolFolder.new(options.spools)
        stack.callback(folder.close)
        self.reserve = DiskReserve(folder.path, copies=1)  # the table is on another disk
        self.reserve.make()
        stack.callback(self.reserve.give_back)
        self.spool = Spool(folder.path)
        stack.callback(self.spool.close)
        beating = await asyncio.to_thread(store.apart)
        stack.callback(beating.close)
        hooks = HeartbeatHooks(report=self._report, rules=self._rules, taken=self._taken)
        self._heartbeat = Heartbeat(beating, self._membership, hooks, program=options.program)
        await asyncio.to_thread(self._heartbeat.start)
        self.writer = SharedWriter(
            store,
            self._membership,
            WriterHooks(join_anew=self._heartbeat.join_anew, away=self._away, back=self._back),
            money=options.money,
            max_wait=options.max_wait,
        )
        self.writer.start()
        stack.push_async_callback(self.writer.close)
        stack.push_async_callback(asyncio.to_thread, self._heartbeat.close)

    # --- answers of processes that have ended -----------------------------------------------------

    async def begin(
        self, steps: Steps, control: RunControl, pause: Callable[[], tuple[str, float]]
    ) -> int:
        """Deliver what ended processes of this machine left, now and once a minute.

        Returns how many answers there were now.
        """
        self._control, self._pause = control, pause
        count = await self._deliver_all(steps)
        self._looking = asyncio.create_task(self._look_for_spools(steps), name="spools")
        return count

    async def clear(self) -> None:
        """Nothing is left to clear: what was delivered is gone, what was not may be another's."""

    async def _look_for_spools(self, steps: Steps) -> None:
        while True:
            await asyncio.sleep(LOOK_FOR_SPOOLS_SECONDS)
            try:
                await self._deliver_all(steps)
            except (DriverError, TableError, OSError) as error:
                log.warning("a spool could not be delivered: %s", getattr(error, "orig", error))

    async def _deliver_all(self, steps: Steps) -> int:
        count = 0
        for folder in await asyncio.to_thread(list, abandoned(self._options.spools)):
            try:
                records = await asyncio.to_thread(folder.records)
                found = await self._deliver(steps, records)
                count += len(found.open)
                if found.known.issuperset(record.call_id for record in records):
                    folder.remove()
            finally:
                folder.close()
        return count + await self._deliver_loose(steps)

    async def _deliver_loose(self, steps: Steps) -> int:
        """The same for the spool of a run that was killed before its table became shared."""
        root = self._options.spools
        records = await asyncio.to_thread(lambda: list(replay(root)))
        if not records:
            return 0
        found = await self._deliver(steps, records)
        if found.known.issuperset(record.call_id for record in records):
            clear(root, keep=root)
        return len(found.open)

    async def _deliver(self, steps: Steps, records: Sequence[SpoolRecord]) -> SpooledCalls:
        """Settle those of these answers that the table does not have."""
        by_call = {record.call_id: record for record in records}
        found: SpooledCalls = await self.writer.do(lambda tx: spooled_calls(tx, by_call))
        for call_id, jobs in found.open.items():
            results = await steps.recover(jobs, by_call[call_id])
            commit = await self.writer.exchange([one.settlement for one in results], [])
            for error in commit.errors.values():
                raise error
        if found.open and self._control is not None:
            self._control.wake()
        return found

    # --- leaving ----------------------------------------------------------------------------------

    async def leave(self, last: Callable[[Transaction], None], *, exit_code: int) -> None:
        """Give back what was not sent, and leave; `last` is done in the same transaction.

        A host that cannot reach its database is found lost by the others.
        """
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await asyncio.to_thread(self._heartbeat.close)

        def left(tx: Transaction) -> None:
            self.writer.give_back_unsent(tx)
            holding = self.writer.holding
            leave_behind(tx, holding, self._rules())
            give_back_repeats(tx, holding.owner)
            leave(tx, holding.owner, exit_code=exit_code)
            last(tx)

        await self.writer.do(left)

    # --- called by other threads ------------------------------------------------------------------

    def _report(self) -> Report:
        control = self._control
        if control is None:
            return Report()
        told = why_quiet(control.holds(), *self._pause(), now=self._membership.clock.now())
        return Report(in_flight=control.calls_in_flight(), leaving=control.stopping, told=told)

    def _rules(self) -> TakeOverRules:
        options = self._options
        return TakeOverRules(
            lost_after=options.lost_after,
            hold=options.hold_in_doubt,
            held_endpoints=frozenset(
                name for name, endpoint in ENDPOINTS.items() if endpoint.hold_in_doubt
            ),
            call_seconds=options.call_seconds or LONGEST_CALL_SECONDS,
            repeats=repeats_of_run(self._membership.holding),
        )

    def _taken(self, taken: Sequence[TakenOver]) -> None:
        self._soon(self._took_over, taken)

    def _away(self, seconds: float) -> None:
        with suppress(OSError):  # the next round tries again
            self.spool.flush()
        if seconds >= TELL_AFTER_SECONDS and not self._told_away:
            self._told_away = True
            self._soon(self._tell, say("run.table_away"))

    def _back(self) -> None:
        if self._told_away:
            self._told_away = False
            self._soon(self._tell, say("run.table_back"))

    def _soon(self, work: Callable[..., None], *given: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the run is over
            self._loop.call_soon_threadsafe(work, *given)

    # --- what was taken over ----------------------------------------------------------------------

    def _took_over(self, taken: Sequence[TakenOver]) -> None:
        control = self._control
        for one in taken:
            log.warning(
                "%s (pid %s) was not heard of for too long: %s calls are repeated, %s are in doubt,"
                " %s polls and downloads go on",
                *(one.name, one.pid, one.repeated, one.held, one.others),
            )
            self._tell(say("run.host_lost", host=one.name, pid=one.pid, count=f"{one.jobs:,}"))
            if control is not None:
                control.note(HOST_LOST, {"host": one.name, "pid": one.pid, "jobs": one.jobs})
        if control is not None:
            control.wake()
            control.do_beside(self._go_carefully(control, sum(one.others for one in taken)))

    async def _go_carefully(self, control: RunControl, in_hand: int) -> None:
        """After two hosts that were lost in a row, a file that takes a host down must be found."""
        run_id = self.writer.holding.run_id
        lost = await self.writer.do(lambda tx: lost_in_a_row(tx, run_id))
        if in_hand and lost >= CAREFUL_AFTER_LOST:
            control.go_carefully(in_hand)


def why_quiet(holds: Set[str], cause: str, seconds: float, *, now: float) -> dict[str, JSON]:
    """Why this host sends nothing, as `status` shows it; empty if it sends."""
    if PERSON in holds:
        return {"pause": "person"}
    if not seconds and HOLD_NAME not in holds:
        return {}
    pause = "outage" if HOLD_NAME in holds else "slow_down"
    return {"pause": pause, "cause": cause, "until": now + seconds}
