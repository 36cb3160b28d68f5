"""Numbers for calls, runs and events: sorted by time, unique across processes, fit for 63 bits."""

import secrets
import time

_EPOCH_MS = 1_735_689_600_000  # 2025-01-01, so that 41 bits last until 2094
_COUNTER_BITS = 12
_PROCESS_BITS = 10


class Ids:
    """41 bits of milliseconds, 10 of this process's chance, 12 of a counter."""

    def __init__(self) -> None:
        self._process = secrets.randbelow(1 << _PROCESS_BITS) << _COUNTER_BITS
        self._last = 0

    def take(self) -> int:
        """The next number; never less than one given before, also when the clock steps back."""
        milliseconds = int(time.time() * 1000) - _EPOCH_MS
        number = (milliseconds << (_PROCESS_BITS + _COUNTER_BITS)) | self._process
        self._last = max(number, self._last + 1)
        return self._last


def first_id_at(seconds: float) -> int:
    """No number given at that time (Unix seconds) or later is smaller than this one."""
    milliseconds = max(int(seconds * 1000) - _EPOCH_MS, 0)
    return milliseconds << (_PROCESS_BITS + _COUNTER_BITS)
