"""Looks for a provider batch that may have been created, among all of its account."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path

from jobs.store.provider_batches.batch import ProviderBatch, batches_of
from jobs.store.provider_batches.intake import rows_of
from runner.lanes.batch_transfer import fetch_results
from runner.lanes.batch_wire import BatchForm, Listing, RemoteBatch, is_same, number_in
from runner.protocol.call import Reply
from runner.protocol.refusals import Action
from runner.protocol.verdict import classify
from runner.steps.batch_hand import BatchInHand

CLOCKS_DIFFER = 300.0  # seconds, between the provider and us
MAX_PAGES = 200  # of a listing
PROBED_LINES = 100  # of results, to see whose they are


class NotFound(StrEnum):
    """Why a listing shows no batch."""

    NONE = "none"  # it was not created
    UNCLEAR = "unclear"  # there is no telling
    LATER = "later"  # the provider could not be asked now


async def listed(batch: ProviderBatch, hand: BatchInHand) -> RemoteBatch | NotFound:
    """The batch as its provider lists it. One that another batch of ours has is never it."""
    order, since = hand.order(batch), (batch.creating_at or batch.opened_at) - CLOCKS_DIFFER
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
            return await _only(batch, hand, list(matches.values()))
        cursor = page.cursor
    return NotFound.UNCLEAR


async def _only(
    batch: ProviderBatch, hand: BatchInHand, matches: Sequence[RemoteBatch]
) -> RemoteBatch | NotFound:
    """The one that is ours. Of several alike, the results tell, since our numbers are in them."""
    if len(matches) < 2:
        return matches[0] if matches else NotFound.NONE
    if not all(one.state.is_final for one in matches):
        return NotFound.LATER
    for one in matches:
        found = await _has_our_rows(batch, hand, one)
        if found is None:
            return NotFound.LATER
        if found:
            return one
    return NotFound.UNCLEAR


async def _has_our_rows(
    batch: ProviderBatch, hand: BatchInHand, remote: RemoteBatch
) -> bool | None:
    """True if the results name a row of this batch; None if they cannot be had now."""
    path = hand.lines.with_suffix(".probe")
    for name in remote.result_files:
        try:
            delivery = await fetch_results(hand.wire, hand.form, name, path)
            if not isinstance(delivery, Reply) or not 200 <= delivery.status < 300:
                return None
            numbers = await asyncio.to_thread(_first_numbers, path, hand.form)
        finally:
            path.unlink(missing_ok=True)
        if await _are_ours(batch, hand, numbers):
            return True
    return False


async def _are_ours(batch: ProviderBatch, hand: BatchInHand, numbers: Sequence[int]) -> bool:
    return bool(await hand.services.writer.do(lambda tx: rows_of(tx, batch, numbers)))


def _first_numbers(path: Path, form: BatchForm) -> list[int]:
    """The numbers of calls that the first lines of a result file name."""
    with path.open("rb") as file:
        rows = [form.read_line(line.rstrip(b"\r\n")).row for line in islice(file, PROBED_LINES)]
    return [number for number in map(number_in, rows) if number is not None]


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
