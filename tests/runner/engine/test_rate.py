"""The rate that a run shows follows its recent calls, and stands still while no call can start."""

import math
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from runner.engine.rate import WINDOW_SECONDS, ActiveTime, Rate


def test_the_rate_is_that_of_the_last_two_minutes() -> None:
    rate = Rate()
    for now in range(600):
        rate.count(now + 0.5)  # sixty a minute
    for now in range(600, 600 + WINDOW_SECONDS):
        rate.count(now + 0.2)
        rate.count(now + 0.7)
    assert rate.at(600.0 + WINDOW_SECONDS - 0.1) == 120.0


def test_a_run_that_has_just_begun_counts_from_its_start() -> None:
    rate = Rate()
    assert rate.at(0.5) is None
    for number in range(10):
        rate.count(float(number))
    assert rate.at(10.0) == 60.0
    assert rate.at(10.0 + 2 * WINDOW_SECONDS) is None


def test_a_pause_changes_no_rate() -> None:
    active, rate = ActiveTime(began=1000.0), Rate()
    for number in range(60):
        rate.count(active.at(1000.0 + number))
    before = rate.at(active.at(1060.0))
    active.pause(1060.0, until=math.inf)
    assert rate.at(active.at(1500.0)) == before == 60.0
    active.resume(2000.0)
    for number in range(60):
        rate.count(active.at(2000.0 + number))
    assert round(rate.at(active.at(2059.9)) or 0) == 60


def test_pauses_that_overlap_count_once() -> None:
    active = ActiveTime(began=0.0)
    active.pause(10.0, until=20.0)
    active.pause(15.0, until=30.0)
    assert active.at(25.0) == 10.0
    assert active.at(40.0) == 20.0
    active.pause(50.0, until=90.0)
    active.resume(60.0)
    assert active.at(70.0) == 40.0


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 30), st.booleans()), max_size=30))
def test_active_time_never_runs_backwards_nor_faster_than_the_clock(
    steps: list[tuple[float, float, bool]],
) -> None:
    active, now, last = ActiveTime(began=0.0), 0.0, 0.0
    for passed, pause, resumes in steps:
        now += passed
        found = active.at(now)
        assert last - 1e-9 <= found <= last + passed + 1e-9
        last = found
        if resumes:
            active.resume(now)
        else:
            active.pause(now, until=now + pause)


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
