"""A limit on concurrent calls is distinguished from rate limits, and dropped once it is gone."""

import math
import random
from collections.abc import Callable

import pytest

from runner.pacing.backoff import Wait
from runner.pacing.concurrency_limit import MIN_CALLS, REST_SECONDS, UNKNOWN_LIMIT, limit_in_words
from runner.pacing.concurrency_limit import ConcurrencyLimit as Learned
from runner.pacing.pace import MAX_AUTO_CALLS, Pace
from runner.pacing.rate_window import Limits
from tests.support.pacing import (
    AtOnce,
    Bucket,
    Calendar,
    Clock,
    Gateway,
    Sliding,
    asked,
    ours,
    play,
)

AUTO = Limits(in_flight=MAX_AUTO_CALLS, auto=True)
FAST, SLOW = (0.5, 2.0), (5.0, 20.0)


# --- what refusals show ---------------------------------------------------------------------------


def borne(learned: Learned, now: float, *, beside: int, number: int = MIN_CALLS) -> None:
    """So many calls start and succeed, each alongside this many others."""
    for _ in range(number):
        learned.started(now, 1, beside + 1)


def refused(learned: Learned, now: float, *, beside: int, again: bool = False) -> None:
    """One more call starts alongside so many, and is refused."""
    learned.started(now, 1, beside + 1)
    learned.refused(now + 0.05, now, again=again)


def found(limit: int = 20) -> Learned:
    """A limiter that found the limit at second 200."""
    learned = Learned(MAX_AUTO_CALLS)
    refused(learned, 100.0, beside=limit)
    borne(learned, 150.0, beside=limit - 1)
    refused(learned, 200.0, beside=limit)
    return learned


def test_two_refusals_beside_as_many_as_no_other_call_had_show_the_limit() -> None:
    assert found(20).limit == 20


def test_a_limit_by_time_lets_calls_in_beside_as_many_as_a_refused_one_had() -> None:
    learned = Learned(MAX_AUTO_CALLS)
    for now in range(0, 1000, 100):
        refused(learned, now, beside=20)
        borne(learned, now + 50, beside=20, number=5)
        borne(learned, now + 60, beside=15)
    assert learned.limit is None


def test_few_calls_show_no_limit() -> None:
    learned = Learned(MAX_AUTO_CALLS)
    for now in (0, 10):
        refused(learned, now, beside=20)
        borne(learned, now + 5, beside=19, number=MIN_CALLS // 4)
    assert learned.limit is None


def test_a_call_that_is_refused_alone_is_not_refused_for_calls_at_once() -> None:
    learned = found(20)
    refused(learned, 210.0, beside=0)
    assert learned.limit is None


def test_what_begins_while_a_refusal_is_on_its_way_was_not_beside_the_refused_call() -> None:
    learned = found(20)
    learned.started(300.0, 1, 21)
    borne(learned, 300.01, beside=20, number=10)
    learned.refused(300.05, 300.0, again=False)
    assert learned.limit == 20


def test_after_calm_one_more_is_tried_then_two_then_four() -> None:
    learned, now, limits = found(20), 200.0, []
    for _ in range(3):
        now += REST_SECONDS + 1
        borne(learned, now, beside=19)
        limits.append(learned.limit)
    assert limits == [21, 23, 27]
    refused(learned, now + 1, beside=24)
    assert learned.limit == 24


def test_of_calls_that_start_together_the_last_ones_are_refused() -> None:
    learned = found(20)
    borne(learned, 210.0, beside=19)
    learned.started(300.0, 8, 26)
    for again in (False, True, True):
        learned.refused(300.05, 300.0, again=again)
    assert learned.limit == 23


def test_it_is_left_where_one_is_refused_though_many_were_borne() -> None:
    learned = found(20)
    borne(learned, 210.0, beside=19)
    refused(learned, 211.0, beside=19)
    assert learned.limit is None


# --- what the pacer does with it ------------------------------------------------------------------


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("latency", [FAST, SLOW], ids=["fast", "slow"])
@pytest.mark.parametrize("limit", [5, 20, 100])
def test_auto_keeps_as_many_calls_in_flight_as_are_allowed_at_once(
    limit: int, latency: tuple[float, float], asks: bool
) -> None:
    clock, luck = Clock(), random.Random(17)
    tally = play(
        Pace(AUTO, clock=clock),
        clock,
        AtOnce(limit),
        seconds=1200,
        latency=lambda _: luck.uniform(*latency),
        told=lambda opens_in: asked(1) if asks else ours(luck),
    )
    assert tally.rate(600, 1200) >= 0.9 * limit * 120 / sum(latency)
    assert tally.extra() <= 0.05


def test_auto_follows_a_limit_of_calls_at_once_that_falls_and_rises() -> None:
    clock, luck, gateway = Clock(), random.Random(3), AtOnce(20)
    pace = Pace(AUTO, clock=clock)
    rates = []
    for limit in (20, 10, 40):
        gateway.limit = limit
        tally = play(pace, clock, gateway, seconds=1800, latency=lambda _: luck.uniform(1, 3))
        pace.in_flight = gateway.inside = 0
        rates.append(tally.rate(900, 1800) / (limit * 30))
    assert min(rates) >= 0.85


@pytest.mark.parametrize("latency", [FAST, SLOW], ids=["fast", "slow"])
@pytest.mark.parametrize(
    "gateway",
    [lambda: Sliding(300), lambda: Calendar(300), lambda: Bucket(300, most=1, credit=1)],
    ids=["sliding", "fixed", "bucket"],
)
def test_a_limit_by_time_is_not_taken_for_one_of_calls_at_once(
    gateway: Callable[[], Gateway], latency: tuple[float, float]
) -> None:

    clock, luck = Clock(), random.Random(23)
    pace = Pace(AUTO, clock=clock)
    play(
        pace,
        clock,
        gateway(),
        seconds=1200,
        latency=lambda _: luck.uniform(*latency),
        told=lambda opens_in: asked(max(math.ceil(opens_in), 1)),
    )
    assert pace.rate.rate is not None


# --- what the provider's words say ----------------------------------------------------------------

LITELLM = "Rate limit exceeded. Limit type: max_parallel_requests. Current limit: 2, Remaining: 0"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (LITELLM, 2),
        ("您的账户已达到并发限制：5，请稍后", 5),
        ("Too many concurrent requests", UNKNOWN_LIMIT),
        ("Rate limit reached: Limit 30000, Requested 45311", None),
    ],
)
def test_a_limit_of_calls_at_once_is_known_by_its_words(words: str, expected: int | None) -> None:
    assert limit_in_words(words) == expected


@pytest.mark.parametrize(
    ("words", "share"),
    [(LITELLM, 0.7), ("Too many concurrent requests", 0.4)],
    ids=["told", "named"],
)
def test_a_fixed_number_keeps_to_a_limit_of_calls_at_once_that_words_name(
    words: str, share: float
) -> None:
    clock, gateway, luck = Clock(), AtOnce(2), random.Random(1)

    class Worded(Pace):
        def slowed(
            self, wait: Wait, reason: str, *, started: float | None = None, words: str = words
        ) -> tuple[float, bool]:
            return super().slowed(wait, reason, started=started, words=words)

    tally = play(
        Worded(Limits(in_flight=8), clock=clock),
        clock,
        gateway,
        seconds=600,
        latency=lambda _: luck.uniform(0.5, 1.5),
        told=lambda opens_in: asked(60),
    )
    assert tally.rate(200, 600) >= share * 2 * 60
