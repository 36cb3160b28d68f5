"""What it would cost to retry rows that failed, by cause."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from jobs.job import State, Step
from jobs.store.queries.spending import mean_costs
from jobs.store.schema import jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryCost:
    """The rows of one cause: those whose answer is paid for, and what the others would cost.

    `costs` is by currency, at the mean price of the model's answers so far; `unpriced` rows have
    a model without one.
    """

    free: int = 0
    paid: int = 0
    unpriced: int = 0
    costs: Mapping[str, float] | None = None

    def plus(self, other: "RetryCost") -> "RetryCost":
        """Both together."""
        costs = defaultdict(float, self.costs or {})
        for currency, amount in (other.costs or {}).items():
            costs[currency] += amount
        return RetryCost(
            free=self.free + other.free,
            paid=self.paid + other.paid,
            unpriced=self.unpriced + other.unpriced,
            costs=dict(costs),
        )


def retry_costs(connection: Connection, sheet_id: int) -> dict[tuple[str, str], RetryCost]:
    """The cost of a retry by failure class (or `in_doubt`) and cause."""
    doubtful = State.IN_DOUBT.value
    kind = case((jobs.c.state == doubtful, doubtful), else_=jobs.c.kind)
    cause = func.coalesce(jobs.c.cause, "")
    # A download, and a task that is only asked after, buy nothing.
    bought = case((jobs.c.step == Step.SEND.value, 1), else_=0)
    found = connection.execute(
        select(kind, cause, jobs.c.model, bought, func.count())
        .where(
            jobs.c.batch_id == sheet_id,
            jobs.c.listed,
            jobs.c.state.in_([State.FAILED.value, doubtful]),
        )
        .group_by(kind, cause, jobs.c.model, bought)
    ).all()
    if not found:
        return {}
    means: dict[str, dict[str, float]] = defaultdict(dict)
    for (model, currency), (mean, _) in mean_costs(connection, sheet_id).items():
        means[model][currency] = mean
    told: dict[tuple[str, str], RetryCost] = defaultdict(RetryCost)
    for a_kind, a_cause, model, is_bought, count in found:
        one = _cost(means[model], count) if is_bought else RetryCost(free=count)
        told[a_kind, a_cause] = told[a_kind, a_cause].plus(one)
    return dict(told)


def _cost(means: Mapping[str, float], count: int) -> RetryCost:
    if not means:
        return RetryCost(paid=count, unpriced=count)
    currency, mean = next(iter(means.items()))
    return RetryCost(paid=count, costs={currency: mean * count})
