"""Words for money and for how a run ended."""

import json
from collections.abc import Mapping

from jobs.store.queries.totals import Spent
from runner.catalogue import say

_ENDINGS: dict[int | None, str] = {
    0: "status.how_done",
    4: "status.how_some_failed",
    5: "status.how_stopped",
    6: "status.how_provider",
    7: "status.how_output",
    130: "status.how_interrupted",
    143: "status.how_terminated",
}


def format_ending(exit_code: int | None, *, pending: int = 0) -> str:
    """How a run ended, as the end of a sentence; `pending` rows have not run."""
    if exit_code == 0 and pending:
        return say("status.how_some_rows", count=f"{pending:,}")
    return say(_ENDINGS.get(exit_code, "status.how_else"))


def format_amount(amount: float) -> str:
    """Money with two decimals, or with as many as a small amount needs."""
    if 0 < abs(amount) < 0.0001:
        return f"{amount:.9f}".rstrip("0").rstrip(".")
    return f"{amount:,.4f}".removesuffix("00")


def format_rounded(amount: float, currency: str = "", *, digits: int = 2) -> str:
    """Money with a fixed number of digits after the point, for figures that keep changing."""
    return f"{amount:,.{digits}f} {currency}".rstrip()


def format_amounts(amounts: Mapping[str, float]) -> str:
    """Amounts in their currencies, side by side."""
    return " + ".join(f"{format_amount(one)} {name}".rstrip() for name, one in amounts.items())


def costs_of(used: Spent) -> Mapping[str, float]:
    """The known cost by currency; empty if nothing is known."""
    only = {} if used.cost is None else {used.currency or "": used.cost}
    return used.costs or only


def format_cost(used: Spent) -> str:
    """The cost; "at least" if some calls have no price or are in doubt; estimates are marked."""
    costs = costs_of(used)
    if not costs:
        has_calls = used.unpriced_calls or used.unknown_calls
        return say("money.unknown" if has_calls else "money.nothing")
    amount = format_amounts(costs)
    if used.unpriced_calls or used.unknown_calls:
        amount = say("money.at_least", amount=amount)
    return say("money.estimate", amount=amount) if used.estimated_calls else amount


def format_doubt(used: Spent) -> str:
    """What the calls in doubt may have cost; empty if there are none."""
    if not used.unknown_calls:
        return ""
    count = f"{used.unknown_calls:,}"
    if not used.doubtful:
        return say("money.doubt_unknown", count=count)
    key = "money.doubt_more" if used.doubtful_unpriced else "money.doubt"
    return say(key, count=count, amount=format_amounts(used.doubtful))


def settings_line(model: str, file: str) -> str:
    """The lines that give a model a price, under the name of the file in which they count."""
    return (
        f'# {file}\n[prices.{json.dumps(model, ensure_ascii=False)}]\ncall = 0.00\ncurrency = "USD"'
    )
