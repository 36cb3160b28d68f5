"""When the calls of one account may start, and how many at once."""

import math
import time
from collections.abc import Callable

from runner.pacing.adaptive_rate import AdaptiveRate
from runner.pacing.adaptive_window import START, AdaptiveWindow
from runner.pacing.backoff import Wait
from runner.pacing.concurrency_limit import ConcurrencyLimit
from runner.pacing.quota import OwnQuota, Quota
from runner.pacing.rate_window import Limits

CEILING = 256  # calls at once that `auto` may come to
LONGEST_PAUSE = 60.0
FIRST_PAUSE = 1.0
KEPT_IN_MIND = 200  # calls
IN_A_ROW = 3  # refusals of one call after the other that chance may bring
BY_CHANCE = 0.25  # a larger share of refused calls is no chance any more
NEARLY_FULL = 0.05  # of the window; what is free then waits for a moment only
FIRST = 20  # calls, before which a share says little
LEAST_PATIENCE, MOST_PATIENCE = 1.0, 10.0  # seconds; who was not refused by then was accepted


class Pace:
    """Shared by all workers of one account.

    Holds calls back by the limits of the person (calls at once, a minute, tokens), by what the
    provider was found to allow, and by pauses. After a "slow down" one call at a time goes out,
    after pauses that grow, until one is accepted. Some gateways refuse by chance: where a person
    chose how many calls go at once, rare refusals cost no more than their pauses, and only many of
    them or several in a row show a limit; `auto` learns what share is chance, and then a refusal
    that asks for no wait holds nobody else back. Where `auto` finds a limit of calls at once, that
    is its window, and no pace is learned. A wait that is asked for is everybody's, always.
    Each call that `admit` lets go is given back by `ended`. Not for several threads.
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
        self.holds: set[str] = set()  # who holds all calls back: a person, an outage
        self.paused_until = -math.inf
        self.reason = ""
        self.seeker = AdaptiveRate()
        self._refusals = 0  # in a row
        self._heard = 0  # calls that were accepted or refused
        self._share = 0.0  # of them that were refused, the latest counting most
        self._probation = ""  # slow: after a refusal; gone: nobody was there
        self._trial: float | None = None  # when the one call of a probation began
        self._patience = LEAST_PATIENCE
        self._full = False  # is it the window that holds calls back?
        self._slowed_at = -math.inf  # the last refusal that was no chance, of calls begun since
        self._told_at = -math.inf  # the last pause that was news
        self._shared = quota is not None
        self._quota = quota
        self.retune(limits)

    def retune(self, limits: Limits) -> None:
        """Sets new limits, also in the middle of a run; what is in flight stays in flight."""
        self.limits = limits
        self._climb = AdaptiveWindow(
            limits.in_flight, start=START if limits.auto else limits.in_flight
        )
        self._at_once = ConcurrencyLimit(limits.in_flight)
        if self._quota is not None:
            self._quota.retune(limits)
        elif limits.rpm is not None or limits.tpm is not None:
            self._quota = OwnQuota(limits, self._clock)

    @property
    def is_refused(self) -> bool:
        """True if the last verdict on this account's calls was to slow down."""
        return self._refusals > 0

    @property
    def window(self) -> int:
        """How many calls may be in flight at the moment."""
        limit = self._at_once.limit
        return self._climb.window if limit is None else limit

    def admit(self, wanted: int) -> int:
        """How many of `wanted` calls may start now; they count as started."""
        now = self._clock()
        if self.holds or now < self.paused_until or not self._trial_over(now):
            return 0
        wanted = min(wanted, 1 if self._probation else self.seeker.room(now))
        number = max(0, min(wanted, self.window - self.in_flight))
        free = self.window - self.in_flight
        self._full = wanted >= free or free <= NEARLY_FULL * self.window
        if number and self._quota is not None:
            number = self._quota.admit(number)
        if number:
            self.seeker.started(now, number)
            self.in_flight += number
            self._at_once.started(now, number, self.in_flight)
            self._trial = now if self._probation else None
        return number

    def _trial_over(self, now: float) -> bool:
        """May the next call go? Who is not refused soon was accepted: refusals come fast."""
        if self._trial is None:
            return True
        if self._probation == "slow" and now >= self._trial + self._patience:
            self.succeeded(self._trial)
            return True
        return False

    def give_back(self, unused: int) -> None:
        """So many admitted calls never began: there was nothing to send."""
        self.in_flight -= unused
        self._trial = None if unused else self._trial
        self._full = self._full and not unused
        self.seeker.started(self._clock(), -unused)
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
        """Ends a pause before its time."""
        self.paused_until, self.reason = -math.inf, ""
        if self._quota is not None:
            self._quota.resume()

    def one_at_a_time(self) -> None:
        """From now on one call at a time, until one goes well."""
        self._probation, self._trial = "gone", None

    def slowed(
        self, wait: Wait, reason: str, *, started: float | None = None
    ) -> tuple[float, bool]:
        """A call was told to slow down; a wait that was asked for is a pause of all, always.

        Returns the pause, and whether this is news: calls that were in flight together are refused
        together, which counts once: `started`, by our clock, tells which they are. A refusal that
        is known for chance and asks for no wait makes no pause, and is no news.
        """
        now = self._clock()
        began = now if started is None else started
        self._hear_of(refused=True)
        if self.limits.auto:
            again = self._refusals > 0 or began <= self._slowed_at
            self._at_once.refused(now, began, again=again)
        if self._is_chance(began):
            if not wait.asked:
                return 0.0, False
            seconds = wait.seconds
        else:
            self._meet_limit(now, began)
            seconds = max(wait.seconds, self._own_pause())
        self.pause(seconds, reason)
        if self._quota is not None and self._shared:
            self._quota.pause(seconds)
        fresh = began > self._told_at
        self._told_at = now if fresh else self._told_at
        return seconds, fresh

    def _is_chance(self, began: float) -> bool:
        if not self.limits.auto or self._at_once.limit is not None:
            return False
        if self._probation or began <= self._slowed_at:
            return False
        return self.seeker.is_chance(began)

    def _meet_limit(self, now: float, began: float) -> None:
        """One call at a time from now on; calls that were in flight together count once."""
        self.seeker.refused(now, began)
        if self._at_once.limit is not None:
            self.seeker.forget()
        if began <= self._slowed_at:
            return
        self._slowed_at = now
        self._refusals += 1
        self._probation = self._probation or "slow"
        self._patience = min(max(LEAST_PATIENCE, 2 * (now - began)), MOST_PATIENCE)

    def _hear_of(self, *, refused: bool) -> None:
        self._heard = min(self._heard + 1, KEPT_IN_MIND)
        self._share += (refused - self._share) / max(self._heard, FIRST)

    def _own_pause(self) -> float:
        """The first refusal is the provider's to choose; then pauses grow, from a call's worth."""
        if self._refusals < 2:
            return 0.0
        first = max(FIRST_PAUSE, 1 / self.seeker.rate) if self.seeker.rate else FIRST_PAUSE
        return min(first * 2.0 ** (self._refusals - 2), LONGEST_PAUSE)

    def succeeded(self, started: float | None = None) -> None:
        """A call that began at `started` went well."""
        now = self._clock()
        self._hear_of(refused=False)
        if started is not None and started <= self._slowed_at:
            return  # it was accepted before the refusal, and says nothing about now
        rare = self._refusals <= IN_A_ROW and self._share <= BY_CHANCE
        self._refusals = 0
        if rare and not self.limits.auto:
            self.seeker.overlook()
        if self._probation == "gone":
            self._climb = AdaptiveWindow(
                self.limits.in_flight, weighs=self.limits.auto
            )  # begin gently
            self._at_once = ConcurrencyLimit(self.limits.in_flight)  # many at once would storm it
        self._probation, self._trial = "", None
        self.seeker.accepted(now, now if started is None else started, rare=rare)
        if self._at_once.limit is None:
            self._climb.answered(now, full=self._full)

    def next_at(self) -> float:
        """The moment, on our clock, when it is worth asking again; inf: when something happens."""
        now = self._clock()
        if self.holds or self.in_flight >= self.window:
            return math.inf
        if self._probation == "gone" and self._trial is not None:
            return math.inf
        trial = -math.inf if self._trial is None else self._trial + self._patience
        moments = [self.seeker.next_at(now), self.paused_until, trial]
        if self._quota is not None:
            moments += [self._quota.next_at(), self._quota.paused_until()]
        return max(moments)
