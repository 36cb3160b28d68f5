"""When the calls of one account may start, and how many at once.

The rules of rate control, all of them; each names the module that has it.

 1. Limits of the user (`-c`, `--rpm`, `--tpm`) hold always, for all processes that share the
    account (rate_window, quota).
 2. A wait that the provider asks for is a pause of all calls of the account (backoff, pace).
 3. After a refusal one call at a time goes out, after pauses that grow from one second to a
    minute, until one is accepted. Calls refused together count once (pace).
 4. A trial that is not refused within a few seconds counts as accepted: refusals are fast (pace).
 5. With a fixed `-c`, rare refusals cost no more than their pauses; many, or several in a row,
    teach a rate (pace, adaptive_rate).
 6. With `auto` a refusal teaches the rate that was accepted in the minute before; the rate then
    climbs slowly (adaptive_rate).
 7. With `auto` refusals that stay when the rate falls are random, and hold back no other call
    unless they ask for a wait (random_refusals).
 8. With `auto` refusals that depend on the number in flight show a limit of calls at once; that
    is then the window, and no rate is learned. A limit that the provider's words name is believed
    at once, also with a fixed `-c` (concurrency_limit).
 9. With `auto` the window doubles as long as that brings more answers (adaptive_window); where a
    call may take an hour, as long as nothing is refused (opening_window).
10. After an outage one call must succeed before others follow, and the window opens gently (pace).
11. A model refused while others are accepted is held alone, for growing times; then one call tries
    it (model_limits).
12. A refused row goes behind the others. Refused again while others are accepted, it pauses no
    other call, and soon fails as `limit` (runner/engine/slow_rows).
"""

import math
import time
from collections.abc import Callable

from runner.pacing.adaptive_rate import AdaptiveRate
from runner.pacing.adaptive_window import START_CALLS, AdaptiveWindow
from runner.pacing.backoff import Wait
from runner.pacing.concurrency_limit import ConcurrencyLimit, limit_in_words
from runner.pacing.opening_window import OpeningWindow
from runner.pacing.quota import OwnQuota, Quota
from runner.pacing.rate_window import Limits

MAX_AUTO_CALLS = 256  # calls at once that `auto` may come to
MAX_PATIENT_CALLS = 2_000  # … where a call may take an hour
MAX_PAUSE_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 1.0
REMEMBERED_CALLS = 200  # calls
MAX_CHANCE_REFUSALS = 3  # one after the other, that may be random
MAX_CHANCE_SHARE = 0.25  # of refused calls; a larger one is not random
NEARLY_FULL_SHARE = 0.05  # of the window; what is free then waits for a moment only
MIN_CALLS_FOR_SHARE = 20  # calls, before which a share says little
MIN_PATIENCE_SECONDS = 1.0
MAX_PATIENCE_SECONDS = 10.0  # a call that was not refused by then was accepted


class RefusedShare:
    """The share of calls that were refused, the latest counting most."""

    def __init__(self) -> None:
        self.value = 0.0
        self._calls = 0

    def count(self, *, refused: bool) -> None:
        """One more call was accepted or refused."""
        self._calls = min(self._calls + 1, REMEMBERED_CALLS)
        self.value += (refused - self.value) / max(self._calls, MIN_CALLS_FOR_SHARE)


def _own_pause(refusals: int, rate: float | None) -> float:
    """No pause after the first refusal in a row; later pauses grow from the gap between calls."""
    if refusals < 2:
        return 0.0
    first = max(FIRST_PAUSE_SECONDS, 1 / rate if rate else 0.0)
    return min(first * 2.0 ** (refusals - 2), MAX_PAUSE_SECONDS)


def auto_calls(*, patient: bool) -> int:
    """The most calls at once that `auto` may come to."""
    return MAX_PATIENT_CALLS if patient else MAX_AUTO_CALLS


def _window(
    limits: Limits, *, start: int = START_CALLS, weighs: bool = True
) -> AdaptiveWindow | OpeningWindow:
    """A window that begins gently: many calls at once would storm a gateway that was just away."""
    if limits.patient and start < limits.in_flight:
        return OpeningWindow(limits.in_flight)
    return AdaptiveWindow(limits.in_flight, start=start, weighs=weighs)


