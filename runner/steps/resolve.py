"""What a delivery means for its job: one pure decision, the same live and after a death."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, assert_never

from jobs.job import Claimed, Failure, FailureClass
from jobs.outcome import (
    Answered,
    Finished,
    GiveUp,
    Held,
    Outcome,
    Released,
    Repeat,
    Submitted,
    TryAgain,
    WireClass,
)
from jobs.result import Result
from runner.endpoints.endpoint import AnyEndpoint, Rejected, Ticket
from runner.endpoints.inputs import field_named
from runner.pacing.backoff import NO_WAIT, Wait, backoff, retry_after
from runner.protocol.call import Delivery, Lost, NotSent, Reply
from runner.protocol.verdict import Action, Verdict, classify

DOUBTFUL = frozenset({"cut_stream", "bad_gateway", "gateway_timeout", "answer_lost_upstream"})
"""Causes that leave it open whether the answer was billed, also when they stand inside a 200."""
POLL_SECONDS = 12.0  # New API refreshes its own copy of a task every 15 s
LEAST_POLL_SECONDS = 0.2  # where a server asks to be asked sooner, in Retry-After
TICKET_SECONDS = 65 * 60.0  # New API itself gives a task up after an hour
UNKNOWN_SECONDS = 120.0  # after its submit, in which a gateway may not know a task yet
IMAGE_FIELD = "image_field"
"""The cause of a refusal that does not know the name under which a picture came."""
CHANNEL_PATIENCE = 3  # slow tries before "no channel for this model" is believed
FINAL_KINDS = frozenset({FailureClass.REFUSED, FailureClass.TRUNCATED, FailureClass.BAD_INPUT})


class Signal(StrEnum):
    """What a step tells the run beyond its own row."""

    GOOD = "good"  # a usable paid answer
    USELESS = "useless"  # a paid answer with nothing usable
    SLOW_DOWN = "slow_down"
    OFFLINE = "offline"  # nothing could be sent
    KEY = "key"
    CREDIT = "credit"
    MODEL = "model"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the decision depends on besides the delivery; chance and time come in here."""

    attempts: int = 5
    hold_in_doubt: bool = False
    repeat_left: bool = True  # this run may still repeat calls in doubt
    key_good: bool = False  # a probe has just shown that the key itself is accepted
    answered: bool = False  # this run has had a good answer: the address is right
    chance: float = 0.5
    now: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The job's outcome, how its call ended on the wire, and what the run should know."""

    outcome: Outcome
    wire: WireClass
    signal: Signal = Signal.NONE
    wait: Wait = NO_WAIT  # after a "slow down"
    refunded: bool = False  # the submit of this task is not charged after all


def resolve(
    job: Claimed, endpoint: AnyEndpoint, inputs: object, delivery: Delivery, rules: Rules
) -> Resolution:
    """Decide. `inputs` are the endpoint's own, parsed from the job's fields."""
    match delivery:
        case NotSent():
            failure = Failure(
                kind=FailureClass.NETWORK, cause=delivery.cause, detail=delivery.detail
            )
            released = Released(delay=backoff(1, chance=rules.chance), failure=failure)
            return Resolution(outcome=released, wire=WireClass.NOT_SENT, signal=Signal.OFFLINE)
        case Lost():
            return _in_doubt(
                job, endpoint, inputs, _loss(delivery), by_time=delivery.by_time, rules=rules
            )
        case Reply():
            return _of_reply(job, endpoint, inputs, delivery, rules)
        case _:
            assert_never(delivery)


def resolve_together(
    jobs: Sequence[Claimed],
    endpoint: AnyEndpoint,
    inputs: Sequence[object],
    delivery: Delivery,
    rules: Rules,
) -> list[Resolution]:
    """The same for jobs that shared a call, in their order.

    One bad row fails such a call for all, so a refusal of many is nobody's yet: they are asked
    again in smaller company, which costs nothing.
    """
    if endpoint.together is None or not isinstance(delivery, Reply):
        return [
            resolve(job, endpoint, one, delivery, rules)
            for job, one in zip(jobs, inputs, strict=True)
        ]
    verdict = classify(delivery)
    if verdict.action is Action.READ:
        asked = _asked(delivery, rules)
        readings = endpoint.together.read(inputs, delivery)
        return [
            _of_reading(job, endpoint, one, reading, rules, asked=asked)
            for job, one, reading in zip(jobs, inputs, readings, strict=True)
        ]
    if verdict.action is Action.FAIL and len(jobs) > 1:
        apart = Released(delay=0.0, failure=verdict.failure)
        return [Resolution(outcome=apart, wire=WireClass.REFUSED)] * len(jobs)
    return [
        _of_verdict(job, endpoint, one, delivery, verdict, rules=rules)
        for job, one in zip(jobs, inputs, strict=True)
    ]


