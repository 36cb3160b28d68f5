"""How fast the calls of one account may go out."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

MINUTE = 60.0
SETTLED = 1.0  # refusals within this many seconds belong to one "slow down"


class Pace:
    """Shared by all workers of one account: when the next calls may start, and how many at once.

    Never more starts in any sixty seconds than `rpm`, spread over them; never more calls at once
    than the window, which halves when the account is told to slow down, then grows again with each
    success. Each call that `admit` lets go is given back by `ended`. Not for several threads.
    """

    def __init__(
        self,
        *,
        in_flight: int,
        rpm: float | None = None,
        tpm: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._starts: deque[float] = deque()
        self._changed = asyncio.Event()
        self.in_flight = 0
        self.paused_until = -math.inf
        self.reason = ""
        self._slowed_at = self._paused_at = -math.inf
        self.retune(in_flight=in_flight, rpm=rpm, tpm=tpm)

    def retune(self, *, in_flight: int, rpm: float | None, tpm: float | None) -> None:
        """Sets new limits, also in the middle of a run; what is in flight stays in flight."""
        if in_flight < 1 or (rpm is not None and rpm <= 0) or (tpm is not None and tpm <= 0):
            raise ValueError("limits are greater than zero")
        now = self._clock()
        self._cap, self._rpm, self._tpm = in_flight, rpm, tpm
        self._window = self._known_good = float(in_flight)
        self._burst = max(1.0, (rpm or 0.0) / MINUTE)  # one second's worth catches up a late timer
        self._tokens, self._at = 1.0, now
        self._allowance, self._allowed_at = (tpm or 0.0) / 6, now
        self._changed.set()

    @property
    def window(self) -> int:
        """How many calls may be in flight at the moment."""
        return int(self._window)

    def admit(self, wanted: int) -> int:
        """How many of `wanted` calls may start now; they count as started."""
        now = self._clock()
        number = max(0, min(wanted, self._open(now)))
        if self._rpm is not None:
            self._tokens -= number
            self._starts.extend([now] * number)
        self.in_flight += number
        return number

    def give_back(self, unused: int) -> None:
        """So many admitted calls never began: there was nothing to send."""
        self.in_flight -= unused
        if self._rpm is not None:
            self._tokens += unused
            for _ in range(min(unused, len(self._starts))):
                self._starts.pop()

    def ended(self) -> None:
        """One admitted call is over, whatever came of it."""
        self.in_flight -= 1
        self._changed.set()

    def used(self, tokens: int) -> None:
        """Counts an answer's tokens; over the allowance no call starts until it is made up."""
        if self._tpm is not None:
            self._refill_allowance(self._clock())
            self._allowance -= tokens

    def pause(self, seconds: float, reason: str) -> None:
        """No call starts for so long; a shorter pause never ends a longer one."""
        now = self._clock()
        if now >= self.paused_until:
            self._paused_at = now
        if now + seconds > self.paused_until:
            self.paused_until, self.reason = now + seconds, reason
        self._changed.set()

    def resume(self) -> None:
        """Ends a pause before its time."""
        self.paused_until, self.reason = -math.inf, ""
        self._changed.set()

    def slowed(self, started: float | None = None) -> None:
        """The account was told to slow down: half as many at once from now on.

        Calls that were in flight together are refused together, which counts once: `started`, by
        our clock, tells which they are. Without it, what follows within a second or during the
        pause that it brought does not count again.
        """
        now = self._clock()
        if started is not None:
            counted = started <= self._slowed_at
        else:
            paused = now < self.paused_until and self._slowed_at >= self._paused_at
            counted = paused or now < self._slowed_at + SETTLED
        if counted:
            return
        self._slowed_at = now
        self._known_good = max(1.0, self._window * 0.75)
        self._window = max(1.0, self._window / 2)

    def succeeded(self) -> None:
        """A call went well: one more at once, or after a while, beyond what was last too many."""
        if self._window < self._cap:
            gain = 1.0 if self._window < self._known_good else 1.0 / self._window
            self._window = min(float(self._cap), self._window + gain)
            self._changed.set()

    def next_at(self) -> float:
        """The moment, on our clock, when it is worth asking again; inf: when a call has ended."""
        now = self._clock()
        if self.in_flight >= self.window:
            return math.inf
        moments = [now, self.paused_until]
        if self._rpm is not None:
            self._refill(now)
            moments.append(now + (1.0 - self._tokens) * MINUTE / self._rpm)
            if len(self._starts) >= self._per_minute:
                moments.append(self._starts[0] + MINUTE)
        if self._tpm is not None:
            self._refill_allowance(now)
            moments.append(now - self._allowance * MINUTE / self._tpm)
        return max(moments)

    async def wait(self) -> None:
        """Returns when a call may start; ask `admit` then: another worker may have been faster."""
        while True:
            self._changed.clear()
            moment = self.next_at()
            now = self._clock()
            if moment <= now:
                return
            try:
                async with asyncio.timeout(None if moment == math.inf else moment - now):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _open(self, now: float) -> int:
        if now < self.paused_until:
            return 0
        free = self.window - self.in_flight
        if self._tpm is not None:
            self._refill_allowance(now)
            if self._allowance < 0:
                return 0
        if self._rpm is not None:
            self._refill(now)
            free = min(free, int(self._tokens + 1e-9), self._per_minute - len(self._starts))
        return free

    @property
    def _per_minute(self) -> int:
        return max(1, int(self._rpm or 0))

    def _refill(self, now: float) -> None:
        assert self._rpm is not None
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rpm / MINUTE)
        self._at = now
        while self._starts and self._starts[0] <= now - MINUTE:
            self._starts.popleft()

    def _refill_allowance(self, now: float) -> None:
        assert self._tpm is not None
        gained = (now - self._allowed_at) * self._tpm / MINUTE
        self._allowance = min(self._tpm / 6, self._allowance + gained)
        self._allowed_at = now
