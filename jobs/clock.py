"""Detects that the time of day was set: a jump that neither elapsed time nor sleep explains."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

MIN_STEP_SECONDS = 1.0  # smaller steps are a clock's normal slow correction


def _time_of_day() -> float:
    return time.time()  # looked up on each call: tests replace the clock


def _asleep_and_awake() -> float:
    """Seconds that also pass while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def through_sleep() -> float:
    """Seconds of a clock that nobody sets and that goes on while the machine sleeps.

    Windows' monotonic clock does; macOS has two, of which Python's own one stops.
    """
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return _asleep_and_awake()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The time of day, a clock that stands still in sleep, and one that does not."""

    of_day: Callable[[], float] = _time_of_day
    awake: Callable[[], float] = time.monotonic
    through_sleep: Callable[[], float] = _asleep_and_awake


@dataclass(frozen=True, slots=True)
class _Reading:
    of_day: float
    awake: float
    through_sleep: float


class ClockSteps:
    """Finds how far the time of day was set since the last `accept`.

    Only Linux has a clock that runs during sleep. Elsewhere a step forward looks like sleep and is
    not reported; a step back always is.
    """

    def __init__(self, clocks: Clocks = Clocks()) -> None:
        self._clocks = clocks
        self._last = self._read()
        self._now = self._last

    def step(self) -> float:
        """Seconds by which the clock was set, negative when it was set back; 0.0: it was not."""
        last, now = self._last, self._read()
        self._now = now
        passed = now.awake - last.awake
        slept = max(now.through_sleep - last.through_sleep - passed, 0.0)
        step = now.of_day - last.of_day - passed - slept
        if sys.platform != "linux":
            step = min(step, 0.0)
        return step if abs(step) >= MIN_STEP_SECONDS else 0.0

    def accept(self) -> None:
        """Mark the step that `step` last returned as handled."""
        self._last = self._now

    def _read(self) -> _Reading:
        clocks = self._clocks
        return _Reading(clocks.of_day(), clocks.awake(), clocks.through_sleep())
