"""What the rows of a run cost on each lane that is sold for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobs.store.queries.spending import RequestGroup
from runner.lanes.batch_sites import sells_batches
from runner.lanes.lanes import Lanes
from runner.protocol.lane_rule import BATCH, FLEX, ONLINE
from runner.settings.settings import Settings

Ranges = Mapping[str, tuple[float, float]]
"""The lowest and the highest price by currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPrice:
    """What all rows of one kind cost online."""

    kind: RequestGroup
    currency: str
    low: float
    high: float


def lane_prices(settings: Settings, kinds: Sequence[KindPrice]) -> dict[str, Ranges]:
    """The prices by lane, where another lane than the usual one is sold for all kinds."""
    factors = {
        lane: found
        for lane in (FLEX, BATCH)
        if (found := lane_factors(settings, lane, [one.kind for one in kinds])) is not None
    }
    if not kinds or not factors:
        return {}
    online = [1.0] * len(kinds)
    return {lane: _sum(kinds, found) for lane, found in {ONLINE: online, **factors}.items()}


def lane_factors(
    settings: Settings, lane: str, kinds: Sequence[RequestGroup]
) -> list[float] | None:
    """The part of the usual price for each kind; None if the lane is not sold for all of them."""
    found = [_factor(settings, lane, one) for one in kinds]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


def _factor(settings: Settings, lane: str, kind: RequestGroup) -> float | None:
    own = settings.provider.lanes.get(lane)
    if lane == FLEX:
        rule = Lanes(base_url=settings.base_url, own=settings.provider.lanes).rule(
            FLEX, kind.endpoint, kind.model
        )
        return rule.factor if rule is not None else None
    if own is None and not sells_batches(settings.base_url):
        return None
    from runner.lanes.batch_offers import batch_offer  # noqa: PLC0415 - few sites sell batches

    offer = batch_offer(settings.base_url, own, kind.endpoint, kind.model)
    return offer.factor if offer is not None else None


def _sum(kinds: Iterable[KindPrice], factors: Iterable[float]) -> Ranges:
    total: dict[str, tuple[float, float]] = {}
    for one, factor in zip(kinds, factors, strict=True):
        low, high = total.get(one.currency, (0.0, 0.0))
        total[one.currency] = (low + one.low * factor, high + one.high * factor)
    return {name: (round(low, 6), round(high, 6)) for name, (low, high) in total.items()}
