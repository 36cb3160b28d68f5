"""Tells an outage from failures of single rows, and waits it out."""

import asyncio
import contextlib
import logging
import math
import time
from dataclasses import dataclass

from jobs.job import Failure, FailureClass
from jobs.outcome import Outcome
from runner.catalogue import explain, say
from runner.engine.health import ModelListHealth, health
from runner.engine.run_control import RunHandle
from runner.engine.stop import Conduct, Stop, StopReason
from runner.pacing.accounts import Accounts
from runner.steps.resolution import Signal

log = logging.getLogger("rowmill")

OUTAGE = "outage"  # the kind of event by which other hosts learn of it
HOLD_NAME = "outage"  # under which all calls are held
FAILURES_IN_A_ROW = 5
FIRST_WAIT_SECONDS = 1.0
MAX_LOOK_SECONDS = 60.0  # between two checks whether the provider is back
MAX_TRIAL_SECONDS = 300.0  # between two calls, where the provider answers and its calls fail
LOOK_EVERY_SECONDS = 10.0  # between health checks that single suspicious answers cause

NO_CONTACT_SECONDS = 15.0  # after which an address that has never answered stops the run …
MIN_LOOKS = 3  # … and so many checks

SERVER_SIDE = frozenset({FailureClass.SERVER, FailureClass.NETWORK, FailureClass.TIMEOUT})
PORTAL = frozenset({"html", "empty_answer", "redirect"})
"""What a network's login page or a broken proxy answers with."""


def is_trouble(outcome: Outcome, signal: Signal) -> bool:
    """True if the next row would probably have failed in the same way."""
    failure = outcome.failure
    if failure is None or signal in (Signal.SLOW_DOWN, Signal.MODEL):
        return False
    if signal is Signal.OFFLINE or failure.cause in PORTAL:
        return True
    return failure.kind in SERVER_SIDE and failure.cause != "killed"


