"""A limit of calls at once: told from limits by the minute, kept to, and followed."""

import random

import pytest
from pacing import (
    NO_LIMIT,
    AtOnce,
    Bucket,
    Clock,
    Fickle,
    Gateway,
    Sliding,
    Tally,
    asked,
    ours,
    play,
)

from runner.pacing import at_once
from runner.pacing.at_once import AGREE, PROBE_CALLS, SURPRISES
from runner.pacing.minute import Limits
from runner.pacing.pace import CEILING, Pace

AUTO = Limits(in_flight=CEILING, auto=True)
HOUR = 3600.0
FAST, SLOW = (0.5, 2.0), (5.0, 20.0)
SEED = 4711
LEARNING = 20  # refusals that finding out may take, however few calls there are


# --- what refusals tell ---------------------------------------------------------------------------


class Told:
    """Starts and refusals as a gateway with a clock would bring them about."""

    def __init__(self) -> None:
        self.found = at_once.AtOnce()
        self.now = 1000.0

    def borne(self, in_flight: int) -> None:
        """A call starts, so many are in flight with it, and nobody is refused."""
        self.now += 2
        self.found.started(self.now, in_flight, patience=1)
        self.now += 2
        self.found.started(self.now, 1, patience=1)

    def refused(self, others: int) -> bool:
        """One is refused with so many others in flight."""
        self.now += 2
        self.found.started(self.now, others + 1, patience=1)
        return self.found.refused(self.now + 0.05, self.now)

    def episode(self, others: int) -> bool:
        """One is refused, the next one is accepted: is the limit known?"""
        self.refused(others)
        return self.found.accepted()

    def learned(self, limit: int) -> "Told":
        """As it is where the limit is known."""
        assert [self.episode(limit) for _ in range(AGREE)] == [*[False] * (AGREE - 1), True]
        assert self.found.limit == limit
        return self


def test_refusals_at_the_same_number_of_calls_show_the_limit() -> None:
    told = Told()
    told.borne(7)
    told.learned(7)


def test_where_more_calls_were_borne_it_is_no_such_limit() -> None:
    told = Told()
    told.episode(7)
    told.borne(8)
    assert not any(told.episode(7) for _ in range(10))


def test_refusals_at_different_numbers_show_none() -> None:
    told = Told()
    assert not any(told.episode(others) for others in (7, 9, 6, 8, 5, 9, 7, 6))


def test_a_refusal_with_nothing_in_flight_shows_none() -> None:
    told = Told()
    assert not any(told.episode(0) for _ in range(10))


def test_refusals_of_one_episode_count_once_at_their_fewest() -> None:
    told = Told()
    for _ in range(AGREE):
        told.refused(9)
        told.refused(8)
        told.refused(7)
        told.found.accepted()
    assert told.found.limit == 7


def test_one_more_is_tried_seldom_and_kept_where_it_is_borne() -> None:
    told = Told().learned(5)
    assert told.found.room(told.now) == 5
    for _ in range(PROBE_CALLS):
        told.borne(5)
    assert told.found.room(told.now) == 6
    told.borne(6)
    assert told.found.limit == 6


def test_a_try_that_is_refused_teaches_nothing_else_and_is_repeated_more_seldom() -> None:
    told = Told().learned(5)
    waits = []
    for _ in range(3):
        for _ in range(PROBE_CALLS):
            told.borne(5)
        while told.found.room(told.now) == 5:
            told.now += 1
        assert told.refused(5)
        assert told.found.room(told.now) == 5
        waits.append(told.now)
    assert waits[2] - waits[1] > 1.2 * (waits[1] - waits[0]) or waits[2] - waits[1] > 60
    assert told.found.limit == 5


def test_one_refusal_below_the_limit_is_a_place_that_was_not_free_yet_and_two_in_a_row_end_it() -> (
    None
):
    told = Told().learned(5)
    assert told.refused(4)
    told.found.accepted()
    assert told.refused(4)
    assert not told.refused(4)
    assert told.found.limit is None


def test_many_refusals_below_the_limit_end_it_and_it_is_believed_less_easily() -> None:
    told = Told().learned(5)
    for number in range(SURPRISES):
        assert told.refused(4) == (number < SURPRISES - 1)
        told.found.accepted()
    assert told.found.limit is None
    assert not any(told.episode(5) for _ in range(AGREE))


# --- what it reaches ------------------------------------------------------------------------------


def played(
    gateway: Gateway, latency: tuple[float, float], *, waits: bool = False
) -> tuple[Pace, Tally]:
    luck, clock = random.Random(SEED), Clock()
    pace = Pace(AUTO, clock=clock)
    tally = play(
        pace,
        clock,
        gateway,
        seconds=HOUR,
        latency=lambda now: luck.uniform(*latency),
        told=(lambda opens: asked(1.0)) if waits else (lambda opens: ours(luck)),
    )
    return pace, tally


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("latency", [FAST, SLOW])
@pytest.mark.parametrize("limit", [1, 2, 5, 20])
def test_auto_reaches_nine_tenths_of_the_calls_at_once_with_few_refused(
    limit: int, latency: tuple[float, float], waits: bool
) -> None:
    _, tally = played(AtOnce(limit), latency, waits=waits)
    assert tally.rate(0, HOUR) >= 0.9 * limit * 60 / (sum(latency) / 2)
    assert len(tally.refused) <= max(0.05 * len(tally.served), LEARNING)


@pytest.mark.parametrize("latency", [FAST, SLOW])
@pytest.mark.parametrize(("limit", "then"), [(20, 5), (5, 20)])
def test_auto_follows_a_number_of_calls_at_once_that_changes(
    limit: int, then: int, latency: tuple[float, float]
) -> None:
    half = Clock().now + HOUR / 2
    _, tally = played(AtOnce(limit, then=then, at=half), latency)
    assert tally.rate(HOUR - 900, HOUR) >= 0.85 * then * 60 / (sum(latency) / 2)
    assert tally.extra() <= 0.05


@pytest.mark.parametrize(
    "gateway",
    [
        Sliding(60),
        Sliding(600),
        Bucket(60, most=1, credit=1),
        Bucket(300, most=5),
        Fickle(Sliding(NO_LIMIT), 0.02),
        Fickle(Sliding(600), 0.05),
    ],
    ids=["window of 60", "window of 600", "bucket of 1", "bucket of 5", "chance", "both"],
)
@pytest.mark.parametrize("latency", [FAST, SLOW])
def test_other_limits_and_chance_are_seldom_taken_for_calls_at_once(
    gateway: Gateway, latency: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[int] = []
    accepted = at_once.AtOnce.accepted

    def watched(self: at_once.AtOnce) -> bool:
        if found := accepted(self):
            known.append(self.limit or 0)
        return found

    monkeypatch.setattr(at_once.AtOnce, "accepted", watched)
    played(gateway, latency)
    assert len(known) <= 2
