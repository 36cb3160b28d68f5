"""The two crews of a run: one asks, one saves files; each takes a job, does a step, settles it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from jobs.job import Claimed, Failure, FailureClass, Step
from jobs.outcome import GiveUp
from jobs.store.choices import one_more_pass
from jobs.store.claims import Order, next_due
from jobs.store.settles import Ended, Settlement
from runner.catalogue import say
from runner.ledger import Ledger
from runner.resolution import Signal
from runner.steps import Done, Steps

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
    """Workers for some steps; `gate` is None where only the number of hands counts."""

    name: str
    steps: tuple[Step, ...]
    hands: int
    gate: Gate | None = None
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    idle_since: int = -1  # the settle count at which there was nothing left to do

    def admit(self) -> int:
        free = self.hands - len(self.tasks)
        return self.gate.admit(free) if self.gate is not None and free > 0 else max(free, 0)

    def give_back(self, unused: int) -> None:
        if self.gate is not None and unused:
            self.gate.give_back(unused)

    def ended(self) -> None:
        if self.gate is not None:
            self.gate.ended()


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
    """Both crews over one table, until nothing is left or something stops them."""

    def __init__(
        self,
        steps: Steps,
        ledger: Ledger,
        conduct: Conduct,
        *,
        crews: tuple[Crew, Crew],
        watcher: Watcher,
    ) -> None:
        self.steps = steps
        self.ledger = ledger
        self.conduct = conduct
        self.calls, self.files = crews
        self.watcher = watcher
        self.stop: Stop | None = None
        self.barred: dict[str, Failure] = {}
        self.started_at = time.time()
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._settled = 0
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
        return self.calls.gate

    async def run(self) -> None:
        """Work until every job is settled, or a stop has drained what was in flight."""
        loops = [asyncio.create_task(self._serve(crew)) for crew in (self.calls, self.files)]
        try:
            await asyncio.gather(*loops)
        finally:
            for loop in loops:
                loop.cancel()
            await self._drain()

    def halt(self, stop: Stop) -> None:
        """Take no new job; what is in flight goes on to its end."""
        if self.stop is None:
            self.stop = stop
        self._stopping.set()
        self._wake.set()

    def cut(self) -> None:
        """Wait for nothing: calls in flight are given up and marked as in flight at a stop."""
        for crew in (self.calls, self.files):
            for task in crew.tasks:
                task.cancel()

    def oldest(self) -> float | None:
        """Age in seconds of the oldest call in flight."""
        return time.monotonic() - min(self._began.values()) if self._began else None

    def farewell(self, times: int) -> str:
        """What a person who pressed Ctrl-C should know."""
        if times >= 2:
            return say("run.cut")
        return say("run.draining", calls=len(self.calls.tasks), files=len(self.files.tasks))

    async def _drain(self) -> None:
        while tasks := [*self.calls.tasks, *self.files.tasks]:
            await asyncio.wait(tasks)

    async def _serve(self, crew: Crew) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            seen = self._settled
            allowed = crew.admit()
            taken = await self._take(crew, allowed) if allowed else []
            crew.give_back(allowed - len(taken))
            for job in taken:
                self._start(crew, job)
            if taken:
                continue
            if allowed and await self._nothing_left(crew, seen):
                return
            if not allowed:
                await self._until(crew.gate.next_at() if crew.gate else None)

    async def _take(self, crew: Crew, allowed: int) -> list[Claimed]:
        taken: list[Claimed] = []
        for step in crew.steps:
            if len(taken) < allowed:
                taken += await self.ledger.claim(self._order(step, allowed - len(taken)))
        return taken

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
        """Nothing is due for this crew: wait for what comes next, or see that the run is over."""
        orders = [self._order(step, 1) for step in crew.steps]
        due = await self.ledger.do(lambda tx: next_due(tx, self.ledger.holding, orders))
        if due is not None:
            await self._until(time.monotonic() + min(max(due - time.time(), 0.0), LOOK_AGAIN))
            return False
        crew.idle_since = seen
        if self._all_idle():
            if self._second_pass or not await self._once_more():
                self._stopping.set()
                self._wake.set()
                return True
            return False
        await self._until(time.monotonic() + LOOK_AGAIN)
        return False

    def _all_idle(self) -> bool:
        crews = (self.calls, self.files)
        return all(not crew.tasks and crew.idle_since == self._settled for crew in crews)

    async def _once_more(self) -> bool:
        """One more pass for what failed in passing during this run."""
        self._second_pass = True
        holding, since = self.ledger.holding, self.started_at
        count = await self.ledger.do(
            lambda tx: one_more_pass(tx, holding.batch_id, since=since, now=time.time())
        )
        if count:
            await self.ledger.note("second_pass", {"rows": count})
        return count > 0

    async def _until(self, moment: float | None) -> None:
        """Sleep until a settle or a stop wakes us, or that moment of the monotonic clock has come."""
        wait = (
            None
            if moment is None or moment == float("inf")
            else max(moment - time.monotonic(), 0.0)
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()

    def _start(self, crew: Crew, job: Claimed) -> None:
        task = asyncio.create_task(self._work(crew, job))
        crew.tasks.add(task)
        task.add_done_callback(lambda task: self._ended(crew, task))

    def _ended(self, crew: Crew, task: "asyncio.Task[None]") -> None:
        crew.tasks.discard(task)
        crew.ended()
        self._settled += 1
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the table cannot be written", exc_info=error)
            self.halt(Stop(kind="broken", detail=str(error)))

    async def _work(self, crew: Crew, job: Claimed) -> None:
        """One step of one job: perform it, settle it, tell the run. A settle is never given up."""
        started = self._began[job.id] = time.monotonic()
        try:
            done = await self._performed(job)
        finally:
            del self._began[job.id]
        await asyncio.shield(self._settle(done, time.monotonic() - started))

    async def _settle(self, done: Done, seconds: float) -> None:
        await self.ledger.settle(done.settlement)
        await self.steps.settled(done)
        self.watcher.settled(done, seconds)
        await self._heed(done)

    async def _performed(self, job: Claimed) -> Done:
        try:
            if job.step is Step.SEND:
                return await self.steps.send(job)
            return await self.steps.fetch(job)
        except asyncio.CancelledError:
            return self.steps.given_up(job)
        except Exception as error:  # noqa: BLE001 - a bug becomes its own failure class, here only
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
        """A 401 may be the gateway's own channel: ask for the list of models before stopping all."""
        if self.steps.key_good or self.stop is not None:
            return
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe(failure))
        await asyncio.shield(self._probing)

    async def _probe(self, failure: Failure | None) -> None:
        if await self.conduct.probe():
            self.steps.key_good = True
        else:
            self.halt(Stop(kind="key", detail=failure.detail if failure else ""))
        self._probing = None
