"""Money is shown as exactly as it is known."""

from dataclasses import replace

import pytest

from jobs.store.queries.totals import Spent
from runner.catalogue.money import format_amount, format_cost, format_doubt, format_rounded

NO_CALLS = Spent(
    calls=0,
    unknown_calls=0,
    unpriced_calls=0,
    cost=None,
    currency=None,
    prompt_tokens=None,
    completion_tokens=None,
    total_tokens=None,
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "0.00"),
        (1.5, "1.50"),
        (1234.5, "1,234.50"),
        (0.0025, "0.0025"),
        (0.00002, "0.00002"),
        (0.000000001, "0.000000001"),
    ],
)
def test_an_amount_has_as_many_decimals_as_it_needs(amount: float, text: str) -> None:
    assert format_amount(amount) == text


def test_a_changing_figure_keeps_its_digits() -> None:
    assert format_rounded(1.5, "USD") == "1.50 USD"
    assert format_rounded(1234.5678, digits=3) == "1,234.568"


def spent(**more: object) -> Spent:
    return replace(NO_CALLS, calls=3, **more)  # type: ignore[arg-type]  # fields by name


def test_a_cost_is_a_minimum_if_some_calls_are_not_in_it() -> None:
    exact = format_cost(spent(cost=1.5, currency="USD"))
    assert exact == "1.50 USD"
    for more in ({"unpriced_calls": 1}, {"unknown_calls": 1}):
        found = format_cost(spent(cost=1.5, currency="USD", **more))
        assert found != exact
        assert exact in found


def test_currencies_are_shown_side_by_side() -> None:
    assert format_cost(spent(costs={"USD": 1.5, "CNY": 2.0})) == "1.50 USD + 2.00 CNY"


def test_no_cost_and_an_unknown_cost_differ() -> None:
    assert format_cost(NO_CALLS) != format_cost(spent(unpriced_calls=3))


def test_a_doubt_is_named_with_its_highest_price() -> None:
    assert format_doubt(spent()) == ""
    assert "2.00 USD" in format_doubt(spent(unknown_calls=2, doubtful={"USD": 2.0}))
    assert "USD" not in format_doubt(spent(unknown_calls=2))
