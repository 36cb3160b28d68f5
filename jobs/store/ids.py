"""Numbers for calls, runs and events: in order, unique across processes, fit for 63 bits."""

import secrets
import time
from collections.abc import Callable

_EPOCH_MS = 1_735_689_600_000  # 2025-01-01, so that 41 bits last until 2094
_COUNTER_BITS = 12
_PROCESS_BITS = 10
_TIME_SHIFT = _COUNTER_BITS + _PROCESS_BITS
_MAX_COUNT = (1 << _COUNTER_BITS) - 1
MAX_PROCESSES = 1 << _PROCESS_BITS
NUMBERS_PER_PROCESS = 1 << _COUNTER_BITS  # in a millisecond; a process has numbers side by side


def _time() -> float:
    return time.time()  # looked up on each call: tests replace the clock


class Ids:
    """41 bits of milliseconds, 10 of this process, 12 of a counter.

    They are an order first and a time second: a clock that was set back gives no number below
    `after`, the newest that the table has. The bits of the process are random, except on a table
    of several hosts, which gives each its own number and one clock to all.
    """

    def __init__(
        self, *, after: int = 0, process: int | None = None, clock: Callable[[], float] = _time
    ) -> None:
        self._process = secrets.randbelow(MAX_PROCESSES) if process is None else process
        self._last = after
        self._clock = clock

    def renumber(self, process: int) -> None:
        """Use other bits for the process from now on."""
        self._process = process

    def take(self) -> int:
        """The next number, larger than all before it."""
        milliseconds = max(int(self._clock() * 1000) - _EPOCH_MS, 0)
        number = self._first_of(milliseconds)
        if number <= self._last:
            number = self._next()
        self._last = number
        return number

    def _next(self) -> int:
        same_process = (self._last >> _COUNTER_BITS) % (1 << _PROCESS_BITS) == self._process
        if same_process and self._last & _MAX_COUNT < _MAX_COUNT:
            return self._last + 1
        return self._first_of((self._last >> _TIME_SHIFT) + 1)

    def _first_of(self, milliseconds: int) -> int:
        return milliseconds << _TIME_SHIFT | self._process << _COUNTER_BITS


def first_id_at(seconds: float) -> int:
    """No number given at that time (Unix seconds) or later is smaller than this one."""
    milliseconds = max(int(seconds * 1000) - _EPOCH_MS, 0)
    return milliseconds << _TIME_SHIFT
