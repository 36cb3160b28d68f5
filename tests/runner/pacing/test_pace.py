"""The pacer of one account keeps given limits and finds unknown ones (a test moves its clock)."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.pacing.pace import MAX_AUTO_CALLS, MAX_PAUSE_SECONDS, Pace
from runner.pacing.quota import OwnQuota
from runner.pacing.rate_window import Limits
from tests.support.pacing import (
    NO_LIMIT,
    AtOnce,
    Bucket,
    Calendar,
    Clock,
    Fickle,
    Gateway,
    Sliding,
    asked,
    ours,
    play,
)

AUTO = Limits(in_flight=MAX_AUTO_CALLS, auto=True)


def paced(clock: Clock, limits: Limits) -> Pace:
    return Pace(limits, clock=clock)


# --- limits that the user sets --------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 900))
def test_no_minute_holds_more_starts_than_allowed(rpm: float) -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=500, rpm=rpm))
    found = play(pace, clock, Sliding(NO_LIMIT), seconds=200).served
    for index, first in enumerate(found):
        assert sum(moment < first + 60 for moment in found[index:]) <= max(1, rpm)
    whole = math.floor(rpm) if rpm > 1 else rpm
    assert len(found) >= (whole / 60 * 200) * 0.9 - 1


def test_a_minutes_calls_are_spread_over_it() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=500, rpm=120))
    found = play(pace, clock, Sliding(NO_LIMIT), seconds=60).served
    for second in range(60):
        assert 1 <= sum(second <= moment < second + 1.001 for moment in found) <= 4


def test_an_idle_hour_saves_up_no_burst() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=500, rpm=60))
    clock.now += 3600
    assert pace.admit(100) == 1


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=3))
    assert pace.admit(10) == 3
    assert pace.admit(1) == 0
    assert pace.next_at() == math.inf
    pace.ended()
    assert pace.next_at() <= clock.now
    assert pace.admit(10) == 1


def test_what_did_not_begin_does_not_count() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=8, rpm=60))
    assert pace.admit(5) == 1
    pace.give_back(1)
    assert (pace.in_flight, pace.admit(5)) == (0, 1)


def test_tokens_beyond_the_allowance_hold_calls_back() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=8, tpm=6000))
    assert pace.admit(8) == 1, "a call is reckoned with a thousand tokens before one has told"
    pace.used(1600)
    assert pace.admit(1) == 0
    assert pace.next_at() == pytest.approx(clock.now + 6, abs=0.1)
    clock.now += 6.1
    assert pace.admit(1) == 1


def test_a_minute_uses_about_the_tokens_allowed() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=64, tpm=60_000))
    used, luck = 0.0, random.Random(5)
    for _ in range(6000):
        for _ in range(pace.admit(64)):
            tokens = luck.uniform(200, 1400)
            used += tokens
            pace.used(tokens)
            pace.ended()
        clock.now += 0.1
    assert 0.93 * 600_000 <= used <= 600_000 + 12_000


def test_limits_can_change_in_the_middle_of_a_run() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=8, rpm=1))
    assert pace.admit(8) == 1
    pace.retune(Limits(in_flight=2, rpm=6000))
    clock.now += 0.01
    assert pace.admit(8) == 1
    assert pace.in_flight == 2
    with pytest.raises(ValueError, match="greater than zero"):
        Limits(in_flight=0)


def test_a_clock_set_back_begins_a_new_minute() -> None:
    clock = Clock()
    quota = OwnQuota(Limits(in_flight=1, rpm=2), clock)
    assert quota.admit(1) == 1
    clock.now -= 10_000
    quota.admit(1)
    assert quota.next_at() < clock.now + 62


# --- pauses ---------------------------------------------------------------------------------------


def test_a_pause_quiets_all_and_a_shorter_one_does_not_end_it() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=8))
    pace.pause(30, "429 from the provider")
    pace.pause(5, "another")
    assert pace.admit(8) == 0
    assert pace.reason == "429 from the provider"
    assert pace.next_at() == pace.paused_until == clock.now + 30
    clock.now += 30.1
    assert pace.admit(8) == 8


def test_resume_ends_a_pause_and_a_hold_only_its_own() -> None:
    pace = paced(Clock(), Limits(in_flight=2))
    pace.pause(900, "429")
    pace.holds.add("person")
    pace.resume()
    assert (pace.admit(1), pace.next_at()) == (0, math.inf)
    pace.holds.discard("person")
    assert pace.admit(1) == 1


def test_calls_refused_together_count_once() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=64))
    assert pace.admit(64) == 64
    started = clock.now
    clock.now += 0.1
    told = [pace.slowed(asked(0.5), "429", started=started) for _ in range(64)]
    assert [fresh for _, fresh in told] == [True] + [False] * 63
    assert {seconds for seconds, _ in told} == {0.5}


def test_after_a_refusal_one_call_at_a_time_goes_out_after_growing_pauses() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=64))
    waits = []
    for _ in range(10):
        number = pace.admit(64)
        started = clock.now
        clock.now += 0.05
        for _ in range(number):
            wait, _ = pace.slowed(asked(0.2), "429", started=started)
            pace.ended(started)
        waits.append((number, wait))
        clock.now = pace.next_at()
    assert [number for number, _ in waits] == [64] + [1] * 9
    assert [wait for _, wait in waits] == [0.2, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waits[-1][1] == MAX_PAUSE_SECONDS


def test_a_long_wait_that_the_provider_asks_for_is_kept() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=8))
    pace.admit(1)
    assert pace.slowed(asked(300), "429", started=clock.now) == (300, True)


def test_an_answer_from_before_the_refusal_ends_no_pause() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=8))
    pace.admit(2)
    started = clock.now
    clock.now += 1
    pace.slowed(asked(0.0), "429", started=started)
    pace.succeeded(started)
    assert pace.admit(8) == 1


def test_after_an_outage_one_call_must_go_well_before_others_follow() -> None:
    clock = Clock()
    pace = paced(clock, Limits(in_flight=64))
    pace.one_at_a_time()
    assert (pace.admit(64), pace.admit(64)) == (1, 0)
    clock.now += 1000
    assert (pace.admit(64), pace.next_at()) == (0, math.inf)
    pace.succeeded(clock.now)
    pace.ended(clock.now)
    assert pace.admit(64) == 8


def test_a_slow_down_to_the_first_call_after_an_outage_does_not_end_the_run() -> None:
    """The call started a little after its permission: it is still the call that was waited for."""
    clock = Clock()
    pace = paced(clock, Limits(in_flight=8))
    pace.one_at_a_time()
    assert pace.admit(8) == 1
    clock.now += 0.01
    started = clock.now
    pace.slowed(asked(0.0), "429", started=started)
    pace.ended(started)
    assert pace.next_at() <= clock.now
    assert pace.admit(8) == 1


# --- limits that are found ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gateway", "allowed"),
    [
        (Sliding(60), 60),
        (Sliding(60, counts_refused=True), 60),
        (Calendar(60), 60),
        (Bucket(60), 60),
        (Sliding(600), 600),
        (Sliding(600, counts_refused=True), 600),
        (Calendar(600), 600),
        (Bucket(600), 600),
    ],
    ids=lambda value: f"{type(value).__name__}{getattr(value, 'limit', value)}",
)
def test_auto_reaches_nine_tenths_of_what_is_allowed_with_few_calls_more(
    gateway: Gateway, allowed: int
) -> None:
    clock = Clock()
    tally = play(paced(clock, AUTO), clock, gateway, seconds=3600)
    assert tally.rate(0, 3600) >= 0.9 * allowed
    assert tally.extra() <= 0.05


@pytest.mark.parametrize(
    ("gateway", "allowed"),
    [
        (Sliding(10), 10),
        (Calendar(10), 10),
        (Bucket(10), 10),
        (Bucket(60, most=1, credit=1), 60),
        (Bucket(60), 60),
        (Bucket(300), 300),
    ],
    ids=lambda value: f"{type(value).__name__}{getattr(value, 'limit', value)}",
)
def test_auto_keeps_its_promise_where_few_are_allowed_and_answers_are_slow(
    gateway: Gateway, allowed: int
) -> None:
    clock, luck = Clock(), random.Random(3)
    tally = play(
        paced(clock, AUTO),
        clock,
        gateway,
        seconds=3600,
        latency=lambda _: luck.uniform(5, 20),
        told=lambda _: ours(luck),
    )
    assert tally.rate(0, 3600) >= 0.9 * allowed
    assert tally.extra() <= 0.05


def test_auto_opens_its_window_also_where_nothing_is_saved_up_and_answers_are_slow() -> None:
    clock, luck = Clock(), random.Random(3)
    tally = play(
        paced(clock, AUTO),
        clock,
        Bucket(600, most=1, credit=1),
        seconds=2400,
        latency=lambda _: luck.uniform(5, 20),
    )
    assert tally.rate(900, 2400) >= 0.9 * 600


def test_auto_comes_back_soon_from_what_the_first_storm_taught_it() -> None:
    clock, luck = Clock(), random.Random(25)
    tally = play(
        paced(clock, AUTO),
        clock,
        Sliding(3000),
        seconds=1200,
        latency=lambda _: luck.uniform(0.5, 2),
        told=lambda opens_in: asked(max(opens_in, 0.05)),
    )
    assert tally.rate(0, 1200) >= 0.9 * 3000


def test_auto_keeps_up_when_answers_become_slow() -> None:
    clock = Clock()
    tally = play(
        paced(clock, AUTO),
        clock,
        Sliding(120),
        seconds=3600,
        latency=lambda now: 2.0 if now < 2000 else 30.0,
    )
    assert tally.rate(1800, 3600) >= 0.9 * 120
    assert tally.most_at_once >= 55


def test_auto_follows_a_limit_that_falls_and_rises() -> None:
    clock, gateway = Clock(), Sliding(120)
    pace = paced(clock, AUTO)
    before = play(pace, clock, gateway, seconds=1200)
    gateway.limit = 30
    low = play(pace, clock, gateway, seconds=2400)
    gateway.limit = 120
    after = play(pace, clock, gateway, seconds=3600)
    assert before.rate(300, 1200) >= 0.9 * 120
    assert low.rate(600, 2400) >= 0.85 * 30
    assert after.rate(1800, 3600) >= 0.9 * 120
    refused = len(before.refused) + len(low.refused) + len(after.refused)
    assert refused <= 0.05 * (len(before.served) + len(low.served) + len(after.served))


def test_auto_finds_a_limit_of_calls_at_once() -> None:
    clock = Clock()
    tally = play(paced(clock, AUTO), clock, AtOnce(20), seconds=3600)
    assert tally.rate(600, 3600) >= 0.95 * 600
    assert tally.extra() <= 0.01


def test_auto_does_not_queue_at_a_gateway_that_answers_no_faster() -> None:
    """The gateway runs ten calls at once and queues the rest: more calls would only wait longer."""
    clock = Clock()
    pace = paced(clock, AUTO)
    tally = play(
        pace,
        clock,
        Sliding(NO_LIMIT),
        seconds=1200,
        latency=lambda _: 2.0 * max(1.0, pace.in_flight / 10),
    )
    assert tally.most_at_once <= 40
    assert tally.rate(600, 1200) >= 0.9 * 300


def test_without_limits_auto_goes_up_to_its_ceiling() -> None:
    clock = Clock()
    tally = play(paced(clock, AUTO), clock, Sliding(NO_LIMIT), seconds=300)
    assert (tally.most_at_once, tally.refused) == (MAX_AUTO_CALLS, [])


def test_a_fixed_number_learns_the_limit_too() -> None:
    clock = Clock()
    luck = random.Random(2)
    tally = play(
        paced(clock, Limits(in_flight=500)),
        clock,
        Sliding(60),
        seconds=7200,
        latency=lambda _: luck.uniform(5, 30),
    )
    assert tally.rate(0, 7200) >= 0.9 * 60
    assert tally.extra() <= 0.35, "the first five hundred go out at once"


@pytest.mark.parametrize("share", [0.02, 0.05])
@pytest.mark.parametrize("in_flight", [8, 200])
def test_refusals_by_chance_cost_a_fixed_number_little_more_than_their_pauses(
    in_flight: int, share: float
) -> None:
    clock = Clock()
    gateway = Fickle(Sliding(NO_LIMIT), share)
    tally = play(paced(clock, Limits(in_flight=in_flight)), clock, gateway, seconds=1800)
    assert tally.rate(600, 1800) >= 0.8 * in_flight * 30


@pytest.mark.parametrize("limit", [60, 600])
def test_a_fixed_number_does_not_storm_a_gateway_that_saves_up_little(limit: int) -> None:
    clock = Clock()
    tally = play(paced(clock, Limits(in_flight=64)), clock, Bucket(limit), seconds=3600)
    assert tally.rate(600, 3600) >= 0.3 * limit
    assert tally.extra() <= 0.5


def test_an_hour_of_refusals_teaches_nothing_about_a_minute() -> None:
    clock, gateway = Clock(), Sliding(120)
    pace = paced(clock, AUTO)
    play(pace, clock, gateway, seconds=1200)
    learned = pace.rate.rate
    gateway.limit = 0
    storm = play(pace, clock, gateway, seconds=3600)
    gateway.limit = 120
    after = play(pace, clock, gateway, seconds=1200)
    assert learned is not None
    assert len(storm.refused) <= 75
    assert after.rate(120, 1200) >= 0.85 * 120
