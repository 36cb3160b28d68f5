"""How fast rows end: in the last two minutes in which calls could start."""

import math
from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 120


@dataclass(slots=True)
class ActiveTime:
    """Steady seconds since the run began, without those in which no call could start.

    A rate by this clock is the same before, during and after a pause.
    """

    began: float  # by the steady clock
    _lost: float = 0.0  # seconds of pauses that are over
    _since: float | None = None  # begin of the pause that is on
    _until: float = -math.inf  # … and its end

    def pause(self, now: float, *, until: float) -> None:
        """No call starts until then; a pause that is on grows."""
        self._end_by(now)
        if self._since is None:
            self._since, self._until = now, until
        else:
            self._until = max(self._until, until)

    def resume(self, now: float) -> None:
        """Calls start again, whatever was announced."""
        self._until = min(self._until, now)
        self._end_by(now)

    def at(self, now: float) -> float:
        """The active seconds until now, a value of the steady clock."""
        self._end_by(now)
        current = 0.0 if self._since is None else now - self._since
        return now - self.began - self._lost - current

    def _end_by(self, now: float) -> None:
        if self._since is not None and now >= self._until:
            self._lost += self._until - self._since
            self._since = None


@dataclass(slots=True)
class Rate:
    """Finished rows a minute, over the last two minutes of active time or all of it."""

    _per_second: deque[tuple[int, int]] = field(
        default_factory=lambda: deque(maxlen=WINDOW_SECONDS)
    )

    def count(self, now: float) -> None:
        """One row is finished; `now` are active seconds."""
        second, rows = int(now), 0
        if self._per_second and self._per_second[-1][0] == second:
            _, rows = self._per_second.pop()
        self._per_second.append((second, rows + 1))

    def at(self, now: float) -> float | None:
        """The rate; None if it is too early to say."""
        rows = sum(rows for second, rows in self._per_second if second > now - WINDOW_SECONDS)
        span = min(now, WINDOW_SECONDS)
        return rows / span * 60 if span > 1 and rows else None
