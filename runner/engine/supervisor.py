"""What single steps tell the whole run: wait, slow down, leave a key or a model, stop."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.job import JSON, Claimed, Failure, FailureClass, Step
from jobs.outcome import Finished, GiveUp, Held
from jobs.store.queue.blocked_models import Block
from runner.engine.health import ModelListHealth, health
from runner.engine.outage import PORTAL, FailedShare, Trouble, is_trouble, wait_of
from runner.pacing.accounts import Accounts, KeyLine
from runner.prices.spending_cap import SpendingCap
from runner.steps.context import RunState, StepResult
from runner.steps.resolve import Signal
from runner.workspace.disk_reserve import DiskReserve

log = logging.getLogger("rowmill")

CREDIT_REFUSALS = 3  # in a row, before it is believed that there is no money left
OUTAGE = "outage"
LOOK_EVERY = 10.0  # seconds, where single answers are suspicious
USELESS_ANSWERS = 10  # paid, in a row, of one model
TRUST = 60.0  # seconds that a key is trusted after a probe showed that it is good

ROWS_OWN = frozenset(
    {
        FailureClass.REFUSED,
        FailureClass.BAD_INPUT,
        FailureClass.TRUNCATED,
        FailureClass.SCHEMA,
        FailureClass.NO_RESULT,
    }
)
"""Failures of a call that the gateway took in."""

OF_ITS_FORM = frozenset({"not_implemented", "wrong_address", "redirect"})
"""Causes that speak of an endpoint's address: the same model may be had at another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a run ends before its work does.

    `kind` is key, credit, offline, budget, until, rule, pilot, interrupted, terminated, disk,
    replaced or broken.
    """

    kind: str
    detail: str = ""
    needs: float | None = None  # what the next call may cost, where no money was left for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How a run behaves as a whole."""

    chosen_only: bool = False
    files_only: bool = False  # saves files of answers that are there; asks nobody for anything
    max_wait: float | None = None  # seconds without anything good
    failed_share: FailedShare | None = None  # the person's rule for stopping
    reserve: DiskReserve
    purse: SpendingCap


class Pauses(Protocol):
    """Hears of pauses: the display."""

    def paused(self, seconds: float, reason: str) -> None: ...
    def away(self, failure: Failure) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reins:
    """How the helm reaches the run."""

    halt: Callable[[Stop], None]
    wake: Callable[[], None]  # the crew that sends
    note: Callable[[str, Mapping[str, JSON]], None]  # an event of the run
    watcher: Pauses


