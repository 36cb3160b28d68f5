"""Random refusals are distinguished from those of a limit, and do not slow a run down."""

import copy
import math
import random
from collections.abc import Callable
from functools import cache

import pytest

from runner.pacing.backoff import Wait
from runner.pacing.pace import MAX_AUTO_CALLS, Pace
from runner.pacing.random_refusals import BUCKET_REFUSALS, RandomRefusals
from runner.pacing.rate_window import Limits
from tests.support.pacing import (
    NO_LIMIT,
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


# --- the share that is refused at any pace --------------------------------------------------------


def known() -> RandomRefusals:
    """A state in which three of ninety calls were refused, far below a pace that worked."""
    chance = RandomRefusals()
    for _ in range(3):
        chance.started(30, below=True)
        chance.refused(below=True, minute=60)
    assert chance.known
    return chance


def test_the_third_refusal_far_below_a_pace_that_held_shows_chance() -> None:
    chance = RandomRefusals()
    told = []
    for _ in range(3):
        chance.started(30, below=True)
        told.append(chance.refused(below=True, minute=60))
    assert told == [False, False, True]


def test_refusals_at_a_pace_that_was_never_held_show_no_chance() -> None:
    chance = RandomRefusals()
    for _ in range(100):
        chance.started(20, below=False)
        assert not chance.refused(below=False, minute=600)
    assert not chance.known


def test_who_is_refused_every_fifth_time_is_not_refused_by_chance() -> None:
    chance = RandomRefusals()
    for _ in range(100):
        chance.started(5, below=True)
        chance.refused(below=True, minute=60)
    assert not chance.known


def test_a_limit_that_tightens_is_told_after_few_refusals() -> None:
    chance = known()
    told = [chance.refused(below=False, minute=60) for _ in range(10)]
    assert 1 <= told.index(False) <= BUCKET_REFUSALS


def test_chance_is_forgotten_where_calls_go_through_for_long() -> None:
    chance = known()
    chance.started(300, below=True)
    assert chance.known
    chance.started(300, below=True)
    assert not chance.known


@pytest.mark.parametrize("minute", [60, 600, 12_000])
def test_chance_is_seldom_taken_for_a_limit(minute: int) -> None:
    chance, luck = known(), random.Random(4711)
    limits = 0
    for _ in range(minute * 60):
        chance.started(1, below=True)
        if luck.random() < 0.05:
            limits += not chance.refused(below=True, minute=minute)
    assert limits <= 20, "an hour"


# --- what the pacer does with it ------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_auto_takes_refusals_for_chance_that_stay_when_the_pace_falls(share: float) -> None:
    clock, luck = Clock(), random.Random(11)
    tally = play(
        Pace(Limits(in_flight=32, auto=True), clock=clock),
        clock,
        Fickle(Sliding(NO_LIMIT), share),
        seconds=2400,
        told=lambda _: ours(luck),
    )
    assert tally.rate(900, 2400) >= 0.9 * 32 * 30


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_auto_finds_a_limit_behind_refusals_by_chance(share: float) -> None:
    clock, luck = Clock(), random.Random(11)
    gateway = Fickle(Sliding(300), share)
    pace = Pace(AUTO, clock=clock)
    tally = play(pace, clock, gateway, seconds=3600, told=lambda _: ours(luck))
    assert tally.rate(900, 3600) >= 0.9 * 300
    assert len(tally.refused) - gateway.by_chance <= 0.05 * len(tally.served)


@cache
def fickle_one() -> tuple[Clock, Pace]:
    """A pacer that knows a gateway without limits that refuses 5 % of calls at random."""
    clock, luck = Clock(), random.Random(11)
    pace = Pace(Limits(in_flight=32, auto=True), clock=clock)
    gateway = Fickle(Sliding(NO_LIMIT), 0.05)
    play(pace, clock, gateway, seconds=900, told=lambda _: ours(luck))
    clock.now += 60
    pace.in_flight = 0
    assert pace.rate.rate is None
    return clock, pace


def known_to_be_fickle() -> tuple[Clock, Pace]:
    """The same pacer, for the tests to continue with."""
    return copy.deepcopy(fickle_one())


def refused(pace: Pace, clock: Clock, wait: Wait) -> tuple[float, bool]:
    """The pacer's reaction to the refusal of one call."""
    assert pace.admit(1) == 1
    started = clock.now
    clock.now += 0.05
    found = pace.slowed(wait, "429", started=started)
    pace.ended(started)
    return found


def test_a_refusal_that_is_known_for_chance_and_asks_for_no_wait_holds_back_its_own_row_alone() -> (
    None
):
    clock, pace = known_to_be_fickle()
    assert refused(pace, clock, Wait(seconds=1.5)) == (0.0, False)
    assert pace.next_at() <= clock.now
    assert pace.admit(10) == 10


@pytest.mark.parametrize("seconds", [0.05, 0.5, 2.0, 30.0])
def test_a_wait_that_is_asked_for_quiets_all_also_where_refusals_are_chance(seconds: float) -> None:
    clock, pace = known_to_be_fickle()
    assert refused(pace, clock, asked(seconds)) == (seconds, True)
    assert pace.admit(1) == 0
    assert pace.next_at() == clock.now + seconds
    clock.now += seconds + 1e-6
    assert pace.admit(10) == 10, "it was no limit: nothing is learned from it"


def test_a_requested_wait_of_no_seconds_is_reported_and_delays_nothing() -> None:
    clock, pace = known_to_be_fickle()
    assert refused(pace, clock, asked(0.0)) == (0.0, True)
    assert pace.admit(10) == 10


def test_waits_that_chance_asks_for_of_calls_in_flight_together_are_told_once() -> None:
    clock, pace = known_to_be_fickle()
    assert pace.admit(10) == 10
    started = clock.now
    clock.now += 0.05
    told = [pace.slowed(asked(seconds), "429", started=started) for seconds in (0.5, 0.7, 0.6)]
    assert told == [(0.5, True), (0.7, False), (0.6, False)]
    assert pace.next_at() == clock.now + 0.7


# --- a real limit that looks random ---------------------------------------------------------------

SHAPES: dict[str, Callable[[int, float], Gateway]] = {
    "sliding": lambda limit, now: Sliding(limit),
    "fixed": lambda limit, now: Calendar(limit),
    "bucket": lambda limit, now: Bucket(limit, at=now),
}


def refused_by_limit(clock: Clock, pace: Pace, gateway: Gateway, seed: int, *, asks: bool) -> float:
    """The share of an hour's calls that the limit refuses; chance refuses another 5 %."""
    luck = random.Random(seed)
    fickle = Fickle(gateway, 0.05, random.Random(seed + 1))
    tally = play(
        pace,
        clock,
        fickle,
        seconds=3600,
        latency=lambda _: luck.uniform(1, 3),
        told=lambda opens_in: asked(max(math.ceil(opens_in), 1)) if asks else ours(luck),
    )
    return (len(tally.refused) - fickle.by_chance) / len(tally.served)


HOURS = [
    pytest.param(limit, seed, marks=[] if limit == 60 and seed == 1 else [pytest.mark.long])
    for limit, seed in ((60, 1), (60, 52), (60, 53), (300, 52), (600, 53), (3000, 1))
]


def max_refused_share(limit: int) -> float:
    """The largest accepted share; at one call a second, those before it is found count more."""
    return 0.05 if limit > 60 else 0.08


@pytest.mark.parametrize(("limit", "seed"), HOURS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("asks", [False, True])
def test_a_limit_beside_chance_refuses_few_calls_of_an_hour(
    shape: str, limit: int, seed: int, asks: bool
) -> None:
    clock = Clock()
    pace = Pace(AUTO, clock=clock)
    gateway = SHAPES[shape](limit, clock.now)
    assert refused_by_limit(clock, pace, gateway, seed, asks=asks) <= max_refused_share(limit)


@pytest.mark.parametrize(("limit", "seed"), HOURS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("asks", [False, True])
def test_a_limit_that_appears_when_chance_is_known_causes_no_storm(
    shape: str, limit: int, seed: int, asks: bool
) -> None:
    clock, pace = known_to_be_fickle()
    gateway = SHAPES[shape](limit, clock.now)
    pace.retune(AUTO)
    assert refused_by_limit(clock, pace, gateway, seed, asks=asks) <= max_refused_share(limit)
