"""What was spent, as public data."""

from jobs.store.queries.totals import Spent
from runner.catalogue.money import costs_of
from runner.views.records import SpentRecord


def spent_record(used: Spent) -> SpentRecord:
    """The cost as public data."""
    return {
        "calls": used.calls,
        "calls_in_doubt": used.unknown_calls,
        "calls_unpriced": used.unpriced_calls,
        "cost": used.cost,
        "currency": used.currency,
        "costs": dict(used.costs),
        "cost_is_complete": is_complete(used),
        "cost_is_estimate": used.estimated_calls > 0,
        "in_doubt_up_to": dict(used.doubtful),
    }


def is_complete(used: Spent) -> bool:
    """True if the cost is everything that was spent, not a lower bound."""
    return bool(costs_of(used)) and not used.unpriced_calls and not used.unknown_calls
