"""Where a call may take an hour, `auto` opens wide by time, not by answers."""

import math

from runner.pacing.backoff import Wait
from runner.pacing.opening_window import FIRST_CALLS, SECONDS_TO_DOUBLE
from runner.pacing.pace import MAX_PATIENCE_SECONDS, MAX_PATIENT_CALLS, Pace
from runner.pacing.rate_window import Limits
from tests.support.pacing import Clock

PATIENT = Limits(in_flight=MAX_PATIENT_CALLS, auto=True, patient=True)


def opened(pace: Pace, clock: Clock, *, seconds: float) -> int:
    """How many calls are in flight after so long, if no answer comes."""
    end = clock.now + seconds
    while True:
        pace.admit(10_000)
        if pace.next_at() > end:
            return pace.in_flight
        clock.now = max(pace.next_at(), clock.now)


def test_thousands_of_calls_are_open_long_before_the_first_answer() -> None:
    clock = Clock()
    pace = Pace(PATIENT, clock=clock)
    assert pace.admit(10_000) == FIRST_CALLS
    assert opened(pace, clock, seconds=6 * SECONDS_TO_DOUBLE) == MAX_PATIENT_CALLS
    assert pace.next_at() == math.inf


def test_a_refusal_still_slows_all_calls_down() -> None:
    clock = Clock()
    pace = Pace(PATIENT, clock=clock)
    pace.admit(10_000)
    clock.now += 1.0
    pace.slowed(Wait(seconds=5.0, asked=True), "full", started=clock.now - 0.5)
    pace.ended(clock.now - 0.5)
    assert pace.admit(10_000) == 0
    clock.now += 5.0
    assert pace.admit(10_000) == 1


def test_after_an_outage_a_call_that_is_not_refused_opens_the_window_again() -> None:
    clock = Clock()
    pace = Pace(PATIENT, clock=clock)
    pace.one_at_a_time()
    assert pace.admit(10_000) == 1
    assert pace.next_at() == clock.now + MAX_PATIENCE_SECONDS
    clock.now += MAX_PATIENCE_SECONDS
    assert pace.admit(10_000) == FIRST_CALLS - 1