def _is_over_by_time(probation: str, limits: Limits) -> bool:
    """True if a call that is not refused soon counts as accepted.

    After an outage only an answer does, unless it may take an hour.
    """
    return probation == "slow" or limits.patient


class Pace:
    """The rules above for one account, shared by all its workers.

    Each call that `admit` allows is ended by `ended`. Not thread-safe.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        quota: Quota | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.in_flight = 0
        self.holds: set[str] = set()  # the holders that stop all calls: a person, an outage
        self.paused_until = -math.inf
        self.reason = ""
        self.rate = AdaptiveRate()
        self.refusals = 0  # in a row
        self._share = RefusedShare()
        self._probation = ""  # slow: after a refusal; gone: after an outage
        self._trial: float | None = None  # when the one call of a probation began
        self._patience = MIN_PATIENCE_SECONDS
        self._full = False  # is it the window that holds calls back?
        self._refused_together = 0  # calls that were in flight together
        self._slowed_at = -math.inf  # the last refusal that was not random
        self._reported_at = -math.inf  # the last pause that was reported
        self._shared = quota is not None
        self._quota = quota
        self.retune(limits)

    def retune(self, limits: Limits) -> None:
        """Sets new limits, also in the middle of a run; what is in flight stays in flight."""
        self.limits = limits
        self._window = _window(limits, start=START_CALLS if limits.auto else limits.in_flight)
        self._concurrency = ConcurrencyLimit(limits.in_flight)
        if self._quota is not None:
            self._quota.retune(limits)
        elif limits.rpm is not None or limits.tpm is not None:
            self._quota = OwnQuota(limits, self._clock)

    @property
    def calls_at_once(self) -> int | None:
        """How many calls at once the provider accepts, if it limits those."""
        return self._concurrency.limit

    @property
    def window(self) -> int:
        """How many calls may be in flight at the moment."""
        limit = self._concurrency.limit
        return self._window.window if limit is None else limit

    def admit(self, wanted: int) -> int:
        """How many of `wanted` calls may start now; they count as started."""
        now = self._clock()
        if self.holds or now < self.paused_until or not self._trial_over(now):
            return 0
        self._window.passed(now)
        wanted = min(wanted, 1 if self._probation else self.rate.room(now))
        number = max(0, min(wanted, self.window - self.in_flight))
        free = self.window - self.in_flight
        self._full = wanted >= free or free <= NEARLY_FULL_SHARE * self.window
        if number and self._quota is not None:
            number = self._quota.admit(number)
        if number:
            self.rate.started(now, number)
            self.in_flight += number
            self._concurrency.started(now, number, self.in_flight)
            self._trial = now if self._probation else None
        return number

    def _trial_over(self, now: float) -> bool:
        """True if the next call may go. A call not refused soon was accepted: refusals are fast."""
        by_time = _is_over_by_time(self._probation, self.limits)
        if by_time and self._trial is not None and now >= self._trial + self._patience:
            self.succeeded(self._trial)
        return self._trial is None

    def give_back(self, unused: int) -> None:
        """So many admitted calls never began: there was nothing to send."""
        self.in_flight -= unused
        self._trial = None if unused else self._trial
        self._full = self._full and not unused
        self.rate.started(self._clock(), -unused)
        if self._quota is not None:
            self._quota.give_back(unused)

    def ended(self, started: float | None = None) -> None:
        """One admitted call, begun at `started`, is over, whatever came of it."""
        self.in_flight -= 1
        if started is None or (self._trial is not None and started >= self._trial):
            self._trial = None

    def used(self, tokens: float) -> None:
        """Counts an answer's tokens; over the allowance no call starts until it is made up."""
        if self._quota is not None:
            self._quota.used(tokens)

    def pause(self, seconds: float, reason: str) -> None:
        """No call starts for so long; a shorter pause never ends a longer one."""
        until = self._clock() + seconds
        if until > self.paused_until:
            self.paused_until, self.reason = until, reason

    def resume(self) -> None:
        """End a pause early."""
        self.paused_until, self.reason = -math.inf, ""
        if self._quota is not None:
            self._quota.resume()

    def one_at_a_time(self) -> None:
        """From now on one call at a time, until one succeeds."""
        self._probation, self._trial = "gone", None
        self._patience = MAX_PATIENCE_SECONDS

    def slowed(
        self, wait: Wait, reason: str, *, started: float | None = None, words: str = ""
    ) -> tuple[float, bool]:
        """A call that began at `started` was told to slow down, in the provider's `words`.

        Returns the pause, and whether to report it: calls in flight together count once. A random
        refusal that asks for no wait makes no pause.
        """
        now = self._clock()
        began = now if started is None else started
        self._share.count(refused=True)
        if self.limits.auto:
            again = self.refusals > 0 or began <= self._slowed_at
            self._concurrency.refused(now, began, again=again)
        self._learn_from(words, now, began)
        if self._is_chance(began):
            if not wait.asked:
                return 0.0, False
            seconds = wait.seconds
        else:
            self._meet_limit(now, began)
            seconds = max(wait.seconds, _own_pause(self.refusals, self.rate.rate))
        self.pause(seconds, reason)
        if self._quota is not None and self._shared:
            self._quota.pause(seconds)
        fresh = began > self._reported_at
        self._reported_at = now if fresh else self._reported_at
        return seconds, fresh

    def _learn_from(self, words: str, now: float, began: float) -> None:
        """Believe a limit of calls at once that the provider names, also where `-c` is fixed."""
        self._refused_together = 1 if began > self._slowed_at else self._refused_together + 1
        if (limit := limit_in_words(words)) is not None:
            accepted = self.in_flight - self._refused_together
            self._concurrency.believe(limit or accepted, now, is_exact=limit > 0)

    def _is_chance(self, began: float) -> bool:
        if not self.limits.auto or self._concurrency.limit is not None or self._probation:
            return False
        return began > self._slowed_at and self.rate.is_chance(began)

    def _meet_limit(self, now: float, began: float) -> None:
        """From now on one call at a time; calls that were in flight together count once."""
        self.rate.refused(now, began)
        if self._concurrency.limit is not None:
            self.rate.forget()
        if began <= self._slowed_at:
            return
        self._slowed_at = now
        self.refusals += 1
        self._probation = self._probation or "slow"
        self._patience = min(max(MIN_PATIENCE_SECONDS, 2 * (now - began)), MAX_PATIENCE_SECONDS)

    def succeeded(self, started: float | None = None) -> None:
        """A call that began at `started` was accepted."""
        now = self._clock()
        self._share.count(refused=False)
        if started is not None and started <= self._slowed_at:
            return  # accepted before the refusal: says nothing about now
        rare = self.refusals <= MAX_CHANCE_REFUSALS and self._share.value <= MAX_CHANCE_SHARE
        self.refusals = 0
        if rare and not self.limits.auto:
            self.rate.overlook()
        if self._probation == "gone":
            self._window = _window(self.limits, weighs=self.limits.auto)
            self._concurrency = ConcurrencyLimit(self.limits.in_flight)
        self._probation, self._trial = "", None
        self.rate.accepted(now, now if started is None else started, rare=rare)
        if self._concurrency.limit is None:
            self._window.answered(now, full=self._full)

    def next_at(self) -> float:
        """The moment, on our clock, when it is worth asking again; inf: when something happens."""
        now = self._clock()
        by_time = _is_over_by_time(self._probation, self.limits)
        if self.holds or not (self._trial is None or by_time):
            return math.inf
        if self.in_flight >= self.window:
            return self._window.next_at()
        trial = -math.inf if self._trial is None else self._trial + self._patience
        moments = [self.rate.next_at(now), self.paused_until, trial]
        if self._quota is not None:
            moments += [self._quota.next_at(), self._quota.paused_until()]
        return max(moments)
