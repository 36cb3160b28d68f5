"""Finds out how many calls a minute a provider really accepts, and stays just below that."""

import math
from collections import deque

from runner.pacing.random_refusals import RandomRefusals

LOOK_BACK_SECONDS = 60.0  # seconds before a refusal: most providers count by the minute
MAX_REFUSAL_SECONDS = 150.0  # a longer refusal is no limit by the minute
EASE_FACTOR = 0.97  # of the rate that was too much: where it continues
MIN_FALL_FACTOR = 0.5  # of the rate that was too much: it never falls further at once
MIN_FALL_FACTOR_SOON = 0.65  # the same where little time has passed since it fell last
CLIMB_SECONDS = 120.0  # until it is back at the rate that was too much
MAX_CLIMB_SECONDS = 1800.0
MAX_SPENT_SHARE = 0.02  # of the calls may be refused in order to find out
DOUBLING_SECONDS = 60.0  # until it doubles after the first refusal, which says little
REST_SECONDS = 60.0  # seconds beyond that, after which the steps grow
FAR_BELOW_SHARE = 0.8  # of what was once accepted: a refusal below that may be random
BURST_SECONDS = 0.1  # seconds' worth of calls that may start at once, to make up for late timers
MAX_CALLS_PER_SECOND = 10_000.0


