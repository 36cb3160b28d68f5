"""Decides what a delivery means for its jobs; the same live and after a crash."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

from jobs.claimed import Claimed
from jobs.job import Failure, FailureClass
from jobs.outcome import (
    Answered,
    Finished,
    GiveUp,
    Held,
    Outcome,
    Released,
    Repeat,
    TryAgain,
    WireClass,
)
from jobs.result import Result
from runner.endpoints.endpoint import AnyEndpoint, Reading, Rejected, Ticket
from runner.endpoints.fields import field_named
from runner.pacing.backoff import MAX_RETRY_AFTER_SECONDS, Wait, backoff
from runner.protocol.call import TOO_LATE, Delivery, Lost, NotSent, Reply
from runner.protocol.lane_rule import FLEX
from runner.protocol.refusals import Action
from runner.protocol.verdict import Verdict, classify
from runner.steps.addresses import with_whole_addresses
from runner.steps.masking import masked
from runner.steps.resolution import JobContext, Resolution, Rules, Signal
from runner.steps.resolve_poll import resolve_submit

DOUBTFUL_CAUSES = frozenset(
    {"cut_stream", "bad_gateway", "gateway_timeout", "answer_lost_upstream"}
)
"""Causes that leave open whether the answer was billed, even inside a 200."""
ENCODING_FORMAT = "encoding_format"
"""The cause of a refusal of the way in which vectors were to travel."""
IMAGE_FIELD = "image_field"
"""The cause of a refusal that does not know the form field under which a picture was sent."""
MAX_SAFE_REPEATS = 3  # of a call in doubt, where its key is honoured
MAX_CHANNEL_TRIES = 3  # before "no channel for this model" is believed
FINAL_CLASSES = frozenset({FailureClass.REFUSED, FailureClass.TRUNCATED, FailureClass.BAD_INPUT})


def resolve(contexts: Sequence[JobContext], delivery: Delivery) -> list[Resolution]:
    """What one call's delivery means for each job of the call, in their order."""
    match delivery:
        case NotSent():
            return [_not_sent(context, delivery) for context in contexts]
        case Lost():
            failure = _loss(delivery)
            return [_in_doubt(one, failure, by_time=delivery.by_time) for one in contexts]
        case Reply():
            return _of_reply(contexts, delivery)
        case _:
            assert_never(delivery)


def is_slow_lane(job: Claimed) -> bool:
    """True if the call was bought to wait long: repeating it would buy the wait once more."""
    return job.fields.get("lane") == FLEX


def after_death(job: Claimed, endpoint: AnyEndpoint, rules: Rules) -> Resolution:
    """A call in flight when the process died: asked again, not counted as the row's one repeat.

    It does count against the repeats that the run may make. On a slow lane it is held.
    """
    failure = Failure(kind=FailureClass.NETWORK, cause="killed")
    may_repeat = rules.repeat_left or rules.honours_keys
    if is_slow_lane(job) or rules.hold_in_doubt or endpoint.hold_in_doubt or not may_repeat:
        return Resolution(outcome=Held(failure=failure), wire=WireClass.IN_DOUBT)
    return Resolution(outcome=Released(delay=0.0, failure=failure), wire=WireClass.IN_DOUBT)


def _not_sent(context: JobContext, delivery: NotSent) -> Resolution:
    if delivery.cause == TOO_LATE:  # the host stood still; it says nothing about the network
        return Resolution(outcome=Released(delay=0.0), wire=WireClass.NOT_SENT)
    failure = Failure(kind=FailureClass.NETWORK, cause=delivery.cause, detail=delivery.detail)
    released = Released(delay=backoff(1, chance=context.rules.chance), failure=failure)
    return Resolution(outcome=released, wire=WireClass.NOT_SENT, signal=Signal.OFFLINE)


def _loss(lost: Lost) -> Failure:
    timed = lost.by_time or lost.cause == "timeout"
    kind = FailureClass.TIMEOUT if timed else FailureClass.NETWORK
    return Failure(kind=kind, cause=lost.cause, detail=lost.detail, status=lost.status)


def _of_reply(contexts: Sequence[JobContext], reply: Reply) -> list[Resolution]:
    """A refusal of several jobs says nothing about each of them: one bad row fails the call for
    all. They are asked again in smaller calls, which costs nothing.
    """
    verdict = classify(reply)
    if verdict.action is Action.READ:
        found = readings(contexts, reply)
        return [_of_reading(*one, reply) for one in zip(contexts, found, strict=True)]
    if verdict.action is Action.FAIL and len(contexts) > 1:
        apart = Released(delay=0.0, failure=verdict.failure)
        return [Resolution(outcome=apart, wire=WireClass.REFUSED)] * len(contexts)
    return [
        _own_refusal(context, reply) or _of_verdict(context, reply, verdict) for context in contexts
    ]