class Supervisor:
    """Hears of every settled step, and steers the run by it."""

    def __init__(self, conduct: Conduct, accounts: Accounts, state: RunState, reins: Reins) -> None:
        self.barred: dict[Block, Failure] = {}
        self._conduct = conduct
        self._accounts = accounts
        self._state = state
        self._reins = reins
        self._trouble = Trouble()
        self._outage: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._looked_at = -math.inf
        self._stopped = False
        self._useless: dict[str, int] = {}
        self._credit_refusals: dict[str, int] = {}
        self._good_at = time.monotonic()
        self._probing: dict[KeyLine, asyncio.Task[None]] = {}

    def heed(self, dones: Sequence[StepResult]) -> None:
        """A step is over, of all jobs that shared its call; the first speaks for the call.

        At once, before anything else is sent; a doubtful key is looked into afterwards.
        """
        done = dones[0]
        job, failure = done.settlement.job, _failure_of(done)
        if job.step is Step.SEND:
            self._weigh(done, failure)
        match done.signal:
            case Signal.GOOD:
                self._good(done)
            case Signal.USELESS:
                self._useless_answer(job, failure)
            case Signal.SLOW_DOWN:
                self._slow_down(done, failure)
            case Signal.CREDIT:
                self._doubt_credit(done, failure)
            case Signal.MODEL:
                self._bar(job, failure)
            case Signal.KEY | Signal.OFFLINE | Signal.NONE:
                pass
        for one in dones:
            self._count_ended(one)

    async def doubt_key(self, done: StepResult) -> None:
        """A 401 may be the gateway's own channel: ask for the list of models before believing."""
        line = self._accounts.line_of(done.settlement.job) or self._accounts.first
        if line.good_until > time.monotonic() or self._stopped:
            return
        if line not in self._probing:
            self._probing[line] = asyncio.create_task(self._probe(line, _failure_of(done)))
        with contextlib.suppress(asyncio.CancelledError):  # a person would not wait for it
            await asyncio.shield(self._probing[line])

    def look_now(self) -> None:
        """Ends a wait before its time: a person says that it is over."""
        self._look_now.set()

    def stopped(self) -> None:
        """The run sends nothing more."""
        self._stopped = True
        self._look_now.set()

    def cut(self) -> None:
        """Waits for nothing."""
        for task in self._probing.values():
            task.cancel()

    async def close(self) -> None:
        """Ends what is still being asked."""
        tasks = [*self._probing.values(), *([self._outage] if self._outage else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- outages ----------------------------------------------------------------------------------

    def _weigh(self, done: StepResult, failure: Failure | None) -> None:
        """Is this the row's own fate, or would the next row meet it too?"""
        outcome, job = done.settlement.outcome, done.settlement.job
        if failure is not None and is_trouble(outcome, done.signal):
            in_flight = sum(one.pace.in_flight for one in self._accounts.accounts)
            outage = self._trouble.failed(in_flight) or self._is_suspicious(failure)
            if outage and self._outage is None:
                self._outage = asyncio.create_task(self._wait_out(failure))
            return
        if done.signal is Signal.GOOD or (failure is not None and failure.kind in ROWS_OWN):
            self._trouble.over()
            usage = outcome.result.usage if outcome.result is not None else None
            self._accounts.went_through(job, usage.total_tokens if usage is not None else None)

    def _is_suspicious(self, failure: Failure) -> bool:
        """Is it a page that no gateway sends, and has nobody looked for a while? A look is free."""
        return failure.cause in PORTAL and time.monotonic() > self._looked_at + LOOK_EVERY

    async def _wait_out(self, failure: Failure) -> None:
        """Nothing is sent while the gateway is not there; asking how it is costs nothing."""
        began, looks = time.time(), 0
        self._accounts.hold(OUTAGE)
        self._reins.note("outage", {"cause": failure.cause, "detail": failure.detail})
        while not self._stopped and await self._is_gone():
            wait = wait_of(looks)
            looks += 1
            log.warning("nobody is there (%s), looking again in %.0f s", failure.cause, wait)
            self._reins.watcher.paused(wait, failure.cause)
            if looks == 1:
                self._reins.watcher.away(failure)
            if self._waited_too_long(failure):
                break
            await self._sleep(wait)
        self._outage = None
        if looks:
            self._trouble.over()
            self._useless.clear()
            self._good_at = time.monotonic()
            self._accounts.release(OUTAGE, carefully=0.0)
        elif failure.cause in PORTAL:  # it is the gateway that answers so: for the model's count
            self._trouble.over()
            self._accounts.release(OUTAGE)
        else:
            wait = self._trouble.again()
            self._reins.watcher.paused(wait, failure.cause)
            self._accounts.release(OUTAGE, carefully=wait)
            self._waited_too_long(failure)
        self._reins.note("outage_over", {"seconds": round(time.time() - began, 1)})
        self._reins.wake()

    async def _is_gone(self) -> bool:
        self._looked_at = time.monotonic()
        return await health(self._accounts.first.wire) is ModelListHealth.GONE

    async def _sleep(self, seconds: float) -> None:
        self._look_now.clear()
        if self._stopped:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look_now.wait()

    def _waited_too_long(self, failure: Failure | None) -> bool:
        limit = self._conduct.max_wait
        if limit is None or time.monotonic() - self._good_at <= limit:
            return False
        self._reins.halt(Stop(kind="offline", detail=failure.detail if failure else ""))
        return True

    # --- the account ------------------------------------------------------------------------------

    def _good(self, done: StepResult) -> None:
        self._useless[done.settlement.job.model] = 0
        account = self._accounts.account_of(done.settlement.job)
        if account is not None:
            self._credit_refusals[account.label] = 0
        self._good_at = time.monotonic()
        self._state.has_good_answer = True

    def _slow_down(self, done: StepResult, failure: Failure | None) -> None:
        reason = failure.cause if failure else ""
        seconds, fresh = self._accounts.slowed(done.settlement.job, done.wait, reason)
        if seconds:
            self._reins.watcher.paused(seconds, reason)
        if fresh:
            account = self._accounts.account_of(done.settlement.job)
            label = account.label if account else ""
            data: dict[str, JSON] = {"account": label, "cause": reason, "seconds": seconds}
            self._reins.note("slow_down", data)
        self._waited_too_long(failure)

    def _doubt_credit(self, done: StepResult, failure: Failure | None) -> None:
        account = self._accounts.account_of(done.settlement.job)
        if account is None:
            return
        count = self._credit_refusals.get(account.label, 0) + 1
        self._credit_refusals[account.label] = count
        if count < CREDIT_REFUSALS or account not in self._accounts.accounts:
            return
        for line in tuple(account.lines):
            if not self._drop(line, "credit"):
                self._reins.halt(Stop(kind="credit", detail=failure.detail if failure else ""))
                return

    async def _probe(self, line: KeyLine, failure: Failure | None) -> None:
        found = await health(line.wire)
        if found is ModelListHealth.GOOD:
            line.good_until = self._state.key_good_until = time.monotonic() + TRUST
        elif found is ModelListHealth.KEY and not self._drop(line, "key"):
            self._reins.halt(Stop(kind="key", detail=failure.detail if failure else ""))
        self._probing.pop(line, None)

    def _drop(self, line: KeyLine, why: str) -> bool:
        """Goes on with the other keys; False where this is the last one."""
        if not self._accounts.drop(line):
            return False
        log.warning("%s is used no more (%s)", line.name, why)
        self._reins.note("key_dropped", {"key": line.name, "cause": why})
        self._reins.wake()
        return True

    # --- models and rows --------------------------------------------------------------------------

    def _useless_answer(self, job: Claimed, failure: Failure | None) -> None:
        count = self._useless[job.model] = self._useless.get(job.model, 0) + 1
        # While an outage is open it is still being found out who answered so.
        if count >= USELESS_ANSWERS and self._outage is None:
            self._bar(job, failure)

    def _bar(self, job: Claimed, failure: Failure | None) -> None:
        """Send nothing more to this model; or only to its endpoint, where that was refused."""
        if failure is None:
            return
        bar = Block(job.model, job.endpoint if failure.cause in OF_ITS_FORM else None)
        if bar in self.barred:
            return
        self.barred[bar] = failure
        self._reins.wake()  # what was due may be of this model
        self._reins.note(
            "model_stopped",
            {**bar._asdict(), "cause": failure.cause, "detail": failure.detail},
        )

    def _count_ended(self, done: StepResult) -> None:
        rule, outcome = self._conduct.failed_share, done.settlement.outcome
        if rule is None or not isinstance(outcome, Finished | GiveUp | Held):
            return
        if rule.ended(failed=isinstance(outcome, GiveUp)):
            self._reins.halt(Stop(kind="rule"))


def _failure_of(done: StepResult) -> Failure | None:
    return done.settlement.outcome.failure
