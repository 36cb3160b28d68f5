"""Measures that work grows in proportion to its input, also on a busy machine."""

import gc
import time
from collections.abc import Callable

MAX_RATIO = 2.5  # of the time for twice the size
MIN_SECONDS = 0.15  # anything faster is noise, not a measurement
MAX_SECONDS = 20.0
MAX_ROUNDS = 6  # noise only adds time: the best of several rounds counts


def assert_linear(half: Callable[[], object], whole: Callable[[], object]) -> None:
    """Assert that `whole`, over twice the input of `half`, takes at most 2.5 times as long."""
    best = (float("inf"), float("inf"))
    for _ in range(MAX_ROUNDS):
        best = (min(best[0], cpu_seconds(half)), min(best[1], cpu_seconds(whole)))
        assert best[1] < MAX_SECONDS
        if best[1] <= max(best[0] * MAX_RATIO, MIN_SECONDS):
            return
    assert best[1] <= best[0] * MAX_RATIO, best


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this thread.

    The garbage collector is off meanwhile: it would walk whatever earlier tests left behind, which
    takes longer than the work itself and comes only once the work allocates enough.
    """
    gc.disable()
    try:
        begun = time.thread_time()
        work()
        return time.thread_time() - begun
    finally:
        gc.enable()