def readings(contexts: Sequence[JobContext], reply: Reply) -> Sequence[Reading]:
    """What the endpoint reads in a reply for each job of its call."""
    endpoint, inputs = contexts[0].endpoint, [context.inputs for context in contexts]
    if endpoint.sharing is not None:
        return endpoint.sharing.read(inputs, reply)
    return [endpoint.read(one, reply) for one in inputs]


def _of_verdict(context: JobContext, reply: Reply, verdict: Verdict) -> Resolution:
    """A reply that the endpoint does not read."""
    failure = verdict.failure or Failure(kind=FailureClass.SERVER, cause="unknown")
    match verdict.action:
        case Action.UNUSABLE | Action.RETRY if _may_have_submitted(context, failure):
            return _in_doubt(context, failure, by_time=False)
        case Action.UNUSABLE:
            return _unusable(context, Rejected(failure=failure))
        case Action.DOUBT:
            return _in_doubt(context, failure, by_time=verdict.by_time)
        case Action.STOP_KEY | Action.STOP_CREDIT | Action.STOP_MODEL:
            return _stopping(context, verdict.action, failure)
        case Action.FAIL if _has_other_name(failure, context.inputs):
            outcome = _try_again(context, failure)
            return Resolution(outcome=outcome, wire=WireClass.REFUSED)
        case _:
            return _refused(context, verdict, failure, reply)


def _own_refusal(context: JobContext, reply: Reply) -> Resolution | None:
    """A refusal by a code that only the vendor of a task has, and that says nothing was begun."""
    refusal = context.endpoint.refusal
    failure = refusal(context.inputs, reply) if refusal is not None else None
    if failure is None:
        return None
    action = _ACTION_BY_KIND.get(failure.kind, Action.FAIL)
    if action in (Action.STOP_KEY, Action.STOP_CREDIT):
        return _stopping(context, action, failure)
    return _refused(context, Verdict(action=action), failure, reply)


_ACTION_BY_KIND = {
    FailureClass.LIMIT: Action.WAIT,
    FailureClass.KEY: Action.STOP_KEY,
    FailureClass.CREDIT: Action.STOP_CREDIT,
}


def _may_have_submitted(context: JobContext, failure: Failure) -> bool:
    """True for a submit without a ticket and without a refusal that is known, and for a file that
    came without a byte: both may have been billed.
    """
    if context.endpoint.binary and failure.cause == "empty_answer":
        return True
    known_refusal = failure.kind in (FailureClass.BAD_INPUT, FailureClass.REFUSED)
    return context.endpoint.hold_in_doubt and not known_refusal


def _has_other_name(failure: Failure, inputs: object) -> bool:
    """True if only something that we chose ourselves was wrong, and was not left out yet: the name
    of the picture's field, or the encoding of vectors.
    """
    if failure.cause == ENCODING_FORMAT:
        return getattr(inputs, ENCODING_FORMAT, "") is None
    return failure.cause == IMAGE_FIELD and getattr(inputs, IMAGE_FIELD, "") == "auto"


def _refused(context: JobContext, verdict: Verdict, failure: Failure, reply: Reply) -> Resolution:
    """A complete reply without a result: wait, try again, or fail the row."""
    action, asked = verdict.action, context.server_wait(reply)
    if asked is None and verdict.retry_after is not None:
        asked = min(verdict.retry_after, MAX_RETRY_AFTER_SECONDS)
    if action is Action.WAIT:
        seconds = backoff(2, chance=context.rules.chance) if asked is None else asked
        return Resolution(
            outcome=Released(delay=seconds, failure=failure),
            wire=WireClass.REFUSED,
            signal=Signal.SLOW_DOWN,
            wait=Wait(seconds=seconds, asked=asked is not None),
        )
    if action is Action.RETRY:
        if reply.status < 300:  # from behind the gateway, which may have billed the call
            outcome = _once_more(context, failure)
            return Resolution(outcome=outcome, wire=WireClass.UNUSABLE)
        again = _try_again(context, failure, asked=asked)
        return Resolution(outcome=again, wire=WireClass.REFUSED)
    return Resolution(outcome=GiveUp(failure=failure), wire=WireClass.REFUSED)


def _stopping(context: JobContext, action: Action, failure: Failure) -> Resolution:
    """A refusal that may concern the key, the account or the model, not only this row."""
    rules = context.rules
    if action is Action.STOP_CREDIT:
        return _refused_with(Signal.CREDIT, failure)
    if action is Action.STOP_KEY:
        if not rules.key_good:
            return _refused_with(Signal.KEY, failure)
        # The operator's own channel was refused, not this key.
        outcome = _try_again(context, failure)
        return Resolution(outcome=outcome, wire=WireClass.REFUSED)
    if failure.cause == "redirect" and rules.answered and not rules.key_good:
        # A network's login page redirects like this: the probe finds out.
        return _refused_with(Signal.KEY, failure)
    if failure.cause == "no_channel" and context.job.attempts + 1 < MAX_CHANNEL_TRIES:
        outcome = _try_again(context, failure)
        return Resolution(outcome=outcome, wire=WireClass.REFUSED)
    return Resolution(outcome=GiveUp(failure=failure), wire=WireClass.REFUSED, signal=Signal.MODEL)


