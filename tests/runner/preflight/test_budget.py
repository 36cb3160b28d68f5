"""A run has a budget only if every price is known and in one currency."""

from pathlib import Path

import pytest

from jobs.store.queries.spending import Committed
from runner.exits import Refusal
from runner.preflight.budget import Budget, decide
from runner.preflight.forecast import Forecast
from runner.prices.money import NANO
from runner.settings.schema import Cap

FILE = Path("rowmill.toml")
DOLLARS = Forecast(calls=3, amounts={"USD": (0.1, 0.2)})
SPENT = Committed(amounts={"USD": 2 * NANO}, uncounted=1)


def budget(cap: Cap | None, ahead: Forecast = DOLLARS, before: Committed = SPENT) -> Budget | None:
    return decide(cap, ahead, before, lines_file=FILE)


@pytest.mark.parametrize("cap", [None, Cap(amount=float("inf"))])
def test_without_a_cap_there_is_no_budget(cap: Cap | None) -> None:
    assert budget(cap, Forecast(calls=3, unknown=("m",))) is None


def test_a_cap_counts_what_was_spent_before() -> None:
    found = budget(Cap(amount=5.0))
    assert found == Budget(amount=5.0, currency="USD", spent=2.0, uncounted=1)
    assert found.left == 3.0


def test_a_cap_of_more_starts_from_now() -> None:
    found = budget(Cap(amount=5.0, more=True))
    assert found is not None
    assert (found.amount, found.left) == (7.0, 5.0)


def test_a_cap_below_what_was_spent_leaves_nothing() -> None:
    found = budget(Cap(amount=1.0))
    assert found is not None
    assert found.left == 0.0


def test_a_cap_needs_the_price_of_every_model() -> None:
    with pytest.raises(Refusal) as caught:
        budget(Cap(amount=5.0), Forecast(calls=3, unknown=("model-x",)))
    assert f'# {FILE}\n[prices."model-x"]' in str(caught.value)


def test_a_cap_holds_in_one_currency_only() -> None:
    with pytest.raises(Refusal, match="CNY, USD"):
        budget(Cap(amount=5.0), Forecast(calls=3, amounts={"CNY": (0.1, 0.2)}))


def test_a_currency_in_which_nothing_was_spent_does_not_count() -> None:
    found = budget(Cap(amount=5.0), before=Committed(amounts={"CNY": 0}))
    assert found is not None
    assert found.currency == "USD"