@dataclass(slots=True)
class FailureStreak:
    """Counts calls in a row that failed for a reason that is not their row's."""

    in_a_row: int = 0
    level: int = 0  # outages since the last good answer

    def failed(self, in_flight: int) -> bool:
        """Count one more. True in an outage: of many calls at once half must have failed."""
        self.in_a_row += 1
        needed = 1 if self.level else max(FAILURES_IN_A_ROW, in_flight // 2)
        return self.in_a_row >= needed

    def over(self) -> None:
        """A call went through."""
        self.in_a_row = self.level = 0

    def again(self) -> float:
        """The provider answers but its calls fail: seconds to wait before one more is tried."""
        self.level += 1
        self.in_a_row = 0
        return min(FIRST_WAIT_SECONDS * 2.0 ** (self.level - 1), MAX_TRIAL_SECONDS)


def wait_of(look: int) -> float:
    """Seconds to wait after so many checks of a provider that is unreachable."""
    return min(FIRST_WAIT_SECONDS * 2.0 ** min(look, 10), MAX_LOOK_SECONDS)


class Outage:
    """Holds all calls while the provider is unreachable. Health checks cost nothing."""

    def __init__(self, accounts: Accounts, run: RunHandle, conduct: Conduct) -> None:
        self.ends = 0  # outages that are over: answers from before them count no more
        self.ended_at = 0.0  # when the last one was; Unix
        self._accounts = accounts
        self._run = run
        self._max_wait = conduct.max_wait
        self._host = conduct.host
        self._has_answered = conduct.answered_before
        self._trouble = FailureStreak()
        self._task: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._looked_at = -math.inf
        self._good_at = time.monotonic()
        self._stopped = False

    @property
    def is_open(self) -> bool:
        """True while it is being found out, or waited out."""
        return self._task is not None

    def failed(self, failure: Failure) -> None:
        """A call failed in a way that the next one would meet too."""
        in_flight = sum(account.pace.in_flight for account in self._accounts.accounts)
        begins = self._trouble.failed(in_flight) or self._is_suspicious(failure)
        if begins and self._task is None:
            self._task = asyncio.create_task(self._wait_out(failure))

    def suspected(self, failure: Failure) -> None:
        """Another host finds the provider away: it may be for us, too."""
        if self._task is None and not self._stopped:
            self._task = asyncio.create_task(self._wait_out(failure, told=True))

    def answered(self) -> None:
        """The address has answered at some time."""
        self._has_answered = True

    def over(self) -> None:
        """A call went through."""
        self._trouble.over()
        self._has_answered = True

    def good(self) -> None:
        """A usable answer came."""
        self._good_at = time.monotonic()

    def look_now(self) -> None:
        """End a wait early: a person says that the provider is back."""
        self._look_now.set()

    def stopped(self) -> None:
        """The run sends nothing more."""
        self._stopped = True
        self._look_now.set()

    async def close(self) -> None:
        """Cancel a wait that is going on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def waited_too_long(self, failure: Failure | None) -> bool:
        """Stop the run if no usable answer came for `max_wait`."""
        if self._max_wait is None or time.monotonic() - self._good_at <= self._max_wait:
            return False
        self._run.halt(Stop(reason=StopReason.OFFLINE, detail=failure.detail if failure else ""))
        return True

    def _is_suspicious(self, failure: Failure) -> bool:
        """True for a login page's answer if no health check ran lately."""
        return failure.cause in PORTAL and time.monotonic() > self._looked_at + LOOK_EVERY_SECONDS

    async def _wait_out(self, failure: Failure, *, told: bool = False) -> None:
        began = time.time()
        self._accounts.hold(HOLD_NAME)
        if not told:
            words = {"kind": failure.kind.value, "cause": failure.cause, "detail": failure.detail}
            self._run.note(OUTAGE, dict(words))
        looks = await self._wait_until_back(failure)
        self._task = None
        if looks:
            self._trouble.over()
            self.ends += 1
            self.ended_at = time.time()
            self._good_at = time.monotonic()
            self._accounts.release(HOLD_NAME, carefully=0.0)
        elif told:  # it answers this host
            self._accounts.unhold(HOLD_NAME)
        elif failure.cause in PORTAL:  # the provider itself answers so: that is its model's fault
            self._trouble.over()
            self._accounts.release(HOLD_NAME)
        else:
            wait = self._trouble.again()
            self._run.paused(wait, failure.cause)
            self._accounts.release(HOLD_NAME, carefully=wait)
            self.waited_too_long(failure)
        if not told:
            self._run.note("outage_over", {"seconds": round(time.time() - began, 1)})
        self._run.wake()

    async def _wait_until_back(self, failure: Failure) -> int:
        """Check with growing waits; returns how often the provider was unreachable."""
        looks, began = 0, time.monotonic()
        while not self._stopped and await self._is_gone():
            wait = wait_of(looks)
            looks += 1
            log.warning("nobody is there (%s), looking again in %.0f s", failure.cause, wait)
            self._run.paused(wait, failure.cause)
            if looks == 1:
                self._run.away(failure)
            if self.waited_too_long(failure) or self._never_answers(failure, looks, since=began):
                break
            await self._sleep(wait)
        return looks

    def _never_answers(self, failure: Failure, looks: int, *, since: float) -> bool:
        """Stop a run whose address has never answered: nobody can mend that from afar."""
        waited = time.monotonic() - since
        told = failure.kind is FailureClass.NETWORK or failure.cause in PORTAL
        if self._has_answered or not told:
            return False
        if waited < NO_CONTACT_SECONDS or looks < MIN_LOOKS:
            return False
        meaning = explain(failure.kind, failure.cause).meaning
        detail = say("run.never_answered", host=self._host, meaning=meaning, detail=failure.detail)
        self._run.halt(Stop(reason=StopReason.UNREACHABLE, detail=detail.strip()))
        return True

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
