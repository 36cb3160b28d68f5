"""Uploads and creates a provider batch: once, whatever dies between any two steps.

An upload costs nothing and may be repeated. A creation may not: it is written down before its first
byte leaves, and what got no answer is looked for before anything is created again.
"""

import asyncio
import logging

from jobs.failpoints import reach
from jobs.job import Failure
from jobs.store.provider_batches.batch import BatchState, ProviderBatch
from jobs.store.provider_batches.moves import change, created, creating, upload_gone, uploaded
from runner.lanes.batch_clock import ANOTHER_FIRST, LOOK_AFTER, next_try
from runner.lanes.batch_wire import RemoteBatch
from runner.protocol.call import Delivery, NotSent, Reply
from runner.protocol.refusals import Action
from runner.protocol.verdict import classify
from runner.steps.batch_ends import doubt_of, failure_of, give_back, hold
from runner.steps.batch_hand import STOPS, BatchInHand, RemoteStep, told
from runner.steps.batch_lookup import NotFound, listed

log = logging.getLogger(__name__)

REFUSALS = frozenset({Action.FAIL, Action.STOP_MODEL, *STOPS})
NOT_CREATED = frozenset({Action.WAIT, *REFUSALS})


async def bring_up(batch: ProviderBatch, hand: BatchInHand) -> RemoteStep:
    """Do the next thing for a batch that is not known to exist. Raises LostBatchError."""
    if batch.creating_at is not None:
        return await _look(batch, hand)
    if batch.cancel_at is not None:
        return await _given_back(batch, hand, failure_of("batch_cancelled"))
    if not await asyncio.to_thread(hand.has_lines, batch):
        log.warning("provider batch %s: its packed lines are gone", batch.id)
        return await _given_back(batch, hand, failure_of("lines_gone"), again=True)
    if batch.state is BatchState.INTENDED:
        call = hand.form.upload(hand.packed(batch))
        if call is not None:
            return await _uploaded(batch, hand, await hand.wire.send(call))
    return await _create(batch, hand)


async def _uploaded(batch: ProviderBatch, hand: BatchInHand, delivery: Delivery) -> RemoteStep:
    if not isinstance(delivery, Reply):
        return await hand.later(batch)
    if not 200 <= delivery.status < 300:
        return await _refused(batch, hand, delivery)
    name = hand.form.read_upload(delivery)
    if isinstance(name, Failure):
        return await hand.later(batch)
    reach("batch.sent")
    hand.failures = 0
    written = await hand.write(lambda tx: uploaded(tx, batch, input_file=name))
    reach("batch.uploaded")
    return RemoteStep(batch=written)


async def _refused(batch: ProviderBatch, hand: BatchInHand, reply: Reply) -> RemoteStep:
    """A complete answer that says no, before anything was created."""
    verdict = classify(reply)
    failure = verdict.failure or failure_of("refused")
    if verdict.action not in REFUSALS:
        return await hand.later(batch, asked=verdict.retry_after)
    if verdict.action in STOPS:
        waiting = await hand.later(batch)
        return RemoteStep(batch=waiting.batch, refused=failure, stop=verdict.action)
    if batch.input_file and not hand.was_sent_again and _is_gone(reply, batch.input_file):
        hand.was_sent_again = True
        return RemoteStep(batch=await hand.write(lambda tx: upload_gone(tx, batch)))
    return await _given_back(batch, hand, failure)


async def _given_back(
    batch: ProviderBatch, hand: BatchInHand, failure: Failure, *, again: bool = False
) -> RemoteStep:
    batch = await give_back(batch, hand.services, failure, again=again)
    hand.lines.unlink(missing_ok=True)
    return RemoteStep(batch=batch, refused=None if again else failure)


async def _create(batch: ProviderBatch, hand: BatchInHand) -> RemoteStep:
    writer, call = hand.services.writer, hand.form.create(hand.order(batch))
    alone = not hand.form.finds_by_digest
    begun = await writer.do(lambda tx: creating(tx, batch, now=writer.now(), alone=alone))
    if begun is None:
        ask_at = writer.now() + ANOTHER_FIRST
        return RemoteStep(batch=await hand.write(lambda tx: change(tx, batch, ask_at=ask_at)))
    reach("batch.creating")
    delivery = await hand.wire.send(call)
    if isinstance(delivery, NotSent):
        return await hand.later(begun)
    if isinstance(delivery, Reply):
        reach("batch.answered")
        if 200 <= delivery.status < 300:
            remote = hand.form.read_batch(delivery)
            if isinstance(remote, RemoteBatch):
                return await _found(begun, hand, remote)
        elif classify(delivery).action in NOT_CREATED:
            return await _refused(begun, hand, delivery)
    log.warning("provider batch %s: its creation was not answered", batch.id)
    later, unknown = writer.now() + LOOK_AFTER, begun
    return RemoteStep(batch=await hand.write(lambda tx: change(tx, unknown, ask_at=later)))


async def _found(batch: ProviderBatch, hand: BatchInHand, remote: RemoteBatch) -> RemoteStep:
    """The provider has it: from now on it is only asked after."""
    now, hand.failures = hand.services.writer.now(), 0
    due = remote.due or now + hand.form.offer.window
    facts = told(remote)
    batch = await hand.write(
        lambda tx: created(tx, batch, remote_id=remote.id, told=facts, due_at=due, now=now)
    )
    reach("batch.created")
    hand.lines.unlink(missing_ok=True)
    return RemoteStep(batch=batch)


async def _look(batch: ProviderBatch, hand: BatchInHand) -> RemoteStep:
    """Its creation was not answered: look whether the provider has it."""
    now = hand.services.writer.now()
    assert batch.creating_at is not None
    ask_at = batch.creating_at + LOOK_AFTER
    if now >= ask_at:
        found = await listed(batch, hand)
        if isinstance(found, RemoteBatch):
            log.info("provider batch %s was found as %s", batch.id, found.id)
            return await _found(batch, hand, found)
        if found is NotFound.NONE:
            return await hand.later(batch)
        if found is NotFound.UNCLEAR:
            failure = doubt_of("creation_lost")
            return RemoteStep(batch=await hold(batch, hand.services, failure), refused=failure)
        hand.failures += 1
        ask_at = now + next_try(hand.failures)
    return RemoteStep(batch=await hand.write(lambda tx: change(tx, batch, ask_at=ask_at)))


def _is_gone(reply: Reply, file: str) -> bool:
    """True if a refusal says that the provider has the uploaded lines no longer."""
    return reply.status == 404 or (file.encode() in reply.body and b"not" in reply.body.lower())
