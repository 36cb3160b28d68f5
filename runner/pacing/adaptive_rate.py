"""Finds out how many calls a minute a provider really lets through, and stays just under it."""

import math
from collections import deque

from runner.pacing.random_refusals import RandomRefusals

LOOK_BACK = 60.0  # seconds before a refusal: most providers count by the minute
LONGEST = 150.0  # seconds; whoever refuses for longer does not count by the minute
EASE = 0.97  # of what was too much: where it goes on from
LEAST = 0.5  # of what was too much: it never falls further at once
LEAST_SOON = 0.65  # the same where little time has passed since it fell last
CLIMB = 120.0  # seconds in which it comes back to what was too much
LONGEST_CLIMB = 1800.0
SPENT = 0.02  # of the calls may be refused for finding out
DOUBLING = 60.0  # seconds in which it doubles after the first refusal, which tells little
REST = 60.0  # seconds beyond that, after which the steps grow
FAR = 0.8  # of what was once let through: who is refused below may be refused by chance
BURST = 0.1  # seconds' worth that may start at once: it catches up late timers
MOST_PER_SECOND = 10_000.0


class AdaptiveRate:
    """The learned pace of one account: no limit before the first refusal.

    A refusal opens an episode that the first success of a later call closes. What went through
    from a minute before the refusal until then is what the provider allows, whether it counts by
    the minute, by the second or by calls at once. From a little below that the rate climbs slowly,
    and faster only when nothing has been refused for long. Times are seconds of one clock.
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
        self._climb = CLIMB
        self._sure = False  # was it refused at a rate that it had learned?
        self._credit, self._at = 1.0, 0.0

    def room(self, now: float) -> int:
        """How many calls may start now."""
        if self.rate is None:
            return 1_000_000
        burst = max(1.0, self.rate * BURST)
        self._credit = min(burst, self._credit + max(now - self._at, 0.0) * self.rate)
        self._at = now
        return int(self._credit + 1e-9)

    def next_at(self, now: float) -> float:
        """When the next call may start."""
        if self.rate is None or self.room(now) >= 1:
            return now
        return now + (1.0 - self._credit) / self.rate

    def started(self, now: float, number: int) -> None:
        """So many calls start; minus gives back what did not begin, or was refused."""
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
        while self._bins and self._bins[0][0] < second - LOOK_BACK - LONGEST:
            self._bins.popleft()

    def is_chance(self, started: float) -> bool:
        """A call that began at `started` was refused; is there nothing to be learned from that?"""
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
        """Is the rate so low that no limit refuses?"""
        if self._chance.known:
            return self.rate is None or self.rate < self._calm
        return self.rate is not None and self.rate < FAR * self._most

    def refused(self, now: float, started: float) -> None:
        """A call that began at `started` was told to slow down."""
        self._count(started, -1)
        if self.refused_at is None:
            self.refused_at, self._cost = now, self._chance.cost
        self._cost += 1

    def accepted(self, now: float, started: float, *, rare: bool = False) -> None:
        """A call went through that began at `started`; after the refusal, where there was one.

        Where refusals are not `rare`, what was let through before is no measure any more.
        """
        if self.refused_at is not None:
            self._most *= rare
            self._learn(started, self.refused_at)
            self.refused_at = None
            self._credit, self._at = 0.0, now
        elif self.rate is not None:
            self._grow(now)

    def overlook(self) -> None:
        """Nothing is learned from the refusal that is open: it may have been chance."""
        self.refused_at = None

    def forget(self) -> None:
        """What was learned was learned from refusals of another kind."""
        self.rate = self.refused_at = None
        self._sure = False

    def _last_minute(self) -> float:
        """Accepted starts."""
        return sum(count for second, count in self._bins if second > self._bins[-1][0] - LOOK_BACK)

    def _sustained(self, now: float) -> float:
        """Accepted starts a second, of the worse of the last two minutes: a burst counts little."""
        minutes = [0, 0]
        for second, count in self._bins:
            if 0 <= now - second < 2 * LOOK_BACK:
                minutes[int((now - second) // LOOK_BACK)] += int(count)
        return min(minutes) / LOOK_BACK

    def _learn(self, now: float, refused_at: float) -> None:
        since = refused_at - LOOK_BACK
        if not self._chance.known:
            since = max(since, self._since)
        if self._bins:
            since = max(since, self._bins[0][0])
        span = now - since
        self._since = now
        if now - refused_at > LONGEST or span <= 0:
            return  # an outage, or a limit by the day: it says nothing about a minute
        measured = sum(count for second, count in self._bins if second >= math.floor(since)) / span
        self._most = max(self._most, self._sustained(refused_at))
        if self.rate is None:
            self._too_much, self.rate = measured, measured * EASE
            self._first_at = now
        else:
            self._sure = True
            soon = span < LOOK_BACK / 2
            # At first a minute's worth of calls from before the first lesson is still counted.
            if not soon or now - self._first_at > LOOK_BACK / 2:
                self._too_much = self.rate
            least = LEAST_SOON if soon else LEAST
            self.rate = max(min(measured, self.rate * EASE), self.rate * least)
            # Where a refusal costs much, the next one is not sought so soon.
            climb = max(CLIMB, 30 * (now - refused_at), self._cost / SPENT / self._too_much)
            self._climb = min(climb, LONGEST_CLIMB)
        self.rate = max(self.rate, 1 / LONGEST)
        self._calm = (self.rate + self._too_much) / 2
        self._learned_at = self._grown_at = now

    def _grow(self, now: float) -> None:
        assert self.rate is not None
        # Time in which fewer calls went out than may says nothing about the limit.
        passed = min(now - self._grown_at, 2 / self.rate)
        self._grown_at = now
        if not self._sure:
            self.rate *= 2.0 ** (passed / DOUBLING)
            return
        quiet = now - self._learned_at - self._climb - REST
        faster = 2.0 ** min(quiet / REST, 7.0) if quiet > 0 else 1.0
        step = max(self._too_much - self.rate, (1 - EASE) * self.rate) / self._climb * faster
        self.rate = min(self.rate + passed * step, MOST_PER_SECOND)
