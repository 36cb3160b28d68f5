"""What one account has used in the last minute: calls started, and tokens."""

import math
import struct
import zlib
from dataclasses import dataclass, field

WINDOW_SECONDS = 61
"""One more than a minute, since the oldest second counts whole."""
FIRST_GUESS_TOKENS = 1000.0  # of a call, before the first answer
MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an account allows: calls at once, calls and tokens a minute; `auto` finds the first.

    `patient`: a call may take an hour, so that answers cannot tell how many at once are best.
    """

    in_flight: int
    auto: bool = False
    rpm: float | None = None
    tpm: float | None = None
    patient: bool = False

    def __post_init__(self) -> None:
        if self.in_flight < 1 or any(one is not None and one <= 0 for one in (self.rpm, self.tpm)):
            raise ValueError("limits are greater than zero")


@dataclass(slots=True, kw_only=True)
class RateWindow:
    """Starts by the second, and what is left to start with. All times are one clock's seconds.

    Never more starts in any sixty seconds than `rpm`, spread over them: what was not used is not
    saved up beyond one second's worth, which catches up a late timer.
    """

    at: float = 0.0
    starts: list[int] = field(default_factory=lambda: [0] * WINDOW_SECONDS)
    credit: float = 1.0
    allowance: float = math.inf  # tokens; below zero nothing starts
    paused_until: float = -math.inf

    def roll(self, now: float, limits: Limits) -> None:
        """Move on to `now`. A clock that was set back far begins a new minute."""
        if now < self.at - WINDOW_SECONDS:
            self.at, self.paused_until = now, -math.inf
            self.starts = [0] * WINDOW_SECONDS
        now = max(now, self.at)
        passed = now - self.at
        for second in range(int(self.at) + 1, min(int(now), int(self.at) + WINDOW_SECONDS) + 1):
            self.starts[second % WINDOW_SECONDS] = 0
        if passed >= WINDOW_SECONDS:
            self.starts = [0] * WINDOW_SECONDS
        if limits.rpm is not None:
            burst = max(1.0, limits.rpm / MINUTE_SECONDS)
            self.credit = min(burst, self.credit + passed * limits.rpm / MINUTE_SECONDS)
        if limits.tpm is not None:
            most = limits.tpm / 6
            self.allowance = min(most, self.allowance + passed * limits.tpm / MINUTE_SECONDS)
        self.at = now

    def room(self, limits: Limits, tokens: float) -> int:
        """How many calls of about so many tokens may start now."""
        room = 1_000_000
        if limits.rpm is not None:
            per_minute = max(1, int(limits.rpm))
            room = min(room, int(self.credit + 1e-9), per_minute - sum(self.starts))
        if limits.tpm is not None:
            room = min(room, math.ceil(self.allowance / tokens) if self.allowance > 0 else 0)
        return max(room, 0)

    def take(self, number: int, tokens: float) -> None:
        """So many start now, each of about so many tokens; minus gives back what did not begin."""
        second = int(self.at) % WINDOW_SECONDS
        self.starts[second] = max(self.starts[second] + number, 0)
        self.credit -= number
        self.spend(number * tokens)

    def spend(self, tokens: float) -> None:
        """So many tokens more were used than were reckoned with; minus for less."""
        if math.isfinite(self.allowance):
            self.allowance -= tokens

    def next_at(self, limits: Limits) -> float:
        """When it is worth asking again, as far as is known now."""
        moments = [self.at]
        if limits.rpm is not None:
            moments.append(self.at + (1.0 - self.credit) * MINUTE_SECONDS / limits.rpm)
            if sum(self.starts) >= max(1, int(limits.rpm)):
                moments.append(self._oldest() + WINDOW_SECONDS)
        if limits.tpm is not None and self.allowance <= 0:
            moments.append(self.at + (1.0 - self.allowance) * MINUTE_SECONDS / limits.tpm)
        return max(moments)

    def _oldest(self) -> float:
        """The second of the oldest start."""
        now = int(self.at)
        return float(
            next(
                second
                for second in range(now - WINDOW_SECONDS + 1, now + 1)
                if self.starts[second % WINDOW_SECONDS]
            )
        )


_FORM = struct.Struct(f"<dddd{WINDOW_SECONDS}I")
FILE_MARK = b"rowmill1"


def packed(minute: RateWindow) -> bytes:
    """The minute as bytes that show when they are damaged."""
    body = _FORM.pack(
        minute.at, minute.credit, minute.allowance, minute.paused_until, *minute.starts
    )
    return FILE_MARK + body + struct.pack("<I", zlib.crc32(body))


def unpacked(data: bytes) -> RateWindow | None:
    """The minute in these bytes; None if they are damaged."""
    body = data[len(FILE_MARK) : -4]
    whole = len(data) == len(FILE_MARK) + _FORM.size + 4 and data.startswith(FILE_MARK)
    if not whole or zlib.crc32(body) != struct.unpack("<I", data[-4:])[0]:
        return None
    at, credit, allowance, paused_until, *starts = _FORM.unpack(body)
    return RateWindow(
        at=at, credit=credit, allowance=allowance, paused_until=paused_until, starts=list(starts)
    )
