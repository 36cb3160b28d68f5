"""Estimates of time, disk and credit are shown before a run."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from jobs.store.queries.spending import RequestGroup
from runner.launch.estimate import CostEstimate, balance_words, disk_words, size_words, time_words
from runner.preflight.forecast import Forecast, forecast
from runner.preflight.pending_work import PastCalls
from runner.prices.balance import Balance
from runner.prices.price_list import PriceList
from runner.settings.settings import resolve
from tests.support.world import TEXT, World


def estimate(calls: int, price: tuple[float, float], *unknown: str) -> CostEstimate:
    forecast = Forecast(calls=calls, amounts={"USD": price}, unknown=unknown)
    return CostEstimate(
        calls=calls, forecast=forecast, prices=PriceList(), balance=None, budget=None
    )


def test_sizes_are_told_in_the_unit_that_fits() -> None:
    assert size_words(0) == "0.1 MB"
    assert size_words(36_200_000) == "36.2 MB"
    assert size_words(2_500_000_000) == "2.5 GB"


def test_a_range_of_one_value_is_told_once() -> None:
    same = Forecast(calls=1, seconds=(12.0, 12.4), disk=(100, 100))
    assert "12s to" not in time_words(same)
    assert disk_words(same) == "0.1 MB"
    assert "30s" in time_words(Forecast(calls=1, seconds=(30.0, 300.0)))
    assert time_words(Forecast(calls=1)) == "-"


def test_credit_is_counted_in_rows_at_the_middle_of_the_price_range() -> None:
    some = balance_words(Balance(left=Decimal(10)), estimate(3000, (18.0, 26.0)))
    assert "1,363" in some
    assert "3,000" in some
    enough = balance_words(Balance(left=Decimal(100)), estimate(3000, (18.0, 26.0)))
    assert "1,363" not in enough
    unknown = balance_words(Balance(left=Decimal(10)), estimate(3000, (18.0, 26.0), "new-model"))
    assert "3,000" not in unknown


@pytest.mark.parametrize(
    ("past", "low", "high"),
    [
        ((), 2 * 50, 60 * 50),  # as long as such calls usually take
        ((1.0, 1.2), 2 * 50, 60 * 50),
        ((1.0, 1.2, 1.1), 25, 120),  # the three rows of a trial
        ((1.0, 1.2) * 10, 50, 60),
    ],
)
def test_the_calls_of_a_trial_say_how_long_the_rest_takes(
    past: Sequence[float], low: float, high: float
) -> None:
    settings = resolve({"concurrency": 8}, {}, ())
    groups = (RequestGroup(endpoint="chat", model="m", rows=400, examples=({"prompt": "a"},)),)
    ahead = forecast(groups, 400, PriceList(), settings, PastCalls(seconds=past))
    assert ahead.seconds is not None
    assert ahead.seconds == pytest.approx((low, high), rel=0.1)


def test_a_rehearsal_tells_the_time_of_the_real_run_and_calls_it_so(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"prompt {number}" for number in range(12)))
    told = world.run("rehearse", sheet, *TEXT[:4])
    assert "with a provider instead of the mock: 3s to 1m30s expected" in told.err
    world.mock()
    assert "instead of the mock" not in world.run("run", sheet, *TEXT).err