def _loss(lost: Lost) -> Failure:
    timed = lost.by_time or lost.cause == "timeout"
    kind = FailureClass.TIMEOUT if timed else FailureClass.NETWORK
    return Failure(kind=kind, cause=lost.cause, detail=lost.detail, status=lost.status)


def _of_reply(
    job: Claimed, endpoint: AnyEndpoint, inputs: object, reply: Reply, rules: Rules
) -> Resolution:
    return _of_verdict(job, endpoint, inputs, reply, classify(reply), rules=rules)


def _of_verdict(
    job: Claimed,
    endpoint: AnyEndpoint,
    inputs: object,
    reply: Reply,
    verdict: Verdict,
    *,
    rules: Rules,
) -> Resolution:
    if verdict.action is Action.READ:
        asked = _asked(reply, rules)
        return _of_reading(job, endpoint, inputs, endpoint.read(inputs, reply), rules, asked=asked)
    failure = verdict.failure or Failure(kind=FailureClass.SERVER, cause="unknown")
    match verdict.action:
        case Action.UNUSABLE if not (endpoint.hold_in_doubt and failure.cause == "empty_answer"):
            return _unusable(job, Rejected(failure=failure), rules)
        case Action.DOUBT | Action.UNUSABLE:
            return _in_doubt(job, endpoint, inputs, failure, by_time=verdict.by_time, rules=rules)
        case Action.STOP_KEY | Action.STOP_CREDIT | Action.STOP_MODEL:
            return _stopping(job, verdict, failure, rules)
        case Action.FAIL if _has_other_name(failure, inputs):
            return Resolution(outcome=_try_again(job, failure, rules), wire=WireClass.REFUSED)
        case _:
            return _refused(job, verdict.action, failure, reply, rules)


def _has_other_name(failure: Failure, inputs: object) -> bool:
    """Was only the name of the picture's field wrong, and not yet tried the other way round?"""
    return failure.cause == IMAGE_FIELD and getattr(inputs, IMAGE_FIELD, "") == "auto"


def _refused(
    job: Claimed, action: Action, failure: Failure, reply: Reply, rules: Rules
) -> Resolution:
    """Complete, and no result: wait, try again, or fail the row."""
    if action is Action.WAIT:
        asked = _asked(reply, rules)
        seconds = backoff(2, chance=rules.chance) if asked is None else asked
        released = Released(delay=seconds, failure=failure)
        wait = Wait(seconds=seconds, asked=asked is not None)
        return Resolution(
            outcome=released, wire=WireClass.REFUSED, signal=Signal.SLOW_DOWN, wait=wait
        )
    if action is Action.RETRY:
        if reply.status < 300:  # from behind the gateway, which may have billed the call
            return Resolution(outcome=_once_more(job, failure, rules), wire=WireClass.UNUSABLE)
        again = _try_again(job, failure, rules, asked=_asked(reply, rules))
        return Resolution(outcome=again, wire=WireClass.REFUSED)
    return Resolution(outcome=GiveUp(failure=failure), wire=WireClass.REFUSED)


def _taken(ticket: Ticket, rules: Rules, *, asked: float | None) -> Resolution:
    """A task that was accepted. Its first picture takes longer than one rhythm of asking."""
    delay = POLL_SECONDS if asked is None else max(asked, LEAST_POLL_SECONDS)
    taken = Submitted(ticket=ticket.id, delay=delay, deadline=rules.now + TICKET_SECONDS)
    return Resolution(outcome=taken, wire=WireClass.ANSWERED, signal=Signal.GOOD)


def resolve_poll(
    job: Claimed, endpoint: AnyEndpoint, delivery: Delivery, rules: Rules
) -> Resolution:
    """What an answer to "is it done?" means. Asking is free; only the task's own record ends it."""
    if not isinstance(delivery, Reply):
        return _ask_later(job, rules, _unheard(delivery))
    verdict = classify(delivery)
    if verdict.action is not Action.READ or endpoint.read_poll is None:
        return _unread(job, verdict, delivery, rules)
    reading = endpoint.read_poll(delivery)
    asked = _asked(delivery, rules)
    if isinstance(reading, Rejected):
        return _of_failed_task(job, reading, rules, asked=asked)
    if not isinstance(reading, Result):
        return _ask_later(job, rules, None, after=asked)
    outcome: Outcome = Answered(result=reading) if endpoint.pictures else Finished(result=reading)
    return Resolution(outcome=outcome, wire=WireClass.ANSWERED, signal=Signal.GOOD)


