"""Estimates of time, disk and credit are shown before a run."""

from decimal import Decimal

from runner.launch.estimate import CostEstimate, balance_words, disk_words, size_words, time_words
from runner.preflight.forecast import Forecast
from runner.prices.balance import Balance
from runner.prices.price_list import PriceList


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
