"""One run over one workspace, from recovery to the last drained call."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.claimed import Holding
from jobs.job import JSON, Failure, Step
from jobs.store import DriverError, Store, TableError, Transaction
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import answering_addresses, end_run, ids_after, noted, open_run
from jobs.store.queries.spending import committed
from jobs.store.queries.totals import Counts, counts, spent
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.choices import (
    RowChoice,
    ask_again,
    select_first,
    select_jobs,
    select_rows,
    unselect,
)
from jobs.store.queue.settles import Settlement
from jobs.store.queue.waits import resume_waits
from jobs.store.writer import TableWriter
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.console.progress import Display
from runner.console.snapshot import Snapshot
from runner.engine.accounts import FILE_WORKERS, POLL_WORKERS, limits_of, open_accounts
from runner.engine.allowance import RunAllowance
from runner.engine.batch_lane import (
    BatchRules,
    batch_rules,
    has_work,
    joined,
    sort_rows,
)
from runner.engine.counting import Counting
from runner.engine.dispatcher import Dispatcher
from runner.engine.keep_awake import keep_awake
from runner.engine.late_tickets import LateTickets
from runner.engine.lone_host import LoneHost
from runner.engine.signals import stop_on_signals
from runner.engine.stats import RunStats
from runner.engine.steering import Steering
from runner.engine.stop import (
    RUN_STOPS,
    STOP_CODES,
    Conduct,
    FailedShare,
    Stop,
    StopReason,
    exit_code,
)
from runner.engine.watchdog import Watchdog, through_sleep
from runner.engine.worker_pool import WorkerPool, WorkerPools
from runner.exits import Exit, Refusal, RunOverError
from runner.files.download import Downloads
from runner.files.targets import inputs_of, run_record
from runner.files.thumbnails import Thumbnails
from runner.lanes.lanes import Lanes
from runner.prices.spending_cap import SpendingCap
from runner.protocol.lane_rule import BATCH, OnlineRows, lane_is_given
from runner.settings.keys import OwnedKey
from runner.settings.run_terms import UNTIL_AT
from runner.settings.settings import Settings
from runner.settings.values import site
from runner.steps.context import StepOptions, StepResult, StepServices
from runner.steps.honoured_keys import KIND, honoured_at
from runner.steps.steps import Steps
from runner.transport.addresses import AddressGuard
from runner.workspace.answers import AnswerFolder
from runner.workspace.workspace import SHEET_ID, Workspace

if TYPE_CHECKING:
    from runner.engine.hosting import Hosting
    from runner.engine.hosts_together import HostsTogether, SharedRun

log = logging.getLogger(__name__)

MIN_REPEATS = 20  # in-doubt repeats a run may make, or a hundredth of its rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What one run is to do, decided before it starts."""

    settings: Settings
    workspace: Workspace
    loaded: LoadedSheet
    keys: tuple[OwnedKey, ...]
    cap: SpendingCap
    title: str
    program: str
    limit: int | None = None
    rows: tuple[tuple[int, int], ...] | None = None
    files_only: bool = False  # for `fetch`, which only downloads and needs no key
    jobs: tuple[int, ...] | None = None  # only these: a pilot
    remembered: dict[str, JSON] = field(default_factory=dict)
    shared: "SharedRun | None" = None  # the run of several hosts that this one opened or joined
    prefers_online: bool = False  # a pilot or a retry: no slow lane unless --lane is given
    on_begin: Callable[[], None] | None = None  # told before anything is sent

    @property
    def takes_some_rows(self) -> bool:
        """True if the run takes only rows that were selected for it."""
        if self.shared is not None:
            return self.shared.chosen_only
        return self.limit is not None or self.rows is not None or self.jobs is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended."""

    run_id: int
    started_at: float  # Unix seconds
    seconds: float  # how long it took, whatever was done to the time of day meanwhile
    stop: Stop | None
    blocked: Mapping[Block, Failure]  # models that were stopped, and why
    counts: Counts
    recovered: int = 0
    missed_lane: int = 0  # calls of a slow lane that were billed online


class Session:
    """One run. `go` returns when nothing is left, or when a stop has been drained."""

    def __init__(self, store: Store, assignment: Assignment, display: Display) -> None:
        self.store = store
        self.assignment = assignment
        self.display = display
        self.holding = assignment.shared.holding if assignment.shared else _new_run(store)
        self.recovered = 0
        self._counting = Counting(store)
        self._host = _host_of(store, assignment, display)

    async def go(self) -> Ending:
        """Recover, work, drain, and record how it ended."""
        started_at, clock = time.time(), through_sleep()
        async with AsyncExitStack() as stack:
            await self._host.open(stack, self.store, self.holding)
            writer = self._host.writer
            await self._open(writer)
            dispatcher, stats = await self._dispatcher(stack, writer)
            self.recovered = await self._host.begin(
                dispatcher.steps, dispatcher.control, lambda: stats.pause
            )
            await self._count_spent(writer, stats)
            await self._host.clear()
            rules = _batch_rules(self.assignment)
            await _select(writer, self.assignment, rules)
            await _keep_batches(self.assignment, dispatcher, rules, stats)
            await self._work(dispatcher, stats)
            await self._leave(writer, dispatcher)
        if dispatcher.stop is not None and dispatcher.stop.reason is StopReason.REPLACED:
            raise Refusal(
                _rescue_table(self.store, self.assignment.workspace.table), code=Exit.OUTPUT
            )
        with self.store.read() as tx:
            final = counts(tx, SHEET_ID)
        return Ending(
            run_id=self.holding.run_id,
            started_at=started_at,
            seconds=max(through_sleep() - clock, 0.0),
            stop=dispatcher.stop,
            blocked=dict(dispatcher.blocked),
            counts=final,
            recovered=self.recovered,
            missed_lane=dispatcher.steps.state.missed_lane,
        )

    async def _leave(self, writer: TableWriter, dispatcher: Dispatcher) -> None:
        """Record how the run ended. Raises Refusal if a shared table is away for too long."""
        stop, settings = dispatcher.stop, self.assignment.settings
        code = 0 if stop is None else int(STOP_CODES[stop.reason])
        if self.assignment.shared is not None:
            is_broken = stop is not None and stop.reason is StopReason.BROKEN
            latest = self._counting.counts if is_broken else self._counting.fresh
            code = _code_of(settings, dispatcher, await asyncio.to_thread(latest))

        def last(tx: Transaction) -> None:
            if self.assignment.shared is None:
                end_run(tx, self.holding.run_id, exit_code=0, now=writer.now())
            else:
                from jobs.store.provider_batches import moves  # noqa: PLC0415 - not on folders
                from jobs.store.shared_run import end_if_last  # noqa: PLC0415 - not on folders

                moves.release(tx, writer.holding)
                end_if_last(
                    tx,
                    writer.holding,
                    exit_code=code,
                    lost_after=settings.lost_after,
                    now=writer.now(),
                )

        if not self.store.shared or stop is None or stop.reason is not StopReason.BROKEN:
            await self._host.leave(last, exit_code=code)
            return
        with suppress(DriverError):  # the others will find this host lost
            await self._host.leave(last, exit_code=code)
        raise Refusal(say("run.stopped_broken", detail=stop.detail), code=Exit.OUTPUT)

    async def _open(self, writer: TableWriter) -> None:
        """Open the run. Raises RunOverError if a run that this host joined has ended."""
        if self.assignment.shared is not None:
            from jobs.store.shared_run import run_of  # noqa: PLC0415 - a folder has no hosts

            ended, _code = await writer.do(lambda tx: run_of(tx, self.holding.run_id))
            if ended:
                await self._host.leave(lambda _tx: None, exit_code=0)
                raise RunOverError
            return
        assignment = self.assignment
        options = run_options(assignment.settings, assignment.workspace, assignment.remembered)
        await writer.do(
            lambda tx: open_run(
                tx,
                self.holding,
                program=self.assignment.program,
                options=options,
                now=writer.now(),
            )
        )

    async def _dispatcher(
        self, stack: AsyncExitStack, writer: TableWriter
    ) -> tuple[Dispatcher, RunStats]:
        settings = self.assignment.settings
        accounts = await open_accounts(stack, settings, self.assignment.keys, writer)
        guard = AddressGuard(
            base_url=settings.base_url if settings.address_is_own else "",
            allow_hosts=settings.allow_host,
            on_fake=lambda host: self.display.tell(say("run.fake_addresses", host=host)),
        )
        downloads = await stack.enter_async_context(Downloads(guard, at_once=FILE_WORKERS))
        thumbnails = Thumbnails.of_run(self.assignment.workspace)
        stack.push_async_callback(asyncio.to_thread, thumbnails.close)
        steps = Steps(
            await writer.do(lambda tx: _step_options(tx, self.assignment)),
            StepServices(
                writer=writer,
                accounts=accounts,
                downloads=downloads,
                spool=self._host.spool,
                answers=AnswerFolder.of(self.assignment.workspace),
                cap=self.assignment.cap,
                thumbnails=thumbnails,
                reserve=self._host.reserve,
                allowance=RunAllowance(writer) if self.assignment.shared else None,
            ),
        )
        limits = limits_of(settings, accounts=len(accounts.accounts))
        stats = RunStats(
            title=self.assignment.title, limit=limits.in_flight, tell=self.display.tell
        )
        pools = WorkerPools(
            calls=WorkerPool(
                step=Step.SEND,
                size=limits.in_flight * len(accounts.accounts),
                gate=accounts,
            ),
            polls=WorkerPool(step=Step.POLL, size=POLL_WORKERS),
            files=WorkerPool(step=Step.FETCH, size=FILE_WORKERS),
        )
        rule, shared = settings.stop_if, self.assignment.shared
        host = site(settings.base_url)
        conduct = Conduct(
            chosen_only=self.assignment.takes_some_rows,
            files_only=self.assignment.files_only,
            cap=self.assignment.cap,
            max_wait=settings.max_wait,
            host=host,
            answered_before=await writer.do(
                lambda tx: any(site(url) == host for url in answering_addresses(tx, SHEET_ID))
            ),
            failed_share=None if rule is None or shared else FailedShare(rule.percent, rule.window),
            shared=shared is not None,
            reserve=self._host.reserve,
        )
        return Dispatcher(steps, writer, conduct, pools=pools, observer=stats), stats

    async def _count_spent(self, writer: TableWriter, stats: RunStats) -> None:
        """Start from what was ever spent, now that every earlier call has ended."""
        before = await writer.do(lambda tx: committed(tx, SHEET_ID))
        self.assignment.cap.set_spent(sum(before.amounts.values()))
        stats.start_from(await writer.do(lambda tx: spent(tx, SHEET_ID)))

    async def _work(self, dispatcher: Dispatcher, stats: RunStats) -> None:
        async def snapshot() -> Snapshot:
            found = await asyncio.to_thread(self._counting.counts)
            stats.limit, stats.ends_at = dispatcher.accounts.window, steering.ends_at
            return stats.snapshot(
                found, in_flight=len(dispatcher.pools.calls.tasks), oldest=dispatcher.pools.oldest()
            )

        together = _together(self.assignment.shared, self._host, dispatcher)
        steering = Steering(
            self.store, dispatcher, self.assignment.settings, self.display, together=together
        )
        awake = asyncio.create_task(keep_awake())
        with stop_on_signals(dispatcher.control, self.display.tell):
            steering.start(self.holding.run_id)
            self.display.start(snapshot)
            watchdog = Watchdog(self.assignment.workspace.table, dispatcher.control)
            watching = asyncio.create_task(watchdog.keep())
            late = LateTickets(dispatcher.steps, self.assignment.cap, stats, self.display.tell)
            try:
                await late.begin(files_only=self.assignment.files_only)
                if self.assignment.on_begin is not None:
                    self.assignment.on_begin()
                await dispatcher.run()
            finally:
                await late.finish(at_once=dispatcher.control.is_cut)
                watching.cancel()
                log.info("the loop was late by %.0f ms at worst", watchdog.late * 1000)
                await steering.close()
                awake.cancel()
                await asyncio.gather(awake, return_exceptions=True)
                await self.display.stop(await snapshot())


def _step_options(tx: Transaction, assignment: Assignment) -> StepOptions:
    settings, loaded = assignment.settings, assignment.loaded
    total = counts(tx, SHEET_ID).total
    return StepOptions(
        inputs=inputs_of(assignment.workspace, loaded, settings),
        files_folder=assignment.workspace.files,
        parts_folder=assignment.workspace.parts,
        name_template=settings.name,
        headers=loaded.headers,
        max_attempts=settings.attempts,
        hold_in_doubt=settings.in_doubt == "hold",
        max_repeats=0 if assignment.shared else max(MIN_REPEATS, total // 100),
        call_seconds=settings.timeout,
        base_url=settings.base_url,
        lanes=Lanes(base_url=settings.base_url, own=settings.provider.lanes),
        online_rows=_online_rows(assignment),
        honours_keys=honoured_at(settings.base_url, noted(tx, SHEET_ID, KIND)),
    )


def _online_rows(assignment: Assignment) -> OnlineRows:
    if lane_is_given(assignment.settings.sources):
        return OnlineRows.NONE
    return OnlineRows.ALL if assignment.prefers_online else OnlineRows.REQUEUED


def _batch_rules(assignment: Assignment) -> BatchRules:
    return batch_rules(
        assignment.settings,
        assignment.loaded.headers,
        prefers_online=assignment.prefers_online,
        some_rows=assignment.takes_some_rows,
        now=time.time(),
    )


async def _keep_batches(
    assignment: Assignment,
    dispatcher: Dispatcher,
    rules: BatchRules,
    stats: RunStats,
) -> None:
    """Look after provider batches beside the run, if it has to do with any."""
    writer, folder = dispatcher.steps.services.writer, assignment.workspace.batches
    joins = assignment.shared is not None and not assignment.shared.starts
    if assignment.files_only or not await writer.do(
        lambda tx: has_work(tx, SHEET_ID, rules, joins=joins)
    ):
        return
    from runner.engine.batch_keeper import (  # noqa: PLC0415 - few runs have batches
        BatchKeeper,
        KeptBatches,
    )
    from runner.steps.batch_intake import BatchIntake  # noqa: PLC0415 - as above

    steps = dispatcher.steps

    def settled(settlements: Sequence[Settlement]) -> None:
        for one in settlements:
            stats.settled(StepResult(settlement=one), 0.0)
        stats.flush_log()

    keeper = BatchKeeper(
        KeptBatches(
            options=steps.options,
            services=steps.services,
            intake=BatchIntake(steps.services, steps.state, folder, settled),
            control=dispatcher.control,
            rules=joined(rules) if joins else rules,
            folder=folder,
            own=assignment.settings.provider.lanes.get(BATCH),
            tell=stats.tell,
            is_first=not joins,
        )
    )
    dispatcher.control.do_beside(keeper.run())


async def _select(writer: TableWriter, assignment: Assignment, batches: BatchRules) -> None:
    """Mark the rows of a run that takes only some, so that a claim stays one query."""
    run_id = writer.holding.run_id
    if assignment.shared is not None:
        return  # the host that opened the run has chosen for all
    if not writer.store.shared:
        await writer.do(lambda tx: unselect(tx, SHEET_ID))
    if assignment.files_only:
        return  # the next run asks after remote tasks
    await writer.do(lambda tx: resume_waits(tx, SHEET_ID, now=writer.now()))
    await writer.do(lambda tx: ask_again(tx, SHEET_ID, now=writer.now()))
    rows, limit, jobs = assignment.rows, assignment.limit, assignment.jobs
    if jobs is not None:
        await writer.do(lambda tx: select_jobs(tx, SHEET_ID, jobs, run_id=run_id))
    elif rows is not None:
        await writer.do(
            lambda tx: select_rows(tx, SHEET_ID, RowChoice(positions=rows), run_id=run_id)
        )
    elif limit is not None:
        await writer.do(lambda tx: select_first(tx, SHEET_ID, limit, run_id=run_id))
    await writer.do(lambda tx: sort_rows(tx, SHEET_ID, batches, run_id=run_id, now=writer.now()))


def _together(
    run: "SharedRun | None", host: "LoneHost | Hosting", dispatcher: Dispatcher
) -> "HostsTogether | None":
    if run is None or isinstance(host, LoneHost):
        return None
    from runner.engine.hosts_together import HostsTogether  # noqa: PLC0415 - a folder has no hosts

    return HostsTogether(run, host.writer, dispatcher, live=lambda: host.live)


def _code_of(settings: Settings, dispatcher: Dispatcher, found: Counts) -> int:
    """With which code a host leaves its run: that of the run, unless it stopped alone."""
    stop = dispatcher.stop
    if stop is not None and stop.reason not in RUN_STOPS:
        return int(STOP_CODES[stop.reason])
    failed, allowed = found.failed + found.in_doubt, settings.ok_if_failed
    bad = failed > 0 and (allowed is None or not allowed.allows(failed, found.total))
    return int(exit_code(stop, blocked=bool(dispatcher.blocked and found.waiting), bad=bad))


def run_options(
    settings: Settings, workspace: Workspace, remembered: Mapping[str, JSON]
) -> dict[str, JSON]:
    """What the table keeps of the options of a run."""
    where = {"base_url": settings.base_url, "base_url_by": settings.sources["base_url"]}
    until = settings.until
    ends = {UNTIL_AT: until.moment(time.time())} if until is not None else {}
    return {**remembered, **where, **ends, **run_record(workspace)}


def _new_run(store: Store) -> Holding:
    with store.read() as tx:
        run_id = ids_after(tx).take()
    return Holding(sheet_id=SHEET_ID, run_id=run_id, owner=str(uuid.uuid4()))


def _host_of(store: Store, assignment: Assignment, display: Display) -> "LoneHost | Hosting":
    """What this process is on the table: its only host, or one of several."""
    settings, workspace = assignment.settings, assignment.workspace
    if not store.shared:
        return LoneHost(workspace.folder, workspace.spool)
    from runner.engine.hosting import (  # noqa: PLC0415 - a folder has no hosts
        Hosting,
        HostOptions,
    )
    from runner.prices.shared_cap import SharedSpendingCap  # noqa: PLC0415 - as above

    options = HostOptions(
        program=assignment.program,
        lost_after=settings.lost_after,
        hold_in_doubt=settings.in_doubt == "hold",
        call_seconds=settings.timeout,
        max_wait=settings.max_wait if settings.table_wait is None else settings.table_wait,
        money=cap.money if isinstance(cap := assignment.cap, SharedSpendingCap) else None,
        spools=workspace.spool,
    )
    return Hosting(options, display.tell)


def _rescue_table(store: Store, table: Path) -> str:
    """Copy a table whose file was replaced to a file of its own; returns the message."""
    target = table.with_name(f"{table.stem}.rescued.{int(time.time())}.db")
    try:
        store.copy_to(target)
    except (OSError, TableError) as error:
        ending = say("run.not_rescued", reason=reason(error))
    else:
        ending = say("run.rescued", path=str(target))
    return f"{say('run.stopped_replaced')}\n{ending}"
