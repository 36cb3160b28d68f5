"""Says before anything is sent that a lane is not sold for what the rows ask."""

from collections.abc import Iterable

from jobs.store.queries.spending import RequestGroup
from runner.catalogue import say
from runner.lanes.lanes import Lanes
from runner.protocol.lane_rule import BATCH, FLEX
from runner.settings.settings import Settings


def unsold_lane(settings: Settings, groups: Iterable[RequestGroup]) -> str | None:
    """Why the lane that was asked for cannot be used, and what to add; None if it can be."""
    if settings.lane == BATCH:
        return _no_batches(settings, groups)
    if settings.lane != FLEX:
        return None
    lanes = Lanes(base_url=settings.base_url, own=settings.provider.lanes)
    for group in groups:
        if lanes.rule(FLEX, group.endpoint, group.model) is None:
            return say(
                "lane.not_sold",
                lane=FLEX,
                endpoint=group.endpoint,
                model=group.model,
                provider=settings.provider.name,
            )
    return None


def _no_batches(settings: Settings, groups: Iterable[RequestGroup]) -> str | None:
    """The refusal of provider batches that are not known to be sold for what the rows ask."""
    from runner.lanes.batch_offers import batch_offer  # noqa: PLC0415 - few runs have batches

    own = settings.provider.lanes.get(BATCH)
    for group in groups:
        if batch_offer(settings.base_url, own, group.endpoint, group.model) is None:
            return say("lane.no_batches", endpoint=group.endpoint, model=group.model)
    return None
