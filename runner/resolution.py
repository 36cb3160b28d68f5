"""What a delivery means for its job: one pure decision, the same live and after a death."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from jobs.job import Claimed, Failure, FailureClass
from jobs.outcome import (
    Answered,
    Finished,
    GiveUp,
    Held,
    Outcome,
    Released,
    Repeat,
    Result,
    Submitted,
    TryAgain,
)
from runner.endpoint import AnyEndpoint, Rejected, Ticket
from runner.inputs import field_named
from runner.retry import backoff, retry_after
from runner.verdict import Action, Verdict, judge
from runner.wire import Delivery, Lost, NotSent, Reply

DOUBTFUL = frozenset({"cut_stream", "bad_gateway", "gateway_timeout", "answer_lost_upstream"})
"""Causes that leave it open whether the answer was billed, also when they stand inside a 200."""
POLL_SECONDS = 12.0  # New API refreshes its own copy of a task every 15 s
TICKET_SECONDS = 65 * 60.0  # New API itself gives a task up after an hour
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
    chance: float = 0.5
    now: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The job's outcome, the wire's class (A–E), and what the run should know."""

    outcome: Outcome
    wire: str
    signal: Signal = Signal.NONE
    pause: float = 0.0  # seconds the whole account should be quiet


def resolve(
    job: Claimed, endpoint: AnyEndpoint, inputs: object, delivery: Delivery, rules: Rules
) -> Resolution:
    """Decide. `inputs` are the endpoint's own, parsed from the job's fields."""
    match delivery:
        case NotSent():
            failure = Failure(
                kind=FailureClass.NETWORK, cause=delivery.cause, detail=delivery.detail
            )
            wait = backoff(1, chance=rules.chance)
            return Resolution(
                outcome=Released(delay=wait, failure=failure),
                wire="A",
                signal=Signal.OFFLINE,
                pause=wait,
            )
        case Lost():
            return _in_doubt(job, endpoint, _loss(delivery), by_time=delivery.by_time, rules=rules)
        case Reply():
            return _of_reply(job, endpoint, inputs, delivery, rules)
        case _:
            assert_never(delivery)


def _loss(lost: Lost) -> Failure:
    timed = lost.by_time or lost.cause == "timeout"
    kind = FailureClass.TIMEOUT if timed else FailureClass.NETWORK
    return Failure(kind=kind, cause=lost.cause, detail=lost.detail, status=lost.status)


def _of_reply(
    job: Claimed, endpoint: AnyEndpoint, inputs: object, reply: Reply, rules: Rules
) -> Resolution:
    verdict = judge(reply)
    if verdict.action is Action.READ:
        return _of_reading(job, endpoint, endpoint.read(inputs, reply), rules)
    failure = verdict.failure or Failure(kind=FailureClass.SERVER, cause="unknown")
    match verdict.action:
        case Action.WAIT:
            asked = retry_after(reply.headers, status=reply.status, now=rules.now)
            wait = backoff(2, chance=rules.chance) if asked is None else asked
            outcome: Outcome = Released(delay=wait, failure=failure)
            return Resolution(outcome=outcome, wire="B", signal=Signal.SLOW_DOWN, pause=wait)
        case Action.RETRY:
            # An error under a 200 comes from behind the gateway, which may have billed the call.
            wire = "E" if reply.status < 300 else "B"
            return Resolution(outcome=_try_again(job, failure, rules), wire=wire)
        case Action.DOUBT:
            return _in_doubt(job, endpoint, failure, by_time=verdict.by_time, rules=rules)
        case Action.UNUSABLE:
            return _unusable(job, Rejected(failure=failure), rules)
        case Action.FAIL:
            return Resolution(outcome=GiveUp(failure=failure), wire="B")
        case Action.STOP_KEY | Action.STOP_CREDIT | Action.STOP_MODEL:
            return _stopping(job, verdict, failure, rules)
        case _:
            assert_never(verdict.action)


def resolve_poll(
    job: Claimed, endpoint: AnyEndpoint, delivery: Delivery, rules: Rules
) -> Resolution:
    """What an answer to "is it done?" means. Asking is free: it costs no attempt, whatever comes."""
    late = job.deadline is not None and rules.now > job.deadline
    if not isinstance(delivery, Reply):
        return _ask_later(job, rules, _unheard(delivery), late=late)
    verdict = judge(delivery)
    if verdict.action in (Action.FAIL, Action.STOP_MODEL) and verdict.failure is not None:
        return Resolution(outcome=GiveUp(failure=verdict.failure), wire="B")
    if verdict.action is not Action.READ or endpoint.read_poll is None:
        asked = retry_after(delivery.headers, status=delivery.status, now=rules.now)
        return _ask_later(job, rules, verdict.failure, late=late, after=asked)
    match endpoint.read_poll(delivery):
        case Result() as result:
            outcome: Outcome = (
                Answered(result=result) if endpoint.pictures else Finished(result=result)
            )
            return Resolution(outcome=outcome, wire="C", signal=Signal.GOOD)
        case Rejected() as rejected:
            gone = GiveUp(failure=rejected.failure, result=rejected.result)
            return Resolution(outcome=gone, wire="E")
        case _:
            return _ask_later(job, rules, None, late=late)


