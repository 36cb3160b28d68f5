"""Finds out how many calls at once an account lets in, where it is those that it limits."""

import math
from collections import Counter, deque

TIMES = 2  # refusals that go with the number in flight …
CALLS = 100  # … and calls since, before that is believed; as many before one more is tried …
REST = 60.0  # … and so many seconds
KEPT_IN_MIND = 10  # refusals
MOMENTS = 512  # of starts, until it is known what came of them


class ConcurrencyLimit:
    """The limit of calls at once; None where there is none, or what is limited is another thing.

    A limit by time soon lets a call in beside as many others as the refused one had; a limit of
    calls at once does not. So where fewer were let in beside as many than were refused, the least
    number beside which one was refused is the limit. After a calm while one more is tried, then
    two, four, as long as none is refused. Times are seconds of one clock.
    """

    def __init__(self, most: int) -> None:
        self.limit: int | None = None
        self._most = most
        self._moments: deque[tuple[float, range]] = deque(maxlen=MOMENTS)  # [when, beside how many]
        self._refused: deque[int] = deque(maxlen=KEPT_IN_MIND)  # beside so many
        self._since: deque[Counter[int]] = deque(maxlen=KEPT_IN_MIND)  # starts after each of them
        self._calm, self._calm_since = 0, 0.0  # calls, and when they began
        self._step = 1
        self._forgotten = math.inf  # the first moment that does not count

    def started(self, now: float, number: int, in_flight: int) -> None:
        """So many calls start; with them `in_flight` are."""
        beside = range(in_flight - number, in_flight)
        self._moments.append((now, beside))
        self._forgotten = math.inf
        if self._since:
            self._since[-1].update(beside)
        self._calm += number
        if self.limit is not None and self._calm >= CALLS and now >= self._calm_since + REST:
            self.limit = min(self.limit + self._step, self._most)
            self._be_calm(now, step=2 * self._step)

    def refused(self, now: float, started: float, *, again: bool) -> None:
        """A call that began at `started` was refused; `again`: none was let in since the last."""
        beside = self._beside(started)
        if beside is None:
            return
        if again and self._refused:
            self._refused[-1] = min(self._refused[-1], beside)
        else:
            self._refused.append(beside)
            self._since.append(Counter())
        self.limit = self._found()
        self._be_calm(now, step=1)

    def _be_calm(self, now: float, *, step: int) -> None:
        self._calm, self._calm_since, self._step = 0, now, step

    def _beside(self, started: float) -> int | None:
        """How many were in flight beside it; None where that is forgotten.

        It bore none, and does not count; nor do those that began since, beside one that was out.
        """
        while self._moments and self._moments[-1][0] > started:
            self._forgotten, later = self._moments.pop()
            self._forget(later)
        if not self._moments or started >= self._forgotten:
            return None
        at, beside = self._moments.pop()
        self._forget(beside[-1:])
        if len(beside) > 1:
            self._moments.append((at, beside[:-1]))
        return beside[-1]

    def _forget(self, beside: range) -> None:
        if self._since:
            self._since[-1].subtract(beside)

    def _found(self) -> int | None:
        """The limit, as the latest refusals show it; who is refused alone is refused by another."""
        calls, latest = Counter[int](), list[int]()
        for beside, since in zip(reversed(self._refused), reversed(self._since), strict=True):
            latest.append(beside)
            calls.update(since)
            if len(latest) >= TIMES and calls.total() >= CALLS:
                least = min(latest) if self.limit is None else latest[0]
                borne = sum(number for others, number in calls.items() if others >= least)
                return least or None if borne < sum(one >= least for one in latest) else None
        return None
