"""How many rows of a batch fit under a cap, and which limit of the answers would fit all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.job import JSON
from jobs.store.queries.spending import RequestGroup
from runner.catalogue import say
from runner.endpoints.fields import field_named
from runner.endpoints.registry import ENDPOINTS
from runner.preflight.budget import Budget
from runner.preflight.lane_prices import lane_factors
from runner.prices.price_list import PriceList
from runner.protocol.lane_rule import BATCH
from runner.settings.settings import Settings
from runner.steps.priced_request import priced_request

LIMIT_FIELDS = ("max_tokens", "max_output_tokens")
MOST_TOKENS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFit:
    """Not all rows fit at once: `fits` of `rows` do. `limit` is the field and value for all."""

    rows: int
    fits: int
    limit: tuple[str, int] | None = None

    def words(self) -> str:
        """What waits, and what would help."""
        words = {"rows": f"{self.rows:,}", "fits": f"{self.fits:,}"}
        if self.limit is None:
            return say("lane.fits", **words)
        name, tokens = self.limit
        return say("lane.fits_with", **words, field=name, tokens=tokens)


def batch_fit(
    settings: Settings, kinds: Sequence[RequestGroup], prices: PriceList, budget: Budget | None
) -> BatchFit | None:
    """How far the cap goes; None if it covers all rows, or without a cap or batches.

    All rows of a batch are out at once, so each counts at the most it may cost.
    """
    if settings.lane != BATCH or budget is None or not kinds:
        return None
    factors = lane_factors(settings, BATCH, kinds)
    rows = sum(kind.rows for kind in kinds)
    total = _total(kinds, factors, prices, {}) if factors is not None else None
    if total is None or factors is None or total <= budget.left:
        return None
    fits = int(rows * budget.left / total)
    return BatchFit(rows=rows, fits=fits, limit=_limit(kinds, factors, prices, budget.left))


def _limit(
    kinds: Sequence[RequestGroup], factors: Sequence[float], prices: PriceList, left: float
) -> tuple[str, int] | None:
    """The highest limit of the answers with which all rows fit; None if none would do."""
    name = next((one for one in LIMIT_FIELDS if all(_takes(kind, one) for kind in kinds)), None)
    if name is None or not _fits(kinds, factors, prices, {name: 1}, left):
        return None
    low, high = 1, MOST_TOKENS
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(kinds, factors, prices, {name: middle}, left):
            low = middle
        else:
            high = middle - 1
    return name, low


def _fits(
    kinds: Sequence[RequestGroup],
    factors: Sequence[float],
    prices: PriceList,
    limit: Mapping[str, JSON],
    left: float,
) -> bool:
    total = _total(kinds, factors, prices, limit)
    return total is not None and total <= left


def _takes(kind: RequestGroup, name: str) -> bool:
    return field_named(ENDPOINTS[kind.endpoint].inputs, name) is not None


def _total(
    kinds: Sequence[RequestGroup],
    factors: Sequence[float],
    prices: PriceList,
    limit: Mapping[str, JSON],
) -> float | None:
    """The most that all rows may cost by batch, by their examples; None if that is unknown."""
    total = 0.0
    for kind, factor in zip(kinds, factors, strict=True):
        fields = ({**one, **limit} for one in kind.examples)
        asks = (priced_request(kind.endpoint, kind.model, one) for one in fields)
        most = [price.amount for ask in asks if (price := prices.ceiling(ask)) is not None]
        if not most:
            return None
        total += kind.rows * factor * sum(most) / len(most)
    return total
