"""Gateways with limits against a clock that the test moves, for the pacing tests."""

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from runner.pacing.backoff import Wait
from runner.pacing.pace import Pace

REFUSAL_SECONDS = 0.05
NO_LIMIT = 10**9


def asked(seconds: float) -> Wait:
    """A wait that a gateway asks for."""
    return Wait(seconds=seconds, asked=True)


def ours(luck: random.Random) -> Wait:
    """A wait that `resolve` draws when the gateway names none."""
    return Wait(seconds=luck.uniform(0, 2))


A_SECOND = asked(1.0)


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Gateway(Protocol):
    """Admits a call or tells it to slow down; `opens` is when it admits the next one."""

    def lets_in(self, now: float) -> bool: ...
    def opens(self, now: float) -> float: ...
    def ended(self) -> None: ...


@dataclass(slots=True)
class Sliding:
    """R calls in any sixty seconds; refused calls may count too, as at New API."""

    limit: int
    counts_refused: bool = False
    taken: deque[float] = field(default_factory=deque)

    def lets_in(self, now: float) -> bool:
        while self.taken and self.taken[0] <= now - 60:
            self.taken.popleft()
        good = len(self.taken) < self.limit
        if good or self.counts_refused:
            self.taken.append(now)
        return good

    def opens(self, now: float) -> float:
        return self.taken[0] + 60 if len(self.taken) >= self.limit and self.taken else now

    def ended(self) -> None:
        pass


@dataclass(slots=True)
class Calendar:
    """R calls in each minute of the clock."""

    limit: int
    minute: int = -1
    taken: int = 0

    def lets_in(self, now: float) -> bool:
        if int(now // 60) != self.minute:
            self.minute, self.taken = int(now // 60), 0
        self.taken += 1
        return self.taken <= self.limit

    def opens(self, now: float) -> float:
        return 60.0 * (self.minute + 1) if self.taken >= self.limit else now

    def ended(self) -> None:
        pass


@dataclass(slots=True)
class Bucket:
    """A token bucket: R calls a minute with a small burst."""

    limit: float
    most: float = 5.0
    credit: float = 5.0
    at: float = 1000.0

    def lets_in(self, now: float) -> bool:
        self.credit = min(self.most, self.credit + (now - self.at) * self.limit / 60)
        self.at = now
        good = self.credit >= 1
        self.credit -= good
        return good

    def opens(self, now: float) -> float:
        return now + max(1 - self.credit, 0.0) * 60 / self.limit

    def ended(self) -> None:
        pass


@dataclass(slots=True)
class AtOnce:
    """A limit of concurrent calls."""

    limit: int
    inside: int = 0

    def lets_in(self, now: float) -> bool:
        good = self.inside < self.limit
        self.inside += good
        return good

    def opens(self, now: float) -> float:
        return now

    def ended(self) -> None:
        self.inside -= 1


@dataclass(slots=True)
class Fickle:
    """Refuses a random share of calls at any pace, and counts them."""

    behind: Gateway
    share: float
    luck: random.Random = field(default_factory=lambda: random.Random(7))
    by_chance: int = 0

    def lets_in(self, now: float) -> bool:
        if self.luck.random() < self.share:
            self.by_chance += 1
            return False
        return self.behind.lets_in(now)

    def opens(self, now: float) -> float:
        return self.behind.opens(now)

    def ended(self) -> None:
        self.behind.ended()


@dataclass(slots=True)
class Changing:
    """One gateway until a moment, another one after it."""

    first: Gateway
    then: Gateway
    at: float

    def lets_in(self, now: float) -> bool:
        return self._current(now).lets_in(now)

    def opens(self, now: float) -> float:
        return self._current(now).opens(now)

    def ended(self) -> None:
        """Never counts calls in flight."""

    def _current(self, now: float) -> Gateway:
        return self.first if now < self.at else self.then


@dataclass(slots=True)
class Tally:
    """The outcome of a simulation, minute by minute."""

    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    most_at_once: int = 0

    def rate(self, begin: float, end: float) -> float:
        """Served calls a minute."""
        return 60 * sum(begin <= at < end for at in self.served) / (end - begin)

    def extra(self) -> float:
        """Refused calls as a share of the served ones."""
        return len(self.refused) / max(len(self.served), 1)


def play(
    pace: Pace,
    clock: Clock,
    gateway: Gateway,
    *,
    seconds: float,
    latency: Callable[[float], float] = lambda now: 2.0,
    backlog: int | None = None,
    told: Callable[[float], Wait] = lambda opens_in: A_SECOND,
) -> Tally:
    """Simulate as many calls as the pace allows; times in the tally begin at 0.

    `told`: the wait after a refusal, given the seconds until the gateway opens.
    """
    tally, origin = Tally(), clock.now
    end = origin + seconds
    running: list[tuple[float, int, float, bool]] = []
    serial = itertools.count()
    while clock.now < end:
        number = pace.admit(1000 if backlog is None else min(backlog, 1000))
        backlog = None if backlog is None else backlog - number
        for _ in range(number):
            good = gateway.lets_in(clock.now)
            over = clock.now + (latency(clock.now) if good else REFUSAL_SECONDS)
            heapq.heappush(running, (over, next(serial), clock.now, good))
            (tally.served if good else tally.refused).append(clock.now - origin)
        tally.most_at_once = max(tally.most_at_once, pace.in_flight)
        upcoming = running[0][0] if running else math.inf
        moment = min(upcoming, max(pace.next_at(), clock.now + 1e-3))
        if moment == math.inf or (backlog == 0 and not running):
            break
        clock.now = max(moment, clock.now)
        while running and running[0][0] <= clock.now:
            _, _, started, good = heapq.heappop(running)
            if good:
                gateway.ended()
                pace.succeeded(started)
            else:
                pace.slowed(told(gateway.opens(clock.now) - clock.now), "429", started=started)
            pace.ended(started)
    return tally
