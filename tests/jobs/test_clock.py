"""Deadlines survive setting the time of day, forward or back, and a sleep of the machine."""

import sys

import pytest

from jobs.clock import Clocks, ClockSteps


class Times:
    """Three clocks that a test moves."""

    def __init__(self) -> None:
        self.of_day = 1_800_000_000.0
        self.awake = 500.0
        self.through_sleep = 900.0

    def pass_by(self, seconds: float, *, asleep: float = 0.0, set_by: float = 0.0) -> None:
        self.awake += seconds
        self.through_sleep += seconds + asleep
        self.of_day += seconds + asleep + set_by

    def steps(self) -> ClockSteps:
        return ClockSteps(
            Clocks(
                of_day=lambda: self.of_day,
                awake=lambda: self.awake,
                through_sleep=lambda: self.through_sleep,
            )
        )


@pytest.mark.parametrize("set_by", [-28_800.0, -2.0, 0.0, 0.5, -0.5])
def test_a_step_back_is_told_and_a_slow_correction_is_not(set_by: float) -> None:
    times = Times()
    steps = times.steps()
    times.pass_by(10.0, set_by=set_by)
    assert steps.step() == (set_by if abs(set_by) >= 1 else 0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a clock that runs in sleep")
def test_a_step_forward_is_told_and_sleep_is_not() -> None:
    times = Times()
    steps = times.steps()
    times.pass_by(5.0, asleep=3600.0)
    assert steps.step() == 0.0
    times.pass_by(5.0, set_by=7200.0)
    assert steps.step() == 7200.0


def test_a_step_is_told_until_it_is_dealt_with() -> None:
    times = Times()
    steps = times.steps()
    times.pass_by(1.0, set_by=-60.0)
    assert [steps.step(), steps.step()] == [-60.0, -60.0]
    steps.accept()
    assert steps.step() == 0.0


def test_clocks_that_run_faster_than_ours_are_not_set() -> None:
    times = Times()
    steps = times.steps()
    times.awake += 1000.0
    times.of_day += 1000.0
    times.through_sleep += 1.0
    assert steps.step() == 0.0
