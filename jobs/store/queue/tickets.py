"""Tickets belong to calls: what is still asked after, what it took, and what succeeds late."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true, update

from jobs.claimed import Claimed, Holding
from jobs.job import State, Step
from jobs.outcome import LATE_TRANSITIONS, Answered, Finished, Outcome, Submitted
from jobs.store.queue.claims import TAKEN, as_claimed
from jobs.store.schema import attempts, calls, jobs
from jobs.store.statements import BulkStatement, given

_TICKET = given("call", "ticket", "until")
_KEEP_TICKET = BulkStatement(
    _TICKET,
    update(calls)
    .where(calls.c.id == _TICKET.c.call)
    .values(ticket=_TICKET.c.ticket, asked_until=_TICKET.c.until),
)


_PRICE = given("call", "cost", "currency", "estimated")
_SET_PRICE = BulkStatement(
    _PRICE,
    update(calls)
    .where(calls.c.id == _PRICE.c.call)
    .values(cost=_PRICE.c.cost, currency=_PRICE.c.currency, estimated=_PRICE.c.estimated),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePrice:
    """What a task really took, as its provider says; `before` is what the call counted until now.

    `ceiling` is what counted against the cap where `before` is unknown.
    """

    amount: float
    currency: str
    estimated: bool = False
    before: float | None = None
    ceiling: float | None = None

    @property
    def more(self) -> float:
        """By how much it counts more against the cap."""
        counted = self.ceiling or 0.0 if self.before is None else self.before
        return self.amount - counted


def keep_tickets(connection: Connection, settled: Iterable[tuple[Claimed, Outcome]]) -> None:
    """Write down the tickets that submits brought, each until when it is asked after."""
    rows = [
        {"call": job.call_id, "ticket": outcome.ticket, "until": outcome.asked_until}
        for job, outcome in settled
        if isinstance(outcome, Submitted) and outcome.asked_until is not None
    ]
    if rows:
        _KEEP_TICKET.run(connection, rows)


def settle_tasks(
    connection: Connection,
    settled: Iterable[tuple[Claimed, Outcome, float | None, TruePrice | None]],
) -> None:
    """What polls came to: a success ends its ticket, a refund or a true price corrects its call."""
    polled = [one for one in settled if one[0].step is Step.POLL]
    done = [job.call_id for job, outcome, *_ in polled if isinstance(outcome, Answered | Finished)]
    free = [job.call_id for job, _, refund, _ in polled if refund is not None]
    if done:
        connection.execute(update(calls).where(calls.c.id.in_(done)).values(asked_until=None))
    if free:
        connection.execute(update(calls).where(calls.c.id.in_(free)).values(cost=0.0))
    priced = [
        {
            "call": job.call_id,
            "cost": price.amount,
            "currency": price.currency,
            "estimated": price.estimated or None,
        }
        for job, _, _, price in polled
        if price is not None
    ]
    if priced:
        _SET_PRICE.run(connection, priced)


def price_before(connection: Connection, call_id: int) -> tuple[float | None, float | None]:
    """Cost and ceiling of a call as they are recorded."""
    found = connection.execute(
        select(calls.c.cost, calls.c.ceiling).where(calls.c.id == call_id)
    ).one()
    return found.cost, found.ceiling


# --- tasks that may succeed late ----------------------------------------------------------------


def late_tickets(
    connection: Connection, sheet_id: int, *, now: float, to_be_sent: bool = False, limit: int = 500
) -> list[Claimed]:
    """The tickets that no job waits for, newest first: as jobs at the poll of their own call.

    `to_be_sent` takes only those whose job is about to be sent again.
    """
    found = connection.execute(
        _late(sheet_id, now, to_be_sent=to_be_sent).order_by(calls.c.id.desc()).limit(limit)
    ).all()
    return [_as_polled(row) for row in found]


def count_late(connection: Connection, sheet_id: int, *, now: float) -> int:
    """How many such tickets there are."""
    late = _late(sheet_id, now, to_be_sent=False).subquery()
    return connection.execute(select(func.count()).select_from(late)).scalar_one()


def _late(sheet_id: int, now: float, *, to_be_sent: bool) -> Select[tuple[object, ...]]:
    mine = attempts.c.call_id == jobs.c.call_id
    at_work = and_(mine, jobs.c.step != Step.SEND.value, jobs.c.state != State.FAILED.value)
    sending = and_(jobs.c.state == State.READY.value, jobs.c.step == Step.SEND.value)
    wanted: ColumnElement[bool] = sending if to_be_sent else true()
    return (
        select(
            *TAKEN,
            calls.c.id.label("of_call"),
            calls.c.call_key.label("of_key"),
            calls.c.ticket.label("of_ticket"),
            attempts.c.version.label("of_version"),
        )
        .select_from(calls)
        .join(attempts, attempts.c.call_id == calls.c.id)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(
            calls.c.asked_until > now,
            calls.c.ticket.is_not(None),
            jobs.c.batch_id == sheet_id,
            jobs.c.state != State.RUNNING.value,
            or_(~at_work, jobs.c.call_id.is_(None)),
            wanted,
        )
    )


def _as_polled(row: object) -> Claimed:
    job = as_claimed(row, call_id=row.of_call, call_key=row.of_key)  # type: ignore[attr-defined]
    return replace(
        job,
        step=Step.POLL,
        ticket=row.of_ticket,  # type: ignore[attr-defined]  # labels of the select
        version=row.of_version,  # type: ignore[attr-defined]
    )


def take_over(connection: Connection, holding: Holding, job: Claimed, *, now: float) -> str | None:
    """Give a late success to its job: "result", or "version" if the job has another.

    None: somebody works on the job just now, or has taken it over already; nothing is written.
    """
    current = connection.execute(
        select(jobs.c.state, jobs.c.step, jobs.c.epoch, jobs.c.version).where(jobs.c.id == job.id)
    ).one()
    if State(current.state) is State.RUNNING:
        return None
    ended = update(calls).where(calls.c.id == job.call_id, calls.c.asked_until.is_not(None))
    if not connection.execute(ended.values(asked_until=None)).rowcount:
        return None
    following = LATE_TRANSITIONS.get(State(current.state))
    has_other = current.step == Step.FETCH.value and current.state == State.READY.value
    if following is None or has_other or current.version != job.version:
        return "version"
    taken = connection.execute(
        update(jobs)
        .where(
            jobs.c.id == job.id,
            jobs.c.state == current.state,
            jobs.c.epoch == current.epoch,
        )
        .values(
            state=following.value,
            step=Step.FETCH.value,
            epoch=jobs.c.epoch + 1,
            owner=None,
            call_id=job.call_id,
            ticket=job.ticket,
            call_key=None,
            kind=None,
            cause=None,
            detail=None,
            requeued=False,
            updated_at=now,
            settled_by=holding.run_id,
        )
    ).rowcount
    return "result" if taken else "version"