def _of_failed_task(
    job: Claimed, rejected: Rejected, rules: Rules, *, asked: float | None
) -> Resolution:
    """The end of the task, unless it is unknown, or lacks only its picture: that may still come."""
    failure = rejected.failure
    if failure.kind is FailureClass.STUCK:
        return _unknown(job, rules, failure, after=asked)
    if failure.kind is FailureClass.FILE and job.attempts + 1 < rules.attempts:
        wait = _poll_wait(rules, asked)
        return Resolution(outcome=TryAgain(failure=failure, delay=wait), wire=WireClass.UNUSABLE)
    outcome = GiveUp(failure=failure, result=rejected.result)
    return Resolution(outcome=outcome, wire=WireClass.UNUSABLE, refunded=rejected.refunded)


def _unread(job: Claimed, verdict: Verdict, reply: Reply, rules: Rules) -> Resolution:
    """An answer that is no task's record: trouble of the moment, or nobody knows the task."""
    asked = _asked(reply, rules)
    if verdict.action is Action.WAIT and asked is not None:
        asked = max(asked, POLL_SECONDS)
    failure = verdict.failure
    refused = verdict.action in (Action.FAIL, Action.STOP_MODEL)
    if failure is not None and failure.cause == "redirect":
        refused = False  # a network's login page, as likely as a wrong address
    if failure is not None and (refused or failure.cause == "empty_answer"):
        return _unknown(job, rules, failure, after=asked)
    later = _ask_later(job, rules, failure, after=asked)
    if verdict.action is Action.STOP_KEY and not rules.key_good:
        return replace(later, signal=Signal.KEY)
    return later


def _unknown(job: Claimed, rules: Rules, failure: Failure, *, after: float | None) -> Resolution:
    """Nobody knows the task: not yet, or not with this key. No reason to submit it again."""
    submitted = rules.now if job.deadline is None else job.deadline - TICKET_SECONDS
    if rules.now < submitted + UNKNOWN_SECONDS:
        return _ask_later(job, rules, failure, after=after)
    stuck = replace(failure, kind=FailureClass.STUCK, cause="task_unknown")
    return Resolution(outcome=GiveUp(failure=stuck), wire=WireClass.UNUSABLE)


def _ask_later(
    job: Claimed, rules: Rules, failure: Failure | None, *, after: float | None = None
) -> Resolution:
    """Patience until the ticket's deadline; past it, a later run asks after it again."""
    if job.deadline is not None and rules.now > job.deadline:
        stuck = Failure(kind=FailureClass.STUCK, cause="deadline", detail=f"task {job.ticket}")
        return Resolution(outcome=GiveUp(failure=stuck), wire=WireClass.ANSWERED)
    wait = _poll_wait(rules, after)
    if failure is not None:
        return Resolution(outcome=Released(delay=wait, failure=failure), wire=WireClass.ANSWERED)
    return Resolution(
        outcome=Submitted(ticket=job.ticket or "", delay=wait), wire=WireClass.ANSWERED
    )


def _asked(reply: Reply, rules: Rules) -> float | None:
    return retry_after(reply.headers, status=reply.status, now=rules.now)


def _poll_wait(rules: Rules, asked: float | None) -> float:
    """Our own rhythm, spread a little, unless the server names its own."""
    if asked is not None:
        return max(asked, LEAST_POLL_SECONDS)
    return POLL_SECONDS * (1 + rules.chance / 4)


def _unheard(delivery: NotSent | Lost) -> Failure:
    return Failure(kind=FailureClass.NETWORK, cause=delivery.cause, detail=delivery.detail)


def _stopping(job: Claimed, verdict: Verdict, failure: Failure, rules: Rules) -> Resolution:
    if verdict.action is Action.STOP_KEY:
        if rules.key_good:  # the operator's own channel was refused, not this key
            return Resolution(outcome=_try_again(job, failure, rules), wire=WireClass.REFUSED)
        return Resolution(
            outcome=Released(delay=1.0, failure=failure), wire=WireClass.REFUSED, signal=Signal.KEY
        )
    if verdict.action is Action.STOP_CREDIT:
        return Resolution(
            outcome=Released(delay=1.0, failure=failure),
            wire=WireClass.REFUSED,
            signal=Signal.CREDIT,
        )
    if failure.cause == "redirect" and rules.answered and not rules.key_good:
        # It is a network's login page that sends elsewhere: it is asked who is there.
        return Resolution(
            outcome=Released(delay=1.0, failure=failure), wire=WireClass.REFUSED, signal=Signal.KEY
        )
    if failure.cause == "no_channel" and job.attempts + 1 < CHANNEL_PATIENCE:
        return Resolution(outcome=_try_again(job, failure, rules), wire=WireClass.REFUSED)
    return Resolution(outcome=GiveUp(failure=failure), wire=WireClass.REFUSED, signal=Signal.MODEL)


