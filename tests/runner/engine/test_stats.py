"""The rate that a run shows follows its recent calls."""

import tracemalloc

from runner.engine.stats import RATE_WINDOW_SECONDS, Rate


def test_the_rate_is_that_of_the_last_two_minutes() -> None:
    rate = Rate()
    for now in range(1000, 1600):
        rate.count(now + 0.5)  # sixty a minute
    for now in range(1600, 1600 + RATE_WINDOW_SECONDS):
        rate.count(now + 0.2)
        rate.count(now + 0.7)
    assert rate.at(1600.0 + RATE_WINDOW_SECONDS - 0.1, since=1000.0) == 120.0


def test_a_run_that_has_just_begun_counts_from_its_start() -> None:
    rate = Rate()
    assert rate.at(1000.5, since=1000.0) is None
    for number in range(10):
        rate.count(1000.0 + number)
    assert rate.at(1010.0, since=1000.0) == 60.0
    assert rate.at(1010.0 + 2 * RATE_WINDOW_SECONDS, since=1000.0) is None


def test_what_is_kept_for_the_rate_does_not_grow_with_the_rows() -> None:
    rate = Rate()
    tracemalloc.start()
    try:
        rate.count(0.0)
        before, _ = tracemalloc.get_traced_memory()
        for number in range(50_000):
            rate.count(number / 1000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000