def _ask_later(
    job: Claimed, rules: Rules, failure: Failure | None, *, late: bool, after: float | None = None
) -> Resolution:
    """Patience until the ticket's deadline; a ticket past it is asked after again by a later run."""
    if late:
        stuck = Failure(kind=FailureClass.STUCK, cause="deadline", detail=f"task {job.ticket}")
        return Resolution(outcome=GiveUp(failure=stuck), wire="C")
    wait = POLL_SECONDS * (1 + rules.chance / 4) if after is None else max(after, POLL_SECONDS)
    if failure is not None:
        return Resolution(outcome=Released(delay=wait, failure=failure), wire="C")
    return Resolution(outcome=Submitted(ticket=job.ticket or "", delay=wait), wire="C")


def _unheard(delivery: NotSent | Lost) -> Failure:
    return Failure(kind=FailureClass.NETWORK, cause=delivery.cause, detail=delivery.detail)


def _stopping(job: Claimed, verdict: Verdict, failure: Failure, rules: Rules) -> Resolution:
    if verdict.action is Action.STOP_KEY:
        if rules.key_good:  # the operator's own channel was refused, not this key
            return Resolution(outcome=_try_again(job, failure, rules), wire="B")
        return Resolution(outcome=Released(delay=1.0, failure=failure), wire="B", signal=Signal.KEY)
    if verdict.action is Action.STOP_CREDIT:
        return Resolution(
            outcome=Released(delay=1.0, failure=failure), wire="B", signal=Signal.CREDIT
        )
    if failure.cause == "no_channel" and job.attempts + 1 < CHANNEL_PATIENCE:
        return Resolution(outcome=_try_again(job, failure, rules), wire="B")
    return Resolution(outcome=GiveUp(failure=failure), wire="B", signal=Signal.MODEL)


def _of_reading(job: Claimed, endpoint: AnyEndpoint, reading: object, rules: Rules) -> Resolution:
    match reading:
        case Result():
            outcome: Outcome = Finished(result=reading)
            if endpoint.pictures:
                outcome = Answered(result=reading)
            return Resolution(outcome=outcome, wire="C", signal=Signal.GOOD)
        case Ticket():
            taken = Submitted(
                ticket=reading.id, delay=POLL_SECONDS, deadline=rules.now + TICKET_SECONDS
            )
            return Resolution(outcome=taken, wire="C", signal=Signal.GOOD)
        case Rejected() if reading.failure.cause in DOUBTFUL:
            timed = reading.failure.cause == "gateway_timeout"
            return _in_doubt(job, endpoint, reading.failure, by_time=timed, rules=rules)
        case Rejected():
            return _unusable(job, reading, rules)
        case _:
            raise TypeError(f"{endpoint.name} read a {type(reading).__name__}")


def _unusable(job: Claimed, rejected: Rejected, rules: Rules) -> Resolution:
    """Complete, paid, and not what was asked: at most one repeat, and none where it cannot help."""
    failure, result = rejected.failure, rejected.result
    if failure.kind in FINAL_KINDS or job.attempts > 0 or rules.attempts <= 1:
        outcome: Outcome = GiveUp(failure=failure, result=result)
    else:
        wait = backoff(1, chance=rules.chance)
        outcome = TryAgain(failure=failure, delay=wait, result=result)
    told = failure.kind in (FailureClass.REFUSED, FailureClass.BAD_INPUT)
    return Resolution(outcome=outcome, wire="E", signal=Signal.NONE if told else Signal.USELESS)


def _try_again(job: Claimed, failure: Failure, rules: Rules) -> Outcome:
    if job.attempts + 1 >= rules.attempts:
        return GiveUp(failure=failure)
    return TryAgain(failure=failure, delay=backoff(job.attempts + 1, chance=rules.chance))


def _in_doubt(
    job: Claimed, endpoint: AnyEndpoint, failure: Failure, *, by_time: bool, rules: Rules
) -> Resolution:
    """It may have been billed: repeated once in a row's life where the policy and the budget allow."""
    held = rules.hold_in_doubt or endpoint.hold_in_doubt or not rules.repeat_left
    stream = job.stream
    if by_time:  # asking the same way again would be cut again; streaming keeps the line alive
        can_stream = field_named(endpoint.inputs, "stream") is not None
        already = job.stream or bool(job.fields.get("stream"))
        held = held or already or not can_stream
        stream = True
    if held or job.repeats >= 1:
        return Resolution(outcome=Held(failure=failure), wire="D")
    return Resolution(outcome=Repeat(failure=failure, stream=stream), wire="D")


def after_death(job: Claimed, endpoint: AnyEndpoint, rules: Rules) -> Resolution:
    """A call that was in flight when the process died: asked again, not counted as the one repeat."""
    failure = Failure(kind=FailureClass.NETWORK, cause="killed")
    if rules.hold_in_doubt or endpoint.hold_in_doubt:
        return Resolution(outcome=Held(failure=failure), wire="D")
    return Resolution(outcome=Released(delay=0.0, failure=failure), wire="D")
