"""A run at work: round by round it writes down what has ended and gives out what may start."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from jobs.failpoints import reach
from jobs.job import JSON, Claimed, Failure, FailureClass, Step
from jobs.outcome import Answered, Released, Repeat, Submitted, TryAgain
from jobs.store import DriverError
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.claims import ClaimRequest
from jobs.store.queue.settles import Settlement
from jobs.store.writer import ClaimedJobs, TableWriter
from runner.catalogue import say
from runner.catalogue.money import format_amount
from runner.catalogue.reasons import reason
from runner.engine.last_pass import FinalPass
from runner.engine.supervisor import Conduct, Pauses, Reins, Stop, Supervisor
from runner.engine.worker_pool import AT_ONCE, WorkerPool, WorkerPools, by_call
from runner.pacing.rate_window import Limits
from runner.prices.spending_cap import CapReached
from runner.steps.context import StepResult
from runner.steps.resolve import Signal
from runner.steps.steps import Steps
from runner.workspace.disk_reserve import is_disk_trouble

log = logging.getLogger(__name__)

MANY = 4  # outcomes in one commit; from here on …
GATHERING = 0.02  # … so many seconds between commits make fewer of them, each for many rows
DISK_WAIT = 30.0  # seconds before a step is tried again that found no room


class Watcher(Pauses, Protocol):
    """Hears of every settled step: the display and the log."""

    def settled(self, done: StepResult, seconds: float) -> None: ...

    def heard(self) -> None:
        """All steps of a commit have been told."""


class FinishedStep(NamedTuple):
    """A step that is over, and how long it took; `others` shared its call."""

    done: StepResult
    seconds: float
    others: Sequence[StepResult] = ()

    @property
    def quiet(self) -> bool:
        """Is everything done with it once it is durable?"""
        return self.done.signal is not Signal.KEY and not self.done.saved_base64


class Dispatcher:
    """All crews over one table, until nothing is left or something stops them."""

    def __init__(
        self,
        steps: Steps,
        ledger: TableWriter,
        conduct: Conduct,
        *,
        crews: WorkerPools,
        watcher: Watcher,
    ) -> None:
        self.steps = steps
        self.ledger = ledger
        self.conduct = conduct
        self.crews = crews
        self.watcher = watcher
        self.stop: Stop | None = None
        assert crews.calls.gate is not None
        self.accounts = crews.calls.gate
        reins = Reins(halt=self.halt, wake=self.wake, note=self._note, watcher=watcher)
        self.helm = Supervisor(conduct, self.accounts, steps.state, reins)
        self._last = FinalPass(ledger, since=time.time())
        self._stopping = False
        self._cut = False
        self._began: dict[int, float] = {}
        self._ended: list[FinishedStep] = []  # waits for the next commit
        self._chores: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    @property
    def barred(self) -> Mapping[Block, Failure]:
        """What nothing is sent to any more, and why."""
        return self.helm.barred

    async def run(self) -> None:
        """Work until every job is settled, or a stop has drained what was in flight."""
        try:
            while not self._over() or (not self._cut and await self._suspects()):
                await self._round()
        except DriverError as error:
            self.halt(Stop(kind="broken", detail=str(error.orig)))
        finally:
            await self._drain()
            await self.helm.close()
        if self.stop is None and (dear := self.conduct.purse.too_dear) is not None:
            self.stop = Stop(kind="budget", detail=budget_words(dear), needs=dear.most)

    def halt(self, stop: Stop) -> None:
        """Send nothing more. Calls in flight end, and the files of their answers are saved."""
        if self.stop is None:
            self.stop = stop
        self._stopping = True
        self.helm.stopped()
        self._wake.set()

    def woke(self, seconds: float, patience: float) -> None:
        """The machine was asleep: what is in flight gets a last while, then it is given up."""
        log.warning("the machine was asleep for %.0f s", seconds)
        self.steps.renew_connections()
        asleep = [task for crew in self.crews for task in crew.tasks]
        asyncio.get_running_loop().call_later(patience, _cancel, asleep)

    def lost_table(self) -> None:
        """Another file lies where the table was."""
        self.halt(Stop(kind="replaced"))

    def wake(self) -> None:
        """Calls may be sent again."""
        self.crews.calls.hear()
        self._wake.set()

    def retune(self, limits: Limits) -> None:
        """New limits for calls from now on."""
        self.accounts.retune(limits)
        self.crews.calls.hands = limits.in_flight * len(self.accounts.accounts)
        self.wake()

    def _note(self, kind: str, data: Mapping[str, JSON]) -> None:
        """An event of this run, written down beside everything else."""
        self._do_beside(self.ledger.note(kind, data))

    def cut(self) -> None:
        """Wait for nothing: what is in flight is given up, as if the process had died."""
        self._cut = True
        self.helm.cut()
        for crew in self.crews:
            for task in crew.tasks:
                task.cancel()
        self._wake.set()

    def go_carefully(self, jobs: int) -> None:
        """Save the files of so many jobs one by one: if one takes the process down, it is known."""
        self.crews.files.alone_for = jobs

    def oldest(self) -> float | None:
        """Age in seconds of the oldest call in flight."""
        return time.monotonic() - min(self._began.values()) if self._began else None

    def farewell(self, times: int) -> str:
        """What a person who pressed Ctrl-C should know."""
        if times >= 2:
            return say("run.cut")
        calls, files = len(self.crews.calls.tasks), len(self.crews.files.tasks)
        if not calls + files:
            return say("run.stopping")
        return say("run.draining", calls=calls, files=files)

    async def _drain(self) -> None:
        """Settle what is still going on; nothing new is taken."""
        self._stopping = True
        while self._busy():
            if not self._ended:
                await asyncio.wait(self._going_on(), return_when=asyncio.FIRST_COMPLETED)
            try:
                await self._hand_in(self._take_ended(), {})
            except DriverError as error:  # the spool has the answers, for the next run
                log.exception("the table cannot be written")
                self.halt(Stop(kind="broken", detail=str(error.orig)))

    @property
    def _out_of_money(self) -> bool:
        return self.conduct.purse.too_dear is not None

    def _busy(self) -> bool:
        return bool(self._ended or self._going_on())

    def _going_on(self) -> set["asyncio.Task[Any]"]:
        return {task for crew in self.crews for task in crew.tasks} | self._chores

    # --- rounds: hand in what has ended, take what may start --------------------------------------

    async def _round(self) -> None:
        """One commit: outcomes in, jobs out. Without either, wait for what comes first."""
        self._wake.clear()
        ended = self._take_ended()
        orders = self._orders()
        if ended or orders:
            await self._hand_in(ended, orders)
            if MANY <= len(ended) < AT_ONCE:
                await asyncio.sleep(GATHERING)
        elif self._stopping or not self._nothing_left():
            await self._sleep()
        elif not (await self._suspects() or await self._once_more()):
            self._stopping = True

    def _take_ended(self) -> list[FinishedStep]:
        """Outcomes for one commit. What has no more to be done about leaves a free hand."""
        ended = self._ended[:AT_ONCE]
        del self._ended[:AT_ONCE]
        for over in ended:
            for done in (over.done, *over.others):
                self._hear_of(done)
            if over.quiet:
                self._let_go(over.done)
        return ended

    def _hear_of(self, done: StepResult) -> None:
        """Whose job is it next? And what is left of the money?"""
        self.conduct.purse.settled(done.settlement)
        if self.conduct.purse.too_dear is not None:
            self.crews.calls.hear()  # what did not fit may fit now
        match done.settlement.outcome:
            case Answered():
                self.crews.files.hear()
            case Submitted():
                self.crews.polls.hear()
            case Released() | TryAgain() | Repeat():
                self.crews.of(done.settlement.job).hear()
            case _:
                pass

    def _orders(self) -> dict[Step, tuple[int, int]]:
        """For each crew that may take something: how many jobs, and its news when it asked."""
        orders = {}
        for crew in self.crews:
            if self._over_for(crew) or not crew.curious:
                continue
            if crew is self.crews.calls and self._no_room():
                continue
            if allowed := crew.admit():
                orders[crew.step] = (allowed, crew.news)
        return orders

    async def _hand_in(
        self, ended: list[FinishedStep], orders: dict[Step, tuple[int, int]]
    ) -> None:
        dones = [done for over in ended for done in (over.done, *over.others)]
        found = await self.ledger.exchange(
            [done.settlement for done in dones],
            [self._order(step, allowed) for step, (allowed, _) in orders.items()],
        )
        if any(job.step is Step.SEND for taken in found.taken for job in taken.jobs):
            reach("call.durable")
        for place, error in found.errors.items():
            row = dones[place].settlement.job.row
            log.error("row %s: the table cannot be written", row, exc_info=error)
            self.halt(Stop(kind="broken", detail=str(getattr(error, "orig", error))))
        for (step, (allowed, seen)), taken in zip(orders.items(), found.taken, strict=True):
            self._got(self._crew(step), allowed, taken, seen=seen)
        failed = {id(dones[place]) for place in found.errors}
        for over in ended:
            if id(over.done) not in failed:
                self._durable(over)
        self.watcher.heard()

    def _crew(self, step: Step) -> WorkerPool:
        return next(crew for crew in self.crews if crew.step is step)

    def _got(self, crew: WorkerPool, allowed: int, taken: ClaimedJobs, *, seen: int) -> None:
        """Start what was taken, or put it back where a stop came meanwhile."""
        errands = by_call(taken.jobs)
        crew.give_back(allowed - len(errands))
        dear = crew.step is Step.SEND and self.conduct.purse.take(taken.jobs)
        if dear or len(taken.jobs) < allowed:
            crew.found_nothing(None if dear else taken.due, seen=seen)
        for jobs in errands:
            crew.began(jobs[0])
            if self._over_for(crew):
                done, *others = map(self.steps.abandon, jobs)
                self._ended.append(FinishedStep(done, 0.0, others))
            else:
                self._start(crew, jobs)

    def _durable(self, over: FinishedStep) -> None:
        """Tell whoever watches; what takes longer keeps its hand until it is through."""
        _reached(over.done.settlement)
        if over.done.settlement.answer is not None:
            self.conduct.reserve.learn(over.done.settlement.answer.size)
        self.steps.on_durable(over.done)
        for done in (over.done, *over.others):
            self.watcher.settled(done, over.seconds)
        if not over.quiet:
            self._do_beside(self._see_to(over.done))

    async def _see_to(self, done: StepResult) -> None:
        try:
            await self.steps.slim_answer(done)
            if done.signal is Signal.KEY and not self._cut:
                await self.helm.doubt_key(done)
        finally:
            self._let_go(done)

    def _let_go(self, done: StepResult) -> None:
        job = done.settlement.job
        self.crews.of(job).let_go(job)

    def _do_beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that no round waits for, but the end of the run does."""
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chore_ended)

    def _chore_ended(self, chore: "asyncio.Task[None]") -> None:
        self._chores.discard(chore)
        self._wake.set()
        if not chore.cancelled() and (error := chore.exception()) is not None:
            log.error("the table cannot be written", exc_info=error)
            self.halt(Stop(kind="broken", detail=str(getattr(error, "orig", error))))

    async def _sleep(self) -> None:
        """Until a step ends, or something may be ready."""
        crews = [crew for crew in self.crews if not self._over_for(crew)]
        moment = min((crew.next_look() for crew in crews), default=math.inf)
        wait = None if moment == math.inf else max(moment - time.monotonic(), 0.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()

    def _over(self) -> bool:
        """Files go on after a stop, until those of the last answers are saved."""
        if not self._stopping:
            return False
        if self._cut:
            return True
        due = self.crews.files.due
        later = due is None or due > time.time()
        return not self._busy() and not self.crews.files.curious and later

    def _no_room(self) -> bool:
        """Would the answers of what may be in flight not fit on the disk? Then stop buying."""
        why = self.conduct.reserve.trouble(self.crews.calls.hands)
        if why is not None:
            self.halt(Stop(kind="disk", detail=reason(why)))
        return why is not None

    def _over_for(self, crew: WorkerPool) -> bool:
        ended = self._stopping or self.conduct.files_only
        return self._cut or (ended and crew is not self.crews.files)

    def _order(self, step: Step, limit: int) -> ClaimRequest:
        at_send = step is Step.SEND
        return ClaimRequest(
            step=step,
            limit=limit,
            account=self.accounts.label,
            barred=frozenset(self.barred) if at_send else frozenset(),
            chosen_only=at_send and self.conduct.chosen_only,
            sharing=self.steps.sharing if at_send else {},
            purse=self.conduct.purse if at_send else None,
        )

    def _nothing_left(self) -> bool:
        working = [crew for crew in self.crews if not self._over_for(crew)]
        return not self._busy() and all(crew.idle for crew in working)

    async def _suspects(self) -> bool:
        if not await self._last.suspects():
            return False
        self._hear()
        return True

    async def _once_more(self) -> bool:
        if self._out_of_money or not await self._last.second_pass(self.barred.keys()):
            return False
        self._hear()
        return True

    def _hear(self) -> None:
        """There may be something for every crew again."""
        for crew in self.crews:
            crew.hear()

    def _start(self, crew: WorkerPool, jobs: Sequence[Claimed]) -> None:
        started = self._began[jobs[0].id] = time.monotonic()
        task = asyncio.create_task(self._performed(jobs))
        crew.tasks.add(task)
        task.add_done_callback(lambda task: self._performed_one(crew, jobs, task, started))

    def _performed_one(
        self,
        crew: WorkerPool,
        jobs: Sequence[Claimed],
        task: "asyncio.Task[Sequence[StepResult]]",
        started: float,
    ) -> None:
        crew.tasks.discard(task)
        del self._began[jobs[0].id]
        # Cancelled before its first line: nothing was done.
        dones = map(self.steps.abandon, jobs) if task.cancelled() else task.result()
        done, *others = dones or (None,)
        if done is None:  # left as it is: its answer waits in the spool
            crew.let_go(jobs[0])
            self._wake.set()
            return
        if not self._cut:
            self.helm.heed([done, *others])
        self._ended.append(FinishedStep(done, time.monotonic() - started, others))
        self._wake.set()

    async def _performed(self, jobs: Sequence[Claimed]) -> Sequence[StepResult]:
        try:
            return await self.steps.perform(jobs)
        except asyncio.CancelledError:
            return [self.steps.abandon(job) for job in jobs]
        except OSError as error:
            if not is_disk_trouble(error):
                return self._broke(jobs, error)
            return self._disk_is_full(jobs[0], error)
        except Exception as error:  # noqa: BLE001 - a bug becomes its own failure class, here only
            return self._broke(jobs, error)

    def _broke(self, jobs: Sequence[Claimed], error: Exception) -> Sequence[StepResult]:
        log.error("row %s: a step broke", jobs[0].row, exc_info=error)
        failure = Failure(
            kind=FailureClass.CRASHED, cause=type(error).__name__, detail=str(error)[:300]
        )
        return self.steps.fail(jobs, failure)

    def _disk_is_full(self, job: Claimed, error: OSError) -> Sequence[StepResult]:
        """Buy nothing more. An answer stays in the spool for the next run, a file is for later."""
        log.error("row %s: the disk keeps nothing: %s", job.row, error)
        self.conduct.reserve.spend()
        self.halt(Stop(kind="disk", detail=reason(error)))
        return [] if job.step is Step.SEND else [self.steps.postpone(job, DISK_WAIT)]


def _cancel(tasks: "list[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()


def _reached(settled: Settlement) -> None:
    if settled.job.step is Step.FETCH:
        reach("file.durable")
    elif isinstance(settled.outcome, Submitted):
        reach("ticket.durable")
    elif settled.answer is not None:
        reach("answer.durable")


def budget_words(dear: CapReached) -> str:
    """Why the next call is not begun."""
    row, left = f"{dear.row:,}", format_amount(dear.left)
    if dear.most is None:
        return say("budget.no_price", row=row)
    return say("budget.too_dear", row=row, most=format_amount(dear.most), left=left)
