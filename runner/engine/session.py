"""One run over one workspace, from the recovered table to the drained crews."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from jobs.failpoints import reach
from jobs.job import JSON, Claimed, Failure, Holding, Step
from jobs.store import Store, TableError
from jobs.store.batches import LoadedSheet
from jobs.store.ids import Ids
from jobs.store.log import deaths_in_a_row, end_run, open_run
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
from jobs.store.queue.claims import adopt
from jobs.store.writer import TableWriter
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.console.progress import Display
from runner.engine.accounts import FILE_HANDS, POLL_HANDS, limits_of, open_accounts
from runner.engine.dispatcher import Dispatcher
from runner.engine.keep_awake import keep_awake
from runner.engine.outage import FailedShare
from runner.engine.stats import RunStats
from runner.engine.steering import Steering
from runner.engine.supervisor import Conduct, Stop
from runner.engine.watchdog import Watchdog
from runner.engine.worker_pool import WorkerPool, WorkerPools, by_call
from runner.exits import Exit, Refusal
from runner.files.download import Downloads
from runner.files.thumbnails import Thumbnails
from runner.prices.spending_cap import SpendingCap
from runner.settings.keys import OwnedKey
from runner.settings.settings import Settings
from runner.steps.context import StepOptions, StepServices
from runner.steps.steps import Steps
from runner.transport.addresses import AddressGuard
from runner.workspace.answers import AnswerFolder
from runner.workspace.disk_reserve import DiskReserve
from runner.workspace.spool import Spool, SpoolRecord, clear, replay
from runner.workspace.workspace import SHEET_ID, Workspace

log = logging.getLogger(__name__)

DEATHS_TO_CARE = 2  # runs that died one after the other, before jobs are taken one by one
LEAST_REPEATS = 20  # in-doubt repeats a run may make, or a hundredth of its rows
TERM_SECONDS = 25.0  # for calls in flight to end, once the system wants us gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What one run is to do, decided before it starts."""

    settings: Settings
    workspace: Workspace
    batch: LoadedSheet
    keys: tuple[OwnedKey, ...]
    purse: SpendingCap
    title: str
    program: str
    limit: int | None = None
    rows: tuple[tuple[int, int], ...] | None = None
    files_only: bool = False  # for `fetch`, which needs no key
    jobs: tuple[int, ...] | None = None  # only these: a pilot
    remembered: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended."""

    run_id: int
    started_at: float
    stop: Stop | None
    barred: Mapping[Block, Failure]  # models that were stopped, and why
    counts: Counts
    recovered: int = 0


class Session:
    """One run. `go` returns when nothing is left, or when a stop has been drained."""

    def __init__(self, store: Store, assignment: Assignment, display: Display) -> None:
        self.store = store
        self.assignment = assignment
        self.display = display
        self.holding = Holding(batch_id=SHEET_ID, run_id=Ids().take(), owner=str(uuid.uuid4()))
        self.recovered = 0
        self._interrupts = 0
        self._reserve = DiskReserve(assignment.workspace.folder)

    async def go(self) -> Ending:
        """Recover, work, drain, write down how it ended."""
        started_at = time.time()
        async with AsyncExitStack() as stack:
            self._reserve.make()
            stack.callback(self._reserve.give_back)
            ledger = TableWriter(self.store, self.holding, on_full=self._reserve.spend)
            ledger.start()
            stack.push_async_callback(ledger.close)
            await self._open(ledger)
            records = {record.call_id: record for record in replay(self.assignment.workspace.spool)}
            spool = Spool(self.assignment.workspace.spool)
            stack.callback(spool.close)
            workshop, meter = await self._workshop(stack, ledger, spool)
            await self._recover(workshop, ledger, records)
            await self._count(ledger, meter)
            clear(self.assignment.workspace.spool, keep=spool.current)
            await self._select(ledger)
            await self._work(workshop, meter)
            await ledger.do(
                lambda tx: end_run(tx, self.holding.run_id, exit_code=0, now=time.time())
            )
        if workshop.stop is not None and workshop.stop.kind == "replaced":
            raise Refusal(self._rescued(), code=Exit.OUTPUT)
        with self.store.read() as tx:
            final = counts(tx, SHEET_ID)
        return Ending(
            run_id=self.holding.run_id,
            started_at=started_at,
            stop=workshop.stop,
            barred=dict(workshop.barred),
            counts=final,
            recovered=self.recovered,
        )

    def _rescued(self) -> str:
        """What was written to a table that lies nowhere any more, as a file of its own."""
        table = self.assignment.workspace.table
        target = table.with_name(f"{table.stem}.rescued.{int(time.time())}.db")
        try:
            self.store.copy_to(target)
        except (OSError, TableError) as error:
            told = say("run.not_rescued", reason=reason(error))
        else:
            told = say("run.rescued", path=str(target))
        return f"{say('run.stopped_replaced')}\n{told}"

    async def _open(self, ledger: TableWriter) -> None:
        settings = self.assignment.settings
        where = {"base_url": settings.base_url, "base_url_by": settings.sources["base_url"]}
        await ledger.do(
            lambda tx: open_run(
                tx,
                self.holding,
                program=self.assignment.program,
                options={**self.assignment.remembered, **where},
                now=time.time(),
            )
        )

    async def _workshop(
        self, stack: AsyncExitStack, ledger: TableWriter, spool: Spool
    ) -> tuple[Dispatcher, RunStats]:
        settings = self.assignment.settings
        accounts = await open_accounts(stack, settings, self.assignment.keys, ledger)
        guard = AddressGuard(
            base_url=settings.base_url,
            allow_hosts=settings.allow_host,
            on_fake=lambda host: self.display.tell(say("run.fake_addresses", host=host)),
        )
        downloads = await stack.enter_async_context(Downloads(guard, at_once=FILE_HANDS))
        thumbnails = Thumbnails(self.assignment.workspace.folder)
        stack.push_async_callback(asyncio.to_thread, thumbnails.close)
        steps = Steps(
            self._plan(),
            StepServices(
                ledger=ledger,
                wire=accounts,
                downloads=downloads,
                spool=spool,
                answers=AnswerFolder(path=self.assignment.workspace.answers),
                purse=self.assignment.purse,
                thumbnails=thumbnails,
                reserve=self._reserve,
            ),
        )
        limits = limits_of(settings, accounts=len(accounts.accounts))
        meter = RunStats(
            title=self.assignment.title, limit=limits.in_flight, tell=self.display.tell
        )
        crews = WorkerPools(
            calls=WorkerPool(
                step=Step.SEND,
                hands=limits.in_flight * len(accounts.accounts),
                gate=accounts,
            ),
            polls=WorkerPool(step=Step.POLL, hands=POLL_HANDS),
            files=WorkerPool(step=Step.FETCH, hands=FILE_HANDS),
        )
        rule = settings.stop_if
        conduct = Conduct(
            chosen_only=self._chooses,
            files_only=self.assignment.files_only,
            purse=self.assignment.purse,
            max_wait=settings.max_wait,
            failed_share=FailedShare(rule.percent, rule.window) if rule is not None else None,
            reserve=self._reserve,
        )
        return Dispatcher(steps, ledger, conduct, crews=crews, watcher=meter), meter

    @property
    def _chooses(self) -> bool:
        job = self.assignment
        return job.limit is not None or job.rows is not None or job.jobs is not None

    def _plan(self) -> StepOptions:
        settings, batch = self.assignment.settings, self.assignment.batch
        with self.store.read() as tx:
            total = counts(tx, SHEET_ID).total
        return StepOptions(
            folder=self.assignment.workspace.sheet_of(batch).parent,
            allowed=settings.files_from,
            files=self.assignment.workspace.files,
            name=settings.name,
            headers=batch.headers,
            attempts=settings.attempts,
            hold_in_doubt=settings.in_doubt == "hold",
            repeats=max(LEAST_REPEATS, total // 100),
        )

    async def _recover(
        self, workshop: Dispatcher, ledger: TableWriter, records: dict[int, SpoolRecord]
    ) -> None:
        """Settle what a dead process left running, with its answer where the spool has one."""
        left: list[Claimed] = await ledger.do(lambda tx: adopt(tx, self.holding))
        died = await ledger.do(lambda tx: deaths_in_a_row(tx, SHEET_ID, before=self.holding.run_id))
        in_hand = sum(1 for job in left if job.step is not Step.SEND)
        if in_hand and died >= DEATHS_TO_CARE:
            workshop.go_carefully(in_hand)
        self.recovered = len(left)
        if left:
            reach("replay.begun")
        for some in _in_commits(left, records):
            over = [
                done
                for jobs in some
                for done in await workshop.steps.recover(jobs, records.get(jobs[0].call_id))
            ]
            found = await ledger.exchange([done.settlement for done in over], [])
            for error in found.errors.values():
                raise error
            reach("replay.settled")

    async def _count(self, ledger: TableWriter, meter: RunStats) -> None:
        """What was ever spent, now that every call of before has an end."""
        before = await ledger.do(lambda tx: committed(tx, SHEET_ID))
        self.assignment.purse.start_from(sum(before.amounts.values()))
        meter.start_from(await ledger.do(lambda tx: spent(tx, SHEET_ID)))

    async def _select(self, ledger: TableWriter) -> None:
        """A run that takes only some rows marks them, so that claims stay one query."""
        run_id = self.holding.run_id
        await ledger.do(lambda tx: unselect(tx, SHEET_ID))
        if self.assignment.files_only:
            return  # tasks are asked after by the next run
        await ledger.do(lambda tx: ask_again(tx, SHEET_ID, now=time.time()))
        rows, limit, jobs = self.assignment.rows, self.assignment.limit, self.assignment.jobs
        if jobs is not None:
            await ledger.do(lambda tx: select_jobs(tx, SHEET_ID, jobs, run_id=run_id))
        elif rows is not None:
            await ledger.do(
                lambda tx: select_rows(tx, SHEET_ID, RowChoice(positions=rows), run_id=run_id)
            )
        elif limit is not None:
            await ledger.do(lambda tx: select_first(tx, SHEET_ID, limit, run_id=run_id))

    async def _work(self, workshop: Dispatcher, meter: RunStats) -> None:
        async def take() -> object:
            found = await asyncio.to_thread(self._counts)
            meter.limit = workshop.accounts.window
            return meter.snapshot(
                found, in_flight=len(workshop.crews.calls.tasks), oldest=workshop.oldest()
            )

        steering = Steering(self.store, workshop, self.assignment.settings, self.display)
        awake = asyncio.create_task(keep_awake())
        with self._signals(workshop):
            steering.start(self.holding.run_id)
            self.display.start(take)  # type: ignore[arg-type]  # a Snapshot, by Meter
            watch = Watchdog(self.assignment.workspace.table, workshop)
            watching = asyncio.create_task(watch.keep())
            try:
                await workshop.run()
            finally:
                watching.cancel()
                log.info("the loop was late by %.0f ms at worst", watch.late * 1000)
                await steering.close()
                awake.cancel()
                await asyncio.gather(awake, return_exceptions=True)
                await self.display.stop(await take())  # type: ignore[arg-type]  # as above

    def _counts(self) -> Counts:
        with self.store.read() as tx:
            return counts(tx, SHEET_ID)

    @contextlib.contextmanager
    def _signals(self, workshop: Dispatcher) -> Iterator[None]:
        """First Ctrl-C drains, second gives up what is in flight, third ends the process."""
        loop = asyncio.get_running_loop()
        timers: list[asyncio.TimerHandle] = []

        def interrupted(number: int) -> None:
            self._interrupts += 1
            kind = "terminated" if number == signal.SIGTERM else "interrupted"
            if self._interrupts >= 3:
                os._exit(130)
            if self._interrupts == 2:
                workshop.cut()
            workshop.halt(Stop(kind=kind))
            if number == signal.SIGTERM:  # whoever sent it kills after half a minute
                timers.append(loop.call_later(TERM_SECONDS, workshop.cut))
            self.display.tell(workshop.farewell(self._interrupts))

        before: list[tuple[signal.Signals, Callable[..., object] | int | None]] = []
        for number in _stopping_signals():
            try:
                loop.add_signal_handler(number, interrupted, number)
            except NotImplementedError:  # Windows: no handlers in the loop
                before.append((number, signal.getsignal(number)))
                signal.signal(
                    number,
                    lambda number, _frame: loop.call_soon_threadsafe(interrupted, number),
                )
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()
            for number in _stopping_signals():
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)
            for number, old in before:
                signal.signal(number, old)


def _in_commits(
    left: Sequence[Claimed], records: Mapping[int, SpoolRecord]
) -> Iterator[list[list[Claimed]]]:
    """What was left running, by call, as it is settled: all that has no answer in one commit.

    Reading an answer can take the process down, so those go one by one; whoever was in hand at an
    earlier death comes last, and cannot hold up the others.
    """
    calls = sorted(by_call(left), key=lambda jobs: jobs[0].deaths)
    kept = {job.call_id for job in left if job.step is Step.SEND} & records.keys()
    if unanswered := [jobs for jobs in calls if jobs[0].call_id not in kept]:
        yield unanswered
    yield from ([jobs] for jobs in calls if jobs[0].call_id in kept)


def _stopping_signals() -> tuple[signal.Signals, ...]:
    """Ctrl-C, a word from the system, and a closed window, unless nohup asked to outlive that."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return tuple(numbers)
