"""Tells a limit of calls at once from limits by the minute, and finds it."""

from collections import deque
from dataclasses import dataclass

AGREE = 3  # refusals, each of an episode of its own, that came at the same number of calls
NEAR = 0.1  # of that number, by which they may differ: answers arrive meanwhile
LATE = 0.5  # seconds that a call may need from being let go until it begins
SURPRISES = 3  # refusals below the limit, in PROBE_CALLS calls: it was none
PROBE_CALLS = 50  # starts that go well, before one more at once is tried
FIRST_PROBE, LAST_PROBE = 30.0, 600.0  # seconds between tries; each that is refused doubles them


@dataclass(slots=True)
class _Start:
    at: float
    in_flight: int  # with what started
    sure: bool = True  # that nothing in flight with it was refused


class AtOnce:
    """How many calls of one account may be in flight, where that is what a provider limits.

    Then refusals come at the same number of other calls in flight, whatever the pace was, and more
    are never borne. Refusals by the minute come at any number, and more were borne before. Once it
    is known, no more are let go, but for a try of one more now and then; two refusals below it in
    a row, or three of few calls, show that it was none. Times are seconds of one clock.
    """

    def __init__(self) -> None:
        self.limit: int | None = None  # as soon as it is known
        self._agree = AGREE  # more, where it was wrong before
        self._refused: deque[int] = deque()  # others in flight, by episode
        self._lowest: int | None = None  # of the episode that is open
        self._borne = 0  # at once without a refusal, since the first of those
        self._recent: deque[_Start] = deque()  # what may yet be refused
        self._surprises = self._in_a_row = 0
        self._calls, self._probe_at, self._wait, self._step = 0, 0.0, FIRST_PROBE, 1

    def room(self, now: float) -> int | None:
        """How many may be in flight now: a little over the limit where that is to be tried."""
        if self.limit is None:
            return None
        probes = self._calls >= PROBE_CALLS and now >= self._probe_at
        return self.limit + (self._step if probes else 0)

    def started(self, now: float, in_flight: int, *, patience: float) -> None:
        """Calls have started, and so many are in flight with them; who waits so long was let in."""
        while self._recent and self._recent[0].at <= now - patience:
            let_in = self._recent.popleft()
            if let_in.sure:
                self._bear(let_in.in_flight)
        self._recent.append(_Start(now, in_flight))

    def _bear(self, in_flight: int) -> None:
        self._borne = max(self._borne, in_flight)
        if self.limit is None:
            return
        self._calls += 1
        if self._calls % PROBE_CALLS == 0:
            self._surprises = 0
        if in_flight > self.limit:  # a try that went well
            self.limit, self._step, self._wait = in_flight, 2 * self._step, FIRST_PROBE
            self._calls = 0

    def refused(self, now: float, began: float) -> bool:
        """A call was refused that began at `began`. Is there nothing else to be learned from that?

        So it is where one more than may be was tried, and where a place was not free yet.
        """
        found = next((one for one in reversed(self._recent) if one.at <= began), None)
        others = None if found is None else found.in_flight - 1
        for one in self._recent:
            one.sure = one.sure and one.at < began - LATE
        if self.limit is None:
            if others is not None:
                self._lowest = others if self._lowest is None else min(self._lowest, others)
            return False
        if others is not None and others >= self.limit:
            self._calls, self._step = 0, 1
            self._probe_at, self._wait = now + self._wait, min(2 * self._wait, LAST_PROBE)
            return True
        self._surprises += 1
        self._in_a_row += 1
        if self._in_a_row == 1 and self._surprises < SURPRISES:
            return True
        self._forget()
        return False

    def accepted(self) -> bool:
        """A call that began after the last refusal went through; is the limit known by that?"""
        self._in_a_row = 0
        if self._lowest is None:
            return False
        found, self._lowest = self._lowest, None
        self._refused.append(found)
        while max(self._refused) - min(self._refused) > NEAR * max(self._refused):
            self._refused.popleft()
        if len(self._refused) == 1:
            self._borne = 0
        elif len(self._refused) > self._agree:
            self._refused.popleft()
        least = min(self._refused)
        if len(self._refused) < self._agree or least < max(self._borne, 1):
            return False
        self.limit, self._calls = least, 0
        return True

    def _forget(self) -> None:
        self.limit = None
        self._surprises = self._in_a_row = 0
        self._refused.clear()
        self._agree *= 2
