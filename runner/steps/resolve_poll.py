"""Decides when to ask after a task, and what the answer means; asking is free."""

from dataclasses import replace

from jobs.job import Failure, FailureClass
from jobs.outcome import (
    Answered,
    Finished,
    GiveUp,
    Outcome,
    Released,
    Submitted,
    TryAgain,
    WireClass,
)
from jobs.result import Result
from runner.endpoints.endpoint import Reading, Rejected, Ticket
from runner.protocol.call import Delivery, Lost, NotSent, Reply
from runner.protocol.refusals import Action
from runner.protocol.task_life import TaskLife
from runner.protocol.verdict import Verdict, classify
from runner.steps.addresses import with_whole_addresses
from runner.steps.masking import masked
from runner.steps.resolution import JobContext, Resolution, Signal

POLL_SECONDS = 12.0  # New API refreshes its own copy of a task every 15 s
MIN_POLL_SECONDS = 0.2  # if a server asks to be polled sooner, in Retry-After
MAX_TASK_SECONDS = 65 * 60.0  # New API itself gives a task up after an hour
UNKNOWN_TASK_SECONDS = 120.0  # after its submit, during which a gateway may not know a task yet


def resolve_submit(context: JobContext, ticket: Ticket, reply: Reply) -> Resolution:
    """A task that was accepted. Its first picture takes longer than one poll interval."""
    asked, life = context.server_wait(reply), _life(context, ticket.id)
    delay = life.poll if asked is None else max(asked, MIN_POLL_SECONDS)
    deadline = context.rules.now + life.limit
    kept = context.rules.now + life.kept
    submitted = Submitted(ticket=ticket.id, delay=delay, deadline=deadline, asked_until=kept)
    return Resolution(outcome=submitted, wire=WireClass.ANSWERED, signal=Signal.GOOD)


def resolve_poll(context: JobContext, delivery: Delivery) -> Resolution:
    """What an answer about a task means. Only the task's own record ends it."""
    if not isinstance(delivery, Reply):
        return _ask_later(context, _no_answer(delivery))
    verdict, reading = classify(delivery), _record(context, delivery)
    # A record may report its task's failure in an `error` member: the record is no refusal.
    unknown = isinstance(reading, Rejected) and reading.failure.kind is FailureClass.STUCK
    if reading is None or (verdict.action is not Action.READ and unknown):
        return _unreadable(context, verdict, delivery)
    asked = context.server_wait(delivery)
    if isinstance(reading, Rejected):
        return _failed_task(context, reading, asked=asked)
    if isinstance(reading, Ticket):
        further = Submitted(ticket=reading.id, delay=MIN_POLL_SECONDS)
        return Resolution(outcome=further, wire=WireClass.ANSWERED)
    if not isinstance(reading, Result):
        return _ask_later(context, None, after=asked)
    result = with_whole_addresses(masked(reading), context.rules.base_url)
    outcome: Outcome = Answered(result=result) if result.pictures else Finished(result=result)
    return Resolution(outcome=outcome, wire=WireClass.ANSWERED, signal=Signal.GOOD)


def _record(context: JobContext, reply: Reply) -> Reading | None:
    """What the endpoint reads in an answer about a task; None for a reply without a record."""
    job, read = context.job, context.endpoint.read_poll
    if read is None or not 200 <= reply.status < 300 or not reply.body.strip():
        return None
    return read(context.inputs, job.ticket or "", reply)


def _life(context: JobContext, ticket: str) -> TaskLife:
    """How often the task is asked after, and how long."""
    life = context.endpoint.life
    usual = TaskLife(poll=POLL_SECONDS, limit=MAX_TASK_SECONDS)
    return usual if life is None else life(context.inputs, ticket)


def _failed_task(context: JobContext, rejected: Rejected, *, asked: float | None) -> Resolution:
    """The end of the task, unless it is unknown or lacks only its picture, which may still come."""
    failure, rules = rejected.failure, context.rules
    if failure.kind is FailureClass.STUCK:
        return _unknown_task(context, failure, after=asked)
    if failure.kind is FailureClass.FILE and context.job.attempts + 1 < rules.attempts:
        again = TryAgain(failure=failure, delay=_poll_wait(context, asked))
        return Resolution(outcome=again, wire=WireClass.UNUSABLE)
    outcome = GiveUp(failure=failure, result=rejected.result)
    return Resolution(outcome=outcome, wire=WireClass.UNUSABLE, refunded=rejected.refunded)


def _unreadable(context: JobContext, verdict: Verdict, reply: Reply) -> Resolution:
    """An answer that is no task's record: passing trouble, or a gateway without this task."""
    asked = context.server_wait(reply)
    if verdict.action is Action.WAIT and asked is not None:
        asked = max(asked, POLL_SECONDS)
    failure = verdict.failure
    refused = verdict.action in (Action.FAIL, Action.STOP_MODEL)
    if failure is not None and failure.cause == "redirect":
        refused = False  # a network's login page, as likely as a wrong address
    if failure is not None and (refused or failure.cause == "empty_answer"):
        return _unknown_task(context, failure, after=asked)
    later = _ask_later(context, failure, after=asked)
    if verdict.action is Action.STOP_KEY and not context.rules.key_good:
        return replace(later, signal=Signal.KEY)
    return later


def _unknown_task(context: JobContext, failure: Failure, *, after: float | None) -> Resolution:
    """The gateway does not know the task yet, or not with this key: no reason to submit again."""
    job, now = context.job, context.rules.now
    limit = _life(context, job.ticket or "").limit
    submitted = now if job.deadline is None else job.deadline - limit
    if now < submitted + UNKNOWN_TASK_SECONDS:
        return _ask_later(context, failure, after=after)
    stuck = replace(failure, kind=FailureClass.STUCK, cause="task_unknown")
    return Resolution(outcome=GiveUp(failure=stuck), wire=WireClass.UNUSABLE)


def _ask_later(
    context: JobContext, failure: Failure | None, *, after: float | None = None
) -> Resolution:
    """Poll again until the ticket's deadline; after that a later run asks again."""
    job, rules = context.job, context.rules
    if job.deadline is not None and rules.now > job.deadline:
        stuck = Failure(kind=FailureClass.STUCK, cause="deadline", detail=f"task {job.ticket}")
        return Resolution(outcome=GiveUp(failure=stuck), wire=WireClass.ANSWERED)
    wait = _poll_wait(context, after)
    outcome: Outcome = Submitted(ticket=job.ticket or "", delay=wait)
    if failure is not None:
        outcome = Released(delay=wait, failure=failure)
    return Resolution(outcome=outcome, wire=WireClass.ANSWERED)


def _poll_wait(context: JobContext, asked: float | None) -> float:
    """Our own interval, slightly spread, unless the server names its own."""
    if asked is not None:
        return max(asked, MIN_POLL_SECONDS)
    life = _life(context, context.job.ticket or "")
    return life.poll * (1 + context.rules.chance / 4)


def _no_answer(delivery: NotSent | Lost) -> Failure:
    return Failure(kind=FailureClass.NETWORK, cause=delivery.cause, detail=delivery.detail)
