"""Durations read as people say them."""

import pytest

from runner.catalogue.durations import at_words, format_duration, format_run_time


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (0.9, "0s"), (59.9, "59s"), (60, "1m00s"), (247, "4m07s"), (7080, "1h58m")],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.34, "12.3 s"), (247, "4 min 7 s"), (7080.5, "1 h 58 min")]
)
def test_a_short_run_time_has_tenths(seconds: float, text: str) -> None:
    assert format_run_time(seconds) == text


def test_a_time_of_day_has_either_its_date_or_its_seconds() -> None:
    at = 1_790_000_000.0
    assert len(at_words(at)) == len("2026-09-21 13:33")
    assert len(at_words(at, seconds=True)) == len("13:33:20")
