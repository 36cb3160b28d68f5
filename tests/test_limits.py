"""The pace of one account, mostly against a clock that the test moves."""

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.limits import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def starts(pace: Pace, clock: Clock, seconds: float) -> list[float]:
    """Starts as many calls as the pace lets, each over at once; the moments of their starts."""
    found: list[float] = []
    end = clock.now + seconds
    while True:
        number = pace.admit(1000)
        found += [clock.now] * number
        for _ in range(number):
            pace.ended()
        moment = max(pace.next_at(), clock.now + 1e-6)
        if moment >= end:
            clock.now = end
            return found
        clock.now = moment


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 900))
def test_no_minute_holds_more_starts_than_allowed(rpm: float) -> None:
    clock = Clock()
    found = starts(Pace(in_flight=50, rpm=rpm, clock=clock), clock, 200)
    for index, first in enumerate(found):
        inside = [moment for moment in found[index:] if moment < first + 60]
        assert len(inside) <= max(1, rpm)
    whole = math.floor(rpm) if rpm > 1 else rpm
    assert len(found) >= (whole / 60 * 200) * 0.9 - 1


def test_a_minutes_calls_are_spread_over_it() -> None:
    clock = Clock()
    found = starts(Pace(in_flight=500, rpm=120, clock=clock), clock, 60)
    for second in range(60):
        begin = 1000.0 + second
        assert 1 <= len([moment for moment in found if begin <= moment < begin + 1.001]) <= 4


def test_an_idle_hour_saves_up_no_burst() -> None:
    clock = Clock()
    pace = Pace(in_flight=500, rpm=60, clock=clock)
    clock.now += 3600
    assert pace.admit(100) == 1


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    clock = Clock()
    pace = Pace(in_flight=3, clock=clock)
    assert pace.admit(10) == 3
    assert pace.admit(1) == 0
    assert pace.next_at() == math.inf
    pace.ended()
    assert pace.next_at() <= clock.now
    assert pace.admit(10) == 1


def test_a_pause_quiets_all_and_a_shorter_one_does_not_end_it() -> None:
    clock = Clock()
    pace = Pace(in_flight=8, clock=clock)
    pace.pause(30, "429 from the provider")
    pace.pause(5, "another")
    assert pace.admit(8) == 0
    assert pace.reason == "429 from the provider"
    assert pace.next_at() == pace.paused_until == clock.now + 30
    clock.now += 29.9
    assert pace.admit(8) == 0
    clock.now += 0.2
    assert pace.admit(8) == 8


def test_resume_ends_a_pause() -> None:
    pace = Pace(in_flight=2, clock=Clock())
    pace.pause(900, "by hand")
    pace.resume()
    assert pace.admit(1) == 1


@pytest.mark.parametrize("order", ["pause first", "slowed first"])
def test_a_slow_down_halves_once_for_all_calls_refused_together(order: str) -> None:
    clock = Clock()
    pace = Pace(in_flight=64, clock=clock)
    assert pace.admit(64) == 64
    for _ in range(64):
        if order == "pause first":
            pace.pause(10, "429")
        pace.slowed()
        pace.pause(10, "429")
        pace.ended()
        clock.now += 0.05
    assert pace.window == 32
    clock.now = pace.paused_until + 1
    assert pace.admit(64) == 32, "after a pause not all start at once"


def test_the_window_grows_with_successes_and_never_beyond_the_limit() -> None:
    clock = Clock()
    pace = Pace(in_flight=16, clock=clock)
    pace.slowed()
    assert pace.window == 8
    for _ in range(4):
        pace.succeeded()
    assert pace.window == 12
    for _ in range(12):
        pace.succeeded()
    assert pace.window == 12
    pace.succeeded()
    assert pace.window == 13, "carefully near where it was too much"
    for _ in range(1000):
        pace.succeeded()
    assert pace.window == 16


def test_the_window_never_falls_below_one() -> None:
    clock = Clock()
    pace = Pace(in_flight=4, clock=clock)
    for _ in range(20):
        clock.now += 5
        pace.slowed()
    assert pace.admit(5) == 1


def test_tokens_beyond_the_allowance_hold_calls_back() -> None:
    clock = Clock()
    pace = Pace(in_flight=8, tpm=6000, clock=clock)
    assert pace.admit(1) == 1
    pace.used(1000 + 600)
    assert pace.admit(1) == 0
    assert pace.next_at() == pytest.approx(clock.now + 6)
    clock.now += 6.01
    assert pace.admit(1) == 1


def test_limits_can_change_in_the_middle_of_a_run() -> None:
    clock = Clock()
    pace = Pace(in_flight=8, rpm=1, clock=clock)
    assert pace.admit(8) == 1
    pace.retune(in_flight=2, rpm=None, tpm=None)
    assert pace.admit(8) == 1
    assert pace.in_flight == 2
    with pytest.raises(ValueError, match="greater than zero"):
        pace.retune(in_flight=0, rpm=None, tpm=None)


def test_a_storm_of_refusals_costs_little_and_loses_little() -> None:
    """A provider that serves 20 at once and refuses the rest; one step is a tenth of a second."""
    clock = Clock()
    pace = Pace(in_flight=200, clock=clock)
    served = refused = 0
    for step in range(6000):
        clock.now += 0.1
        number = pace.admit(200)
        good = min(number, 20)
        for _ in range(good):
            pace.succeeded()
        if number > good:
            for _ in range(number - good):
                pace.slowed(started=clock.now)
        for _ in range(number):
            pace.ended()
        if step > 100:
            served, refused = served + good, refused + number - good
    assert refused <= served * 0.1
    assert served >= 20 * 5900 * 0.8


async def test_waiting_ends_when_a_call_ends_or_a_pause_is_over() -> None:
    pace = Pace(in_flight=1)
    assert pace.admit(1) == 1
    waiting = asyncio.create_task(pace.wait())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    pace.ended()
    await asyncio.wait_for(waiting, 1)
    pace.pause(0.1, "429")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.wait_for(pace.wait(), 1)
    assert 0.09 <= loop.time() - began < 0.5


async def test_many_waiters_are_all_woken() -> None:
    pace = Pace(in_flight=1)
    pace.admit(1)
    waiters = [asyncio.create_task(pace.wait()) for _ in range(50)]
    await asyncio.sleep(0.02)
    pace.ended()
    await asyncio.wait_for(asyncio.gather(*waiters), 1)
