"""How many calls at once, where an answer may take an hour."""

import math

FIRST_CALLS = 64
SECONDS_TO_DOUBLE = 2.0  # refusals are fast: what was not refused by then was accepted


class OpeningWindow:
    """A window that doubles every two seconds until it is wide open.

    An `AdaptiveWindow` would wait for answers, and read slow ones as too many calls at once. What
    holds this one back are refusals, which teach a rate or a limit of calls at once. Times are
    seconds of one clock.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.window = min(FIRST_CALLS, most)
        self._doubles_at: float | None = None

    def answered(self, now: float, *, full: bool) -> None:
        """How fast answers come says nothing here."""

    def passed(self, now: float) -> None:
        """Time has passed."""
        if self._doubles_at is None:
            self._doubles_at = now + SECONDS_TO_DOUBLE
        elif now >= self._doubles_at:
            self.window = min(2 * self.window, self.most)
            self._doubles_at = now + SECONDS_TO_DOUBLE

    def next_at(self) -> float:
        """When the window becomes wider by itself."""
        if self.window >= self.most or self._doubles_at is None:
            return math.inf
        return self._doubles_at
