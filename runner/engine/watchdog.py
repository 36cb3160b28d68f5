"""Checks every second what a run depends on: the clock and its table."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TICK_SECONDS = 0.1  # short, so that a loop that is held up for a moment is seen
TICKS_PER_LOOK = 10
SLEPT_SECONDS = 30.0  # by which one clock is ahead of the other if the machine was asleep
AFTER_SLEEP_SECONDS = 60.0  # for calls to end whose connection may be long dead


class Watched(Protocol):
    """What is told of changes: the run."""

    def woke(self, seconds: float, patience: float) -> None: ...
    def lost_table(self) -> None: ...


def through_sleep() -> float:
    """Seconds that also pass during sleep: Linux has such a clock, elsewhere the time of day."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time()


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepClocks:
    """A clock that goes on while the machine sleeps, and one that stops."""

    through: Callable[[], float] = through_sleep
    steady: Callable[[], float] = time.monotonic


class Watchdog:
    """Watches one run; `look` may be called at any time, `keep` calls it every second.

    Setting the time of day moves neither clock, and a loop that is blocked moves both alike.
    """

    def __init__(self, table: Path, watched: Watched, clocks: SleepClocks = SleepClocks()) -> None:
        self._table = table
        self._watched = watched
        self._clocks = clocks
        self._file = _identity(table)
        self._ahead = self._difference()
        self.late = 0.0  # seconds by which the loop was late at worst

    async def keep(self) -> None:
        """Look every second until cancelled."""
        while True:
            for _ in range(TICKS_PER_LOOK):
                before = self._clocks.steady()
                await asyncio.sleep(TICK_SECONDS)
                self.late = max(self.late, self._clocks.steady() - before - TICK_SECONDS)
            self.look()

    def look(self) -> None:
        """Report what has changed since the last look."""
        ahead = self._difference()
        if ahead - self._ahead > SLEPT_SECONDS:
            self._watched.woke(ahead - self._ahead, AFTER_SLEEP_SECONDS)
        self._ahead = ahead
        if self._file is not None and _identity(self._table) != self._file:
            self._file = None  # reported once
            self._watched.lost_table()

    def _difference(self) -> float:
        return self._clocks.through() - self._clocks.steady()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