def _of_reading(
    job: Claimed,
    endpoint: AnyEndpoint,
    inputs: object,
    reading: object,
    rules: Rules,
    *,
    asked: float | None,
) -> Resolution:
    match reading:
        case Ticket():
            return _taken(reading, rules, asked=asked)
        case Result():
            outcome: Outcome = Finished(result=reading)
            if endpoint.pictures:
                outcome = Answered(result=reading)
            return Resolution(outcome=outcome, wire=WireClass.ANSWERED, signal=Signal.GOOD)
        case Rejected() if reading.failure.cause in DOUBTFUL:
            timed = reading.failure.cause == "gateway_timeout"
            return _in_doubt(job, endpoint, inputs, reading.failure, by_time=timed, rules=rules)
        case Rejected():
            return _unusable(job, reading, rules)
        case _:
            raise TypeError(f"{endpoint.name} read a {type(reading).__name__}")


def _unusable(job: Claimed, rejected: Rejected, rules: Rules) -> Resolution:
    """Complete, paid, and not what was asked: at most one repeat, and none where it cannot help."""
    failure, result = rejected.failure, rejected.result
    outcome: Outcome = GiveUp(failure=failure, result=result)
    if failure.kind not in FINAL_KINDS:
        outcome = _once_more(job, failure, rules, result=result)
    told = failure.kind in (FailureClass.REFUSED, FailureClass.BAD_INPUT)
    return Resolution(
        outcome=outcome, wire=WireClass.UNUSABLE, signal=Signal.NONE if told else Signal.USELESS
    )


def _once_more(
    job: Claimed, failure: Failure, rules: Rules, *, result: Result | None = None
) -> Outcome:
    """What was perhaps paid for is asked for once more, and no oftener."""
    if job.attempts > 0 or rules.attempts <= 1:
        return GiveUp(failure=failure, result=result)
    return TryAgain(failure=failure, delay=backoff(1, chance=rules.chance), result=result)


def _try_again(
    job: Claimed, failure: Failure, rules: Rules, *, asked: float | None = None
) -> Outcome:
    """After our own wait, or after the one that the server asked for where that is longer."""
    if job.attempts + 1 >= rules.attempts:
        return GiveUp(failure=failure)
    wait = max(backoff(job.attempts + 1, chance=rules.chance), asked or 0.0)
    return TryAgain(failure=failure, delay=wait)


def _in_doubt(
    job: Claimed,
    endpoint: AnyEndpoint,
    inputs: object,
    failure: Failure,
    *,
    by_time: bool,
    rules: Rules,
) -> Resolution:
    """It may have been billed: repeated once in a row's life where policy and budget allow."""
    held = rules.hold_in_doubt or endpoint.hold_in_doubt or not rules.repeat_left
    stream = job.stream
    if by_time:  # asking the same way again would be cut again; streaming keeps the line alive
        already = job.stream or bool(job.fields.get("stream"))
        held = held or already or not _can_stream(endpoint, inputs)
        stream = True
    if held or job.repeats >= 1:
        return Resolution(outcome=Held(failure=failure), wire=WireClass.IN_DOUBT)
    return Resolution(outcome=Repeat(failure=failure, stream=stream), wire=WireClass.IN_DOUBT)


def _can_stream(endpoint: AnyEndpoint, inputs: Any) -> bool:
    """Would asking for a stream bring one? Some models of an endpoint cannot."""
    if field_named(endpoint.inputs, "stream") is None:
        return False
    return endpoint.build(replace(inputs, stream=True)).stream


def after_death(endpoint: AnyEndpoint, rules: Rules) -> Resolution:
    """A call in flight when the process died: asked again, not counted as the one repeat."""
    failure = Failure(kind=FailureClass.NETWORK, cause="killed")
    if rules.hold_in_doubt or endpoint.hold_in_doubt:
        return Resolution(outcome=Held(failure=failure), wire=WireClass.IN_DOUBT)
    return Resolution(outcome=Released(delay=0.0, failure=failure), wire=WireClass.IN_DOUBT)
