"""What jobs ask for, as prices see it: an endpoint's facts beside the fields of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from jobs.claimed import Claimed
from jobs.job import JSON
from jobs.result import Result
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.registry import ENDPOINTS
from runner.prices.price_list import Price, PriceList
from runner.prices.request import PricedRequest


def priced_request(endpoint: str, model: str, fields: Mapping[str, JSON]) -> PricedRequest:
    """One request of an endpoint."""
    facts = ENDPOINTS[endpoint]
    return PricedRequest(
        model=model,
        fields=fields,
        pictures=facts.pictures,
        draws=facts.draws,
        is_task=facts.is_task and not facts.draws,  # one that draws is priced by its pictures
        answer_limit=facts.answer_limit(fields),
        **_measured(facts, fields),
    )


def _measured(facts: AnyEndpoint, fields: Mapping[str, JSON]) -> dict[str, Any]:
    """What a price by unit goes by at this endpoint, if it has such a measure."""
    found = facts.measured
    if found is None:
        return {}
    low, high = found.likely(fields)
    return {
        "measure": found.name,
        "likely": (Decimal(str(low)), Decimal(str(high))),
        "bound": found.bound(fields),
        "taken": partial(found.taken, fields),
    }


def priced_call(jobs: Sequence[Claimed]) -> PricedRequest:
    """The call that these jobs share; one job has a call of its own."""
    first, *others = jobs
    alone = priced_request(first.endpoint, first.model, first.fields)
    if not others:
        return alone
    texts = "".join(str(value) for job in others for value in job.fields.values())
    return replace(alone, fields={**first.fields, "others": texts})


def cost_of(prices: PriceList, job: Claimed, result: Result | None) -> Price | None:
    """The cost of a call that brought this in all; None if it is unknown."""
    return prices.cost(priced_call([job]), result) if prices.of(job.model) is not None else None
