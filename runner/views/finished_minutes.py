"""How many rows were finished in each minute, as a forecast needs it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

MINUTE_SECONDS = 60.0
WINDOW_MINUTES = 180  # what was longer ago says little about the next hours


@dataclass(slots=True)
class FinishedRows:
    """How many rows were finished in each of the last minutes; `now` is a steady clock's."""

    _counts: list[int] = field(default_factory=list)
    _known: int = 0
    _minute: int | None = None

    def note(self, finished: int, now: float) -> None:
        """So many rows are finished now; the first call says where to count from."""
        minute = int(now / MINUTE_SECONDS)
        if self._minute is None:
            self._minute, self._known, self._counts = minute, finished, [0]
            return
        self._counts += [0] * min(minute - self._minute, WINDOW_MINUTES)
        self._counts[-1] += max(finished - self._known, 0)
        del self._counts[: -WINDOW_MINUTES - 1]
        self._minute, self._known = minute, max(finished, self._known)

    @property
    def whole_minutes(self) -> Sequence[int]:
        """Those minutes that are over, the oldest first."""
        return self._counts[:-1]
