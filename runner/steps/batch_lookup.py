"""Looks for a provider batch that may have been created, among all of its account."""

from enum import StrEnum

from jobs.store.provider_batches.batch import ProviderBatch, batches_of
from runner.lanes.batch_wire import Listing, RemoteBatch, is_same
from runner.protocol.call import Reply
from runner.protocol.refusals import Action
from runner.protocol.verdict import classify
from runner.steps.batch_hand import BatchInHand

CLOCKS_DIFFER = 300.0  # seconds, between the provider and us
MAX_PAGES = 200  # of a listing


class NotFound(StrEnum):
    """Why a listing shows no batch."""

    NONE = "none"  # it was not created
    UNCLEAR = "unclear"  # there is no telling
    LATER = "later"  # the provider could not be asked now


async def listed(batch: ProviderBatch, hand: BatchInHand) -> RemoteBatch | NotFound:
    """The batch as its provider lists it. One that another batch of ours has is never it."""
    order, since = hand.order(batch), batch.opened_at - CLOCKS_DIFFER
    known = await _known_elsewhere(batch, hand)
    matches: dict[str, RemoteBatch] = {}
    cursor = ""
    for _ in range(MAX_PAGES):
        page = await _page(hand, cursor)
        if isinstance(page, NotFound):
            return page
        for remote in page.batches:
            if remote.id not in known and is_same(remote, order, not_before=since):
                matches[remote.id] = remote
        is_through = not page.cursor or _is_older(page, since)
        if is_through or (matches and hand.form.finds_by_digest):
            return _only(matches)
        cursor = page.cursor
    return NotFound.UNCLEAR


def _only(matches: dict[str, RemoteBatch]) -> RemoteBatch | NotFound:
    if not matches:
        return NotFound.NONE
    return next(iter(matches.values())) if len(matches) == 1 else NotFound.UNCLEAR


def _is_older(page: Listing, since: float) -> bool:
    """True if all that follows is older, since the newest come first."""
    return bool(page.batches) and all(
        one.created is not None and one.created < since for one in page.batches
    )


async def _page(hand: BatchInHand, cursor: str) -> Listing | NotFound:
    delivery = await hand.wire.send(hand.form.listing(cursor))
    if not isinstance(delivery, Reply):
        return NotFound.LATER
    if not 200 <= delivery.status < 300:
        never = classify(delivery).action in (Action.FAIL, Action.STOP_MODEL)
        return NotFound.UNCLEAR if never else NotFound.LATER
    page = hand.form.read_listing(delivery)
    return page if isinstance(page, Listing) else NotFound.LATER


async def _known_elsewhere(batch: ProviderBatch, hand: BatchInHand) -> frozenset[str]:
    """The ids of all other batches of this table."""
    writer = hand.services.writer
    every = await writer.do(lambda tx: batches_of(tx, writer.holding.sheet_id))
    return frozenset(one.remote_id for one in every if one.remote_id and one.id != batch.id)