def _refused_with(signal: Signal, failure: Failure) -> Resolution:
    """The row waits until the run has decided what the signal means for all rows."""
    released = Released(delay=1.0, failure=failure)
    return Resolution(outcome=released, wire=WireClass.REFUSED, signal=signal)


def _of_reading(context: JobContext, reading: Reading, reply: Reply) -> Resolution:
    endpoint = context.endpoint
    match reading:
        case Ticket():
            return resolve_submit(context, reading, reply)
        case Result():
            result = masked(reading)
            outcome: Outcome = Finished(result=result)
            if result.pictures:
                outcome = Answered(result=with_whole_addresses(result, context.rules.base_url))
            return Resolution(outcome=outcome, wire=WireClass.ANSWERED, signal=Signal.GOOD)
        case Rejected() if reading.failure.cause in DOUBTFUL_CAUSES:
            timed = reading.failure.cause == "gateway_timeout"
            return _in_doubt(context, reading.failure, by_time=timed)
        case Rejected() if endpoint.hold_in_doubt:  # by a code that accepts nothing: free
            found = _own_refusal(context, reply)
            action = Action.WAIT if reading.failure.kind is FailureClass.LIMIT else Action.FAIL
            return found or _refused(context, Verdict(action=action), reading.failure, reply)
        case Rejected():
            return _unusable(context, reading)
        case _:
            raise TypeError(f"{endpoint.name} read a {type(reading).__name__}")


def _unusable(context: JobContext, rejected: Rejected) -> Resolution:
    """Complete, paid, and not what was asked: at most one repeat, and none if it cannot help."""
    failure = rejected.failure
    result = masked(rejected.result) if rejected.result is not None else None
    outcome: Outcome = GiveUp(failure=failure, result=result)
    if failure.kind not in FINAL_CLASSES:
        outcome = _once_more(context, failure, result=result)
    of_row = failure.kind in (FailureClass.REFUSED, FailureClass.BAD_INPUT)
    signal = Signal.NONE if of_row else Signal.USELESS
    return Resolution(outcome=outcome, wire=WireClass.UNUSABLE, signal=signal)


def _once_more(context: JobContext, failure: Failure, *, result: Result | None = None) -> Outcome:
    """What may have been paid for is repeated once at most."""
    if context.job.attempts > 0 or context.rules.attempts <= 1:
        return GiveUp(failure=failure, result=result)
    delay = backoff(1, chance=context.rules.chance)
    return TryAgain(failure=failure, delay=delay, result=result)


def _try_again(context: JobContext, failure: Failure, *, asked: float | None = None) -> Outcome:
    """After our own backoff, or after the server's wait if that is longer."""
    attempts = context.job.attempts + 1
    if attempts >= context.rules.attempts:
        return GiveUp(failure=failure)
    wait = max(backoff(attempts, chance=context.rules.chance), asked or 0.0)
    return TryAgain(failure=failure, delay=wait)


def _in_doubt(context: JobContext, failure: Failure, *, by_time: bool) -> Resolution:
    """It may have been billed: repeated once in a row's life if policy and allowance permit.

    A call that a time limit cut would be cut again: its repeat is streamed, which keeps the
    connection busy, or the row is held. Where keys are honoured, the same bytes under the same key
    bring the answer that was lost.
    """
    job, rules, endpoint = context.job, context.rules, context.endpoint
    if _is_safe(context):
        again = Repeat(failure=failure, stream=job.stream)
        return Resolution(outcome=again, wire=WireClass.IN_DOUBT)
    held = rules.hold_in_doubt or endpoint.hold_in_doubt or not rules.repeat_left
    held = held or is_slow_lane(job)
    stream = job.stream
    if by_time:
        streamed = job.stream or bool(job.fields.get("stream"))
        held = held or streamed or not _can_stream(endpoint, context.inputs)
        stream = True
    if held or job.repeats >= 1:
        return Resolution(outcome=Held(failure=failure), wire=WireClass.IN_DOUBT)
    return Resolution(outcome=Repeat(failure=failure, stream=stream), wire=WireClass.IN_DOUBT)


def _is_safe(context: JobContext) -> bool:
    """True if a repeat under the same key cannot be billed, and policy has nothing against it."""
    job, rules, endpoint = context.job, context.rules, context.endpoint
    same_key = endpoint.same_key is not None and endpoint.same_key(context.inputs)
    held = rules.hold_in_doubt or is_slow_lane(job) or (endpoint.hold_in_doubt and not same_key)
    honoured = rules.honours_keys or same_key
    return honoured and not held and job.repeats < MAX_SAFE_REPEATS


def _can_stream(endpoint: AnyEndpoint, inputs: Any) -> bool:
    """True if asking for a stream would bring one; some models of an endpoint have none."""
    if field_named(endpoint.inputs, "stream") is None:
        return False
    return endpoint.build(replace(inputs, stream=True)).stream
