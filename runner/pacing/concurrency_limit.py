"""Finds out how many calls at once an account accepts, if it limits those."""

import math
import re
from collections import Counter, deque

MIN_REFUSALS = 2  # refusals that go with the number in flight …
MIN_CALLS = 100  # … and calls since, before that is believed; as many before one more is tried …
REST_SECONDS = 60.0  # … and so many seconds
REMEMBERED_REFUSALS = 10  # refusals
REMEMBERED_STARTS = 512  # of starts, until it is known what came of them


_NAMES_CONCURRENCY = re.compile(
    r"parallel|concurren|simultaneous|at the same time|并发", re.IGNORECASE
)
_NAMED_LIMIT = re.compile(r"(?:limit|限制|上限)\w*\s*[:=：为是]?\s*(\d{1,4})\b", re.IGNORECASE)
UNKNOWN_LIMIT = 0


def limit_in_words(words: str) -> int | None:
    """The limit of calls at once that a refusal names; UNKNOWN_LIMIT without a number.

    None if it speaks of something else.
    """
    if not _NAMES_CONCURRENCY.search(words):
        return None
    found = _NAMED_LIMIT.search(words)
    return int(found[1]) if found else UNKNOWN_LIMIT


class ConcurrencyLimit:
    """The limit of calls at once; None if there is none, or something else is limited.

    A limit by time soon accepts a call beside as many others as the refused one had; a limit of
    calls at once does not. So if fewer were accepted beside as many than were refused, the least
    number beside which one was refused is the limit. After a calm while one more is tried, then
    two, four, as long as none is refused. Times are seconds of one clock.
    """

    def __init__(self, most: int) -> None:
        self.limit: int | None = None
        self._most = most
        self._moments: deque[tuple[float, range]] = deque(
            maxlen=REMEMBERED_STARTS
        )  # [when, beside how many]
        self._refused: deque[int] = deque(maxlen=REMEMBERED_REFUSALS)  # beside so many
        self._since: deque[Counter[int]] = deque(
            maxlen=REMEMBERED_REFUSALS
        )  # starts after each of them
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
        if (
            self.limit is not None
            and self._calm >= MIN_CALLS
            and now >= self._calm_since + REST_SECONDS
        ):
            self.limit = min(self.limit + self._step, self._most)
            self._be_calm(now, step=2 * self._step)

    def refused(self, now: float, started: float, *, again: bool) -> None:
        """A call that began at `started` was refused; `again`: none was accepted since the last."""
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

    def believe(self, limit: int, now: float, *, is_exact: bool) -> None:
        """The provider named the limit; an exact one is never tried to be passed."""
        known = self._most if self.limit is None else self.limit
        self.limit = max(1, min(limit, known))
        self._most = self.limit if is_exact else self._most
        self._be_calm(now, step=1)

    def _be_calm(self, now: float, *, step: int) -> None:
        self._calm, self._calm_since, self._step = 0, now, step

    def _beside(self, started: float) -> int | None:
        """How many were in flight beside it; None if that is forgotten.

        It was not accepted and does not count; nor do those that began since, beside a refused one.
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
        """The limit that the latest refusals show; a call refused alone met another limit."""
        calls, latest = Counter[int](), list[int]()
        for beside, since in zip(reversed(self._refused), reversed(self._since), strict=True):
            latest.append(beside)
            calls.update(since)
            if len(latest) >= MIN_REFUSALS and calls.total() >= MIN_CALLS:
                least = min(latest) if self.limit is None else latest[0]
                borne = sum(number for others, number in calls.items() if others >= least)
                return least or None if borne < sum(one >= least for one in latest) else None
        return None
