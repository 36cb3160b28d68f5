"""Asks after a provider batch that exists, cancels it, and removes what is left of it."""

from jobs.failpoints import reach
from jobs.job import Failure
from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.moves import asked, change, ended, removed
from runner.lanes.batch_clock import CANCELLING, MISSING_FOR, next_question, next_try
from runner.lanes.batch_wire import BatchForm, RemoteBatch
from runner.protocol.call import Reply
from runner.protocol.verdict import classify
from runner.steps.batch_ends import doubt_of, hold
from runner.steps.batch_hand import STOPS, BatchInHand, RemoteStep, told
from runner.transport.client import GatewayClient


async def ask(batch: ProviderBatch, hand: BatchInHand) -> RemoteStep:
    """Ask once; free of charge. Raises LostBatchError."""
    assert batch.remote_id is not None
    if batch.cancel_at is not None and not batch.told.get("cancelling"):
        batch = await _cancel(batch, hand, batch.remote_id)
    delivery = await hand.wire.send(hand.form.ask(batch.remote_id or ""))
    if not isinstance(delivery, Reply):
        return await _later(batch, hand)
    if not 200 <= delivery.status < 300:
        return await _not_told(batch, hand, delivery)
    remote = hand.form.read_batch(delivery)
    if isinstance(remote, Failure):
        return await _later(batch, hand)
    hand.failures = 0
    return RemoteStep(batch=await _told(batch, hand, remote))


async def _told(batch: ProviderBatch, hand: BatchInHand, remote: RemoteBatch) -> ProviderBatch:
    now, facts = hand.services.writer.now(), told(remote)
    if not remote.state.is_final:
        facts["cancelling"] = remote.is_cancelling or bool(batch.told.get("cancelling"))
        wait = CANCELLING if facts["cancelling"] else next_question(_age(batch, now))
        return await hand.write(lambda tx: asked(tx, batch, told=facts, now=now, ask_at=now + wait))
    problem = "; ".join(one.message or one.code for one in remote.problems) or None
    files = remote.result_files
    batch = await hand.write(
        lambda tx: ended(tx, batch, told=facts, files=files, problem=problem, now=now)
    )
    reach("batch.ended")
    return batch


async def _cancel(batch: ProviderBatch, hand: BatchInHand, remote_id: str) -> ProviderBatch:
    """What is finished by then is billed, and is taken in like the rest."""
    if not hand.form.can_cancel:
        return batch
    delivery = await hand.wire.send(hand.form.cancel(remote_id))
    if not isinstance(delivery, Reply) or not 200 <= delivery.status < 300:
        return batch
    now, facts = hand.services.writer.now(), {**batch.told, "cancelling": True}
    return await hand.write(lambda tx: asked(tx, batch, told=facts, now=now, ask_at=now))


async def _not_told(batch: ProviderBatch, hand: BatchInHand, reply: Reply) -> RemoteStep:
    """The provider denies the batch, or this key, or is in trouble."""
    verdict, now = classify(reply), hand.services.writer.now()
    if verdict.action in STOPS:
        waiting = await _later(batch, hand)
        return RemoteStep(batch=waiting.batch, refused=verdict.failure, stop=verdict.action)
    if reply.status not in (404, 410):
        return await _later(batch, hand, wanted=verdict.retry_after)
    said = batch.told.get("missing_since")
    since = float(said) if isinstance(said, int | float) else now
    if now - since >= MISSING_FOR:
        failure = doubt_of("batch_missing")
        return RemoteStep(batch=await hold(batch, hand.services, failure), refused=failure)
    facts = {**batch.told, "missing_since": since}
    ask_at = now + next_question(now - since)
    return RemoteStep(
        batch=await hand.write(lambda tx: asked(tx, batch, told=facts, now=now, ask_at=ask_at))
    )


async def _later(
    batch: ProviderBatch, hand: BatchInHand, *, wanted: float | None = None
) -> RemoteStep:
    hand.failures += 1
    now = hand.services.writer.now()
    wait = max(next_try(hand.failures), next_question(_age(batch, now)), wanted or 0.0)
    return RemoteStep(batch=await hand.write(lambda tx: change(tx, batch, ask_at=now + wait)))


async def remove(batch: ProviderBatch, hand: BatchInHand) -> bool:
    """Delete what is left of it at its provider, and write that down; True if nothing is left."""
    if not await delete_files(batch, hand.form, hand.wire):
        return False
    writer = hand.services.writer
    await writer.do(lambda tx: removed(tx, batch.id, now=writer.now()))
    return True


async def delete_files(batch: ProviderBatch, form: BatchForm, wire: GatewayClient) -> bool:
    """Delete what is left of it at its provider; True if nothing is."""
    for name in dict.fromkeys([*batch.files, *([batch.input_file] if batch.input_file else [])]):
        call = form.remove(name)
        if call is None:
            continue
        delivery = await wire.send(call)
        if not isinstance(delivery, Reply):
            return False
        if not 200 <= delivery.status < 300 and delivery.status not in (404, 410):
            return False
    return True


def _age(batch: ProviderBatch, now: float) -> float:
    return max(now - (batch.created_at or now), 0.0)