class AdaptiveRate:
    """The learned pace of one account: no limit before the first refusal.

    A refusal opens an episode that the first success of a later call closes. What was accepted
    from a minute before the refusal until then is what the provider allows, whether it counts by
    the minute, by the second or by calls at once. From a little below that the rate climbs slowly,
    and faster only when nothing has been refused for long. Times are seconds of one steady clock.
    """

    def __init__(self) -> None:
        self.rate: float | None = None  # starts a second
        self.refused_at: float | None = None  # of the episode that is open
        self._chance = RandomRefusals()
        self._bins: deque[list[float]] = deque()  # [second, accepted starts]
        self._since = -math.inf  # the last episode's end; nothing before it counts
        self._cost = 0  # refusals in the episode that is open
        self._too_much = 0.0
        self._calm = math.inf  # half-way from where it went on to what was too much
        self._most = 0.0  # that was let through, as far as it can still be believed
        self._learned_at = self._first_at = 0.0
        self._grown_at = 0.0
        self._climb = CLIMB_SECONDS
        self._sure = False  # was it refused at a rate that it had learned?
        self._credit, self._at = 1.0, 0.0

    def room(self, now: float) -> int:
        """How many calls may start now."""
        if self.rate is None:
            return 1_000_000
        burst = max(1.0, self.rate * BURST_SECONDS)
        self._credit = min(burst, self._credit + max(now - self._at, 0.0) * self.rate)
        self._at = now
        return int(self._credit + 1e-9)

    def next_at(self, now: float) -> float:
        """When the next call may start."""
        if self.rate is None or self.room(now) >= 1:
            return now
        return now + (1.0 - self._credit) / self.rate

    def started(self, now: float, number: int) -> None:
        """So many calls start; a negative number takes back calls that did not begin."""
        if self.rate is not None:
            self._credit -= number
        self._chance.started(number, below=self._below)
        self._count(now, number)

    def _count(self, moment: float, number: int) -> None:
        second = math.floor(moment)
        if self._bins and self._bins[-1][0] >= second:
            found = next((one for one in reversed(self._bins) if one[0] <= second), None)
            if found is not None and found[0] == second:
                found[1] = max(found[1] + number, 0)
                return
            if number < 0:
                return
        if number > 0:
            self._bins.append([second, number])
        while self._bins and self._bins[0][0] < second - LOOK_BACK_SECONDS - MAX_REFUSAL_SECONDS:
            self._bins.popleft()

    def is_chance(self, started: float) -> bool:
        """A call that began at `started` was refused. True if that was random."""
        known = self._chance.known
        by_chance = self._chance.refused(below=self._below, minute=self._last_minute())
        if by_chance:
            self._credit += 1  # nothing of the limit was used
            self._count(started, -1)
        if self._chance.known and not known:  # what was learned was learned from chance
            self.forget()
        return by_chance

    @property
    def _below(self) -> bool:
        """True if the rate is so low that no limit would refuse."""
        if self._chance.known:
            return self.rate is None or self.rate < self._calm
        return self.rate is not None and self.rate < FAR_BELOW_SHARE * self._most

    def refused(self, now: float, started: float) -> None:
        """A call that began at `started` was told to slow down."""
        self._count(started, -1)
        if self.refused_at is None:
            self.refused_at, self._cost = now, self._chance.cost
        self._cost += 1

    def accepted(self, now: float, started: float, *, rare: bool = False) -> None:
        """A call that began at `started` was accepted; after the refusal, if there was one.

        If refusals are not `rare`, what was accepted before is no measure any more.
        """
        if self.refused_at is not None:
            self._most *= rare
            self._learn(started, self.refused_at)
            self.refused_at = None
            self._credit, self._at = 0.0, now
        elif self.rate is not None:
            self._grow(now)

    def overlook(self) -> None:
        """Learn nothing from the open refusal: it may have been random."""
        self.refused_at = None

    def forget(self) -> None:
        """Forget the rate: it was learned from refusals of another kind."""
        self.rate = self.refused_at = None
        self._sure = False

    def _last_minute(self) -> float:
        """Accepted starts."""
        return sum(
            count for second, count in self._bins if second > self._bins[-1][0] - LOOK_BACK_SECONDS
        )

    def _sustained(self, now: float) -> float:
        """Accepted starts a second in the worse of the last two minutes: a burst counts little."""
        minutes = [0, 0]
        for second, count in self._bins:
            if 0 <= now - second < 2 * LOOK_BACK_SECONDS:
                minutes[int((now - second) // LOOK_BACK_SECONDS)] += int(count)
        return min(minutes) / LOOK_BACK_SECONDS

    def _learn(self, now: float, refused_at: float) -> None:
        since = refused_at - LOOK_BACK_SECONDS
        if not self._chance.known:
            since = max(since, self._since)
        if self._bins:
            since = max(since, self._bins[0][0])
        span = now - since
        self._since = now
        if now - refused_at > MAX_REFUSAL_SECONDS or span <= 0:
            return  # an outage or a daily limit: it says nothing about a minute
        measured = sum(count for second, count in self._bins if second >= math.floor(since)) / span
        self._most = max(self._most, self._sustained(refused_at))
        if self.rate is None:
            self._too_much, self.rate = measured, measured * EASE_FACTOR
            self._first_at = now
        else:
            self._sure = True
            soon = span < LOOK_BACK_SECONDS / 2
            # At first a minute's worth of calls from before the first lesson is still counted.
            if not soon or now - self._first_at > LOOK_BACK_SECONDS / 2:
                self._too_much = self.rate
            least = MIN_FALL_FACTOR_SOON if soon else MIN_FALL_FACTOR
            self.rate = max(min(measured, self.rate * EASE_FACTOR), self.rate * least)
            # After an expensive refusal the next one is provoked later.
            climb = max(
                CLIMB_SECONDS,
                30 * (now - refused_at),
                self._cost / MAX_SPENT_SHARE / self._too_much,
            )
            self._climb = min(climb, MAX_CLIMB_SECONDS)
        self.rate = max(self.rate, 1 / MAX_REFUSAL_SECONDS)
        self._calm = (self.rate + self._too_much) / 2
        self._learned_at = self._grown_at = now

    def _grow(self, now: float) -> None:
        assert self.rate is not None
        # Time in which fewer calls went out than may says nothing about the limit.
        passed = min(now - self._grown_at, 2 / self.rate)
        self._grown_at = now
        if not self._sure:
            self.rate *= 2.0 ** (passed / DOUBLING_SECONDS)
            return
        quiet = now - self._learned_at - self._climb - REST_SECONDS
        faster = 2.0 ** min(quiet / REST_SECONDS, 7.0) if quiet > 0 else 1.0
        step = max(self._too_much - self.rate, (1 - EASE_FACTOR) * self.rate) / self._climb * faster
        self.rate = min(self.rate + passed * step, MAX_CALLS_PER_SECOND)
