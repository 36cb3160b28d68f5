"""The crews of a run: they take a job, do one step, settle it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from jobs.job import Claimed, Failure, FailureClass, Step
from jobs.outcome import Answered, GiveUp, Submitted
from jobs.store import BusyError
from jobs.store.choices import one_more_pass
from jobs.store.claims import Order, next_due
from jobs.store.settles import Ended, Settlement
from runner.catalogue import say
from runner.ledger import Ledger
from runner.resolution import Signal
from runner.steps import Steps
from runner.steps.send import to_the_end
from runner.steps.terms import Done

log = logging.getLogger(__name__)

CREDIT_REFUSALS = 3  # in a row, before the run believes that there is no money left
USELESS_ANSWERS = 10  # paid, in a row, of one model
LOOK_AGAIN = 5.0  # seconds; another terminal may have put rows back


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a run ends before its work does; `kind` is key, credit, offline, person or broken."""

    kind: str
    detail: str = ""


class Gate(Protocol):
    """When how many calls may start; what `admit` lets go is given back by `ended`."""

    def admit(self, wanted: int) -> int: ...
    def give_back(self, unused: int) -> None: ...
    def ended(self) -> None: ...
    def next_at(self) -> float: ...
    def pause(self, seconds: float, reason: str) -> None: ...
    def slowed(self) -> None: ...
    def succeeded(self) -> None: ...


@dataclass(slots=True)
class Crew:
    """Workers for one step; `gate` is None where only the number of hands counts."""

    step: Step
    hands: int
    gate: Gate | None = None
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    news: int = 0  # counts whatever may have given this crew something to do
    idle_at: int = -1  # the news after which there was nothing left to do
    alone_for: int = 0  # so many jobs are taken one by one
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def admit(self) -> int:
        free = (1 if self.alone_for else self.hands) - len(self.tasks)
        return self.gate.admit(free) if self.gate is not None and free > 0 else max(free, 0)

    def give_back(self, unused: int) -> None:
        if self.gate is not None and unused:
            self.gate.give_back(unused)

    def ended(self) -> None:
        self.alone_for = max(self.alone_for - 1, 0)
        if self.gate is not None:
            self.gate.ended()

    def hear(self) -> None:
        self.news += 1
        self.wake.set()


class Crews(NamedTuple):
    """Who works in a run: one crew asks, one asks after tasks, one saves files."""

    calls: Crew
    polls: Crew
    files: Crew


