"""The forecast for --until: a range that is right as often as it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.views.finished_minutes import WINDOW_MINUTES, FinishedRows
from runner.views.until_forecast import LIKELIHOOD, rows_until, rows_within
from tests.bench.nights import KINDS, Tally, forecasts

STEADY = [10, 9, 12, 8, 11, 10, 9, 10, 12, 9]


def test_a_steady_night_goes_on_as_it_was() -> None:
    found = rows_within(STEADY * 6, 3600)
    assert found is not None
    low, high = found
    assert 450 < low < 600 < high < 750


def test_it_is_too_early_to_say_after_few_minutes_or_few_rows() -> None:
    assert rows_within([10, 10, 10, 10], 3600) is None
    assert rows_within([0, 1, 0, 2, 1, 0, 1], 3600) is None
    assert rows_within(STEADY, 0) is None


def test_an_uneven_night_has_a_wider_range() -> None:
    even, uneven = rows_within([10] * 60, 3600), rows_within(([30] * 10 + [0] * 20) * 2, 3600)
    assert even is not None
    assert uneven is not None
    assert uneven[1] - uneven[0] > 2 * (even[1] - even[0])


def test_no_more_rows_are_promised_than_there_are() -> None:
    found = rows_until(STEADY * 6, finished=600, total=1180, at=5600.0, now=2000.0)
    assert found is not None
    assert 600 < found.low < found.high == found.total == 1180
    # All of them are sure to be finished: the time that is left says more.
    assert rows_until(STEADY * 6, finished=600, total=700, at=9200.0, now=2000.0) is None


@given(
    minutes=st.lists(st.integers(0, 500), max_size=400),
    seconds=st.floats(0, 86_400, allow_nan=False),
    finished=st.integers(0, 10_000),
    left=st.integers(0, 10_000),
)
def test_a_range_lies_between_what_is_done_and_all(
    minutes: list[int], seconds: float, finished: int, left: int
) -> None:
    found = rows_until(minutes, finished=finished, total=finished + left, at=seconds, now=0.0)
    if found is not None:
        assert finished <= found.low <= found.high <= finished + left


@pytest.mark.parametrize("kind", KINDS)
def test_the_range_is_right_about_as_often_as_it_says(kind: str) -> None:
    tally = Tally()
    for _, _, low, high, came in forecasts(kind, nights=25, seed=7):
        tally.add(low, high, came)
    assert tally.asked > 200
    # Forecasts of one night share its luck. A steady night is better than promised.
    assert LIKELIHOOD - 0.12 <= tally.right / tally.asked <= (1.0 if kind == "steady" else 0.92)


def test_minutes_are_counted_also_those_in_which_nothing_ended() -> None:
    rows = FinishedRows()
    for now, finished in ((30, 100), (59, 103), (61, 104), (250, 110), (299, 111), (310, 111)):
        rows.note(finished, now)
    assert list(rows.whole_minutes) == [3, 1, 0, 0, 7]
    rows.note(100, 400)  # a retry put rows back
    rows.note(111, 410)
    assert sum(rows.whole_minutes) == 11
    rows.note(150, 100_000)
    assert len(rows.whole_minutes) == WINDOW_MINUTES
