"""Finds out how many calls at once bring more answers."""

import math

START_CALLS = 8
MIN_GAIN_FACTOR = 1.2  # doubling must bring a fifth more answers
MIN_MEASUREMENTS = 2  # without a gain, in a row, before that is believed
REST_SECONDS = 120.0  # seconds until it is tried again


class AdaptiveWindow:
    """A window that doubles as long as twice as many calls at once bring more answers.

    It grows by one with each answer, then is measured over as many answers as it holds. Where two
    measurements in a row show no gain, the half is kept for a while: more calls at once would only
    wait longer, and run into their time limits. Times are seconds of one clock.
    """

    def __init__(self, most: int, *, start: int = START_CALLS, weighs: bool = True) -> None:
        self.most = most
        self.window = self._goal = min(start, most)
        self._weighs = weighs  # False: `most` is the user's choice, and only approached gently
        self._rates: dict[int, float] = {}  # answers a second, by window
        self._count = 0
        self._since: float | None = None
        self._no_gain = 0
        self._quiet_until = 0.0

    def answered(self, now: float, *, full: bool) -> None:
        """One more answer came; `full` says whether the window held calls back."""
        if self.window < self._goal:
            self.window += full
            self._since = None
            return
        if self.window >= self.most or now < self._quiet_until:
            return
        if not full or self._since is None:
            self._since, self._count = now, 0
            return
        self._count += 1
        if self._count < self.window:
            return
        rate = self._count / max(now - self._since, 1e-6)
        self._since = None
        self._compare(now, rate)

    def passed(self, now: float) -> None:
        """Only answers make this window wider."""

    def next_at(self) -> float:
        """When the window becomes wider by itself: never."""
        return math.inf

    def _compare(self, now: float, rate: float) -> None:
        before = self._rates.get(self.window // 2) if self._weighs else None
        if before is not None and rate < before * MIN_GAIN_FACTOR:
            self._no_gain += 1
            if self._no_gain >= MIN_MEASUREMENTS:
                self._no_gain = 0
                self.window = self._goal = max(self.window // 2, 1)
                self._quiet_until = now + REST_SECONDS
            return
        self._no_gain = 0
        self._rates = {self.window: rate}
        self._goal = min(self.window * 2, self.most)