class Watcher(Protocol):
    """Hears of every settled step: the display and the log."""

    def settled(self, done: Done, seconds: float) -> None: ...
    def paused(self, seconds: float, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How a run behaves as a whole."""

    account: str
    chosen_only: bool = False
    max_wait: float | None = None  # seconds without anything good
    probe: Callable[[], Awaitable[bool]]  # is the key itself accepted?


class Workshop:
    """All crews over one table, until nothing is left or something stops them."""

    def __init__(
        self,
        steps: Steps,
        ledger: Ledger,
        conduct: Conduct,
        *,
        crews: Crews,
        watcher: Watcher,
    ) -> None:
        self.steps = steps
        self.ledger = ledger
        self.conduct = conduct
        self.crews = crews
        self.watcher = watcher
        self.stop: Stop | None = None
        self.barred: dict[str, Failure] = {}
        self.started_at = time.time()
        self._stopping = False
        self._cut = False
        self._useless: dict[str, int] = {}
        self._credit_refusals = 0
        self._good_at = time.monotonic()
        self._offline = 0
        self._probing: asyncio.Task[None] | None = None
        self._second_pass = False
        self._began: dict[int, float] = {}

    @property
    def pace(self) -> "Gate | None":
        """The gate of the calls."""
        return self.crews.calls.gate

    async def run(self) -> None:
        """Work until every job is settled, or a stop has drained what was in flight."""
        loops = [asyncio.create_task(self._serve(crew)) for crew in self.crews]
        try:
            await asyncio.gather(*loops)
        except BusyError as error:
            self.halt(Stop(kind="broken", detail=str(error.orig)))
        finally:
            for loop in loops:
                loop.cancel()
            await self._drain()

    def halt(self, stop: Stop) -> None:
        """Send nothing more. Calls in flight end, and the files of their answers are saved."""
        if self.stop is None:
            self.stop = stop
        self._stopping = True
        self._wake()

    def cut(self) -> None:
        """Wait for nothing: what is in flight is given up, as if the process had died."""
        self._cut = True
        for crew in self.crews:
            for task in crew.tasks:
                task.cancel()
        self._wake()

    def _wake(self) -> None:
        for crew in self.crews:
            crew.wake.set()

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
        return say(
            "run.draining", calls=len(self.crews.calls.tasks), files=len(self.crews.files.tasks)
        )

    async def _drain(self) -> None:
        while tasks := [task for crew in self.crews for task in crew.tasks]:
            await asyncio.wait(tasks)

    async def _serve(self, crew: Crew) -> None:
        while not self._over_for(crew):
            crew.wake.clear()
            seen = crew.news
            allowed = crew.admit()
            taken = await self.ledger.claim(self._order(crew.step, allowed)) if allowed else []
            crew.give_back(allowed - len(taken))
            if self._over_for(crew):  # a stop came while they were being claimed
                await self._put_back(crew, taken)
                return
            for job in taken:
                self._start(crew, job)
            if taken:
                continue
            if not allowed:
                await _until(crew, crew.gate.next_at() if crew.gate else None)
            elif await self._nothing_left(crew, seen):
                return

    async def _put_back(self, crew: Crew, taken: list[Claimed]) -> None:
        """Nothing was done with these."""
        crew.give_back(len(taken))
        for job in taken:
            await self.ledger.settle(self.steps.given_up(job).settlement)

    def _over_for(self, crew: Crew) -> bool:
        """Files go on after a stop, until those of the last answers are saved."""
        return self._cut or (self._stopping and crew is not self.crews.files)

    def _order(self, step: Step, limit: int) -> Order:
        at_send = step is Step.SEND
        return Order(
            step=step,
            limit=limit,
            account=self.conduct.account,
            barred=frozenset(self.barred) if at_send else frozenset(),
            chosen_only=at_send and self.conduct.chosen_only,
        )

    async def _nothing_left(self, crew: Crew, seen: int) -> bool:
        """Nothing could be taken: wait for what comes next, or see that it is over."""
        order = self._order(crew.step, 1)
        due = await self.ledger.do(lambda tx: next_due(tx, self.ledger.holding, order))
        if self._stopping:
            return await self._last_files(crew, due)
        if due is not None:
            moment = time.monotonic() + min(max(due - time.time(), 0.0), LOOK_AGAIN)
            await _until(crew, moment)
            return False
        crew.idle_at = seen
        if not self._all_idle():
            await _until(crew, time.monotonic() + LOOK_AGAIN)
        elif self._second_pass or not await self._once_more():
            self._stopping = True
            self._wake()
            return True
        return False

    async def _last_files(self, crew: Crew, due: float | None) -> bool:
        """After a stop: over when no call can bring more files and no file is due now."""
        if due is not None and due <= time.time():
            return False
        if any(one.tasks for one in self.crews):
            await _until(crew, None)
            return False
        return True

    def _all_idle(self) -> bool:
        return all(not crew.tasks and crew.idle_at == crew.news for crew in self.crews)

    async def _once_more(self) -> bool:
        """One more pass for what failed in passing during this run."""
        self._second_pass = True
        holding, since = self.ledger.holding, self.started_at
        count = await self.ledger.do(
            lambda tx: one_more_pass(
                tx, holding.batch_id, since=since, now=time.time(), barred=self.barred.keys()
            )
        )
        if count:
            await self.ledger.note("second_pass", {"rows": count})
            for crew in self.crews:
                crew.hear()
        return count > 0

    def _start(self, crew: Crew, job: Claimed) -> None:
        task = asyncio.create_task(self._work(job))
        crew.tasks.add(task)
        task.add_done_callback(lambda task: self._ended(crew, task))

    def _ended(self, crew: Crew, task: "asyncio.Task[None]") -> None:
        crew.tasks.discard(task)
        crew.ended()
        crew.hear()
        if self._stopping:
            self._wake()  # the files wait for the last call
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the table cannot be written", exc_info=error)
            self.halt(Stop(kind="broken", detail=str(error)))

    async def _work(self, job: Claimed) -> None:
        """One step of one job: perform it, settle it, tell the run."""
        started = self._began[job.id] = time.monotonic()
        try:
            done = await self._performed(job)
        finally:
            del self._began[job.id]
        await to_the_end(self._settle(done, time.monotonic() - started))
        if not self._cut:
            await self._heed(done)

    async def _settle(self, done: Done, seconds: float) -> None:
        await self.ledger.settle(done.settlement)
        if isinstance(done.settlement.outcome, Answered):
            self.crews.files.hear()
        elif isinstance(done.settlement.outcome, Submitted):
            self.crews.polls.hear()
        await self.steps.settled(done)
        self.watcher.settled(done, seconds)

    async def _performed(self, job: Claimed) -> Done:
        try:
            return await self.steps.perform(job)
        except asyncio.CancelledError:
            return self.steps.given_up(job)
        except Exception as error:  # a bug becomes its own failure class, here only
            log.exception("row %s: a step broke", job.row)
            failure = Failure(
                kind=FailureClass.CRASHED, cause=type(error).__name__, detail=str(error)[:300]
            )
            ended = Ended(wire="E", seconds=0.0) if job.step is Step.SEND else None
            return Done(
                settlement=Settlement(job=job, outcome=GiveUp(failure=failure), ended=ended)
            )

    # --- what one step tells the whole run --------------------------------------------------------

    async def _heed(self, done: Done) -> None:
        job = done.settlement.job
        failure = getattr(done.settlement.outcome, "failure", None)
        match done.signal:
            case Signal.GOOD:
                self._good(job.model)
            case Signal.USELESS:
                await self._useless_answer(job.model, failure)
            case Signal.SLOW_DOWN:
                self._quiet(done.pause, failure, slowed=True)
            case Signal.OFFLINE:
                self._offline += 1
                self._quiet(min(done.pause * self._offline, 30.0), failure, slowed=False)
                self._give_up_waiting(failure)
            case Signal.KEY:
                await self._doubt_key(failure)
            case Signal.CREDIT:
                self._credit_refusals += 1
                if self._credit_refusals >= CREDIT_REFUSALS:
                    self.halt(Stop(kind="credit", detail=failure.detail if failure else ""))
            case Signal.MODEL:
                await self._bar(job.model, failure)
            case Signal.NONE:
                pass

    def _good(self, model: str) -> None:
        self._useless[model] = 0
        self._credit_refusals = 0
        self._offline = 0
        self._good_at = time.monotonic()
        if self.pace is not None:
            self.pace.succeeded()

    def _quiet(self, seconds: float, failure: Failure | None, *, slowed: bool) -> None:
        reason = failure.cause if failure else ""
        if self.pace is not None:
            self.pace.pause(seconds, reason)
            if slowed:
                self.pace.slowed()
        self.watcher.paused(seconds, reason)
        self._give_up_waiting(failure)

    def _give_up_waiting(self, failure: Failure | None) -> None:
        limit = self.conduct.max_wait
        if limit is not None and time.monotonic() - self._good_at > limit:
            self.halt(Stop(kind="offline", detail=failure.detail if failure else ""))

    async def _useless_answer(self, model: str, failure: Failure | None) -> None:
        self._useless[model] = self._useless.get(model, 0) + 1
        if self._useless[model] >= USELESS_ANSWERS and failure is not None:
            await self._bar(model, failure)

    async def _bar(self, model: str, failure: Failure | None) -> None:
        if model in self.barred or failure is None:
            return
        self.barred[model] = failure
        await self.ledger.note(
            "model_stopped", {"model": model, "cause": failure.cause, "detail": failure.detail}
        )

    async def _doubt_key(self, failure: Failure | None) -> None:
        """A 401 may be the gateway's own channel: ask for the list of models before stopping."""
        if self.steps.standing.key_good or self.stop is not None:
            return
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe(failure))
        await asyncio.shield(self._probing)

    async def _probe(self, failure: Failure | None) -> None:
        if await self.conduct.probe():
            self.steps.standing.key_good = True
        else:
            self.halt(Stop(kind="key", detail=failure.detail if failure else ""))
        self._probing = None


async def _until(crew: Crew, moment: float | None) -> None:
    """Sleep until something wakes the crew, or that moment of the monotonic clock has come."""
    forever = moment is None or moment == float("inf")
    wait = None if forever or moment is None else max(moment - time.monotonic(), 0.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait):
            await crew.wake.wait()
