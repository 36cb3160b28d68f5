"""A person's decisions about rows: run them again, skip them, run only some."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    false,
    func,
    not_,
    null,
    or_,
    select,
    update,
)

from jobs.claimed import Holding
from jobs.job import PASSING, RETRIABLE, FailureClass, State, Step
from jobs.outcome import WireClass
from jobs.store.queue.blocked_models import NOT_BLOCKED, Block, block_parameters
from jobs.store.queue.order import AFTER_ALL, LAST_RANK, RANK_SPAN
from jobs.store.queue.put_back import IDS_IN_ONE_STATEMENT
from jobs.store.queue.waits import PATIENCE_SECONDS
from jobs.store.schema import calls, jobs, rows
from jobs.store.spans import within


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice:
    """Rows chosen by number, key or failure class; None does not restrict."""

    positions: Collection[tuple[int, int]] | None = None  # spans, both ends included
    keys: Collection[str] = ()
    classes: Collection[FailureClass] | None = None
    in_doubt: bool = False  # rows in doubt too
    requeued: bool = False  # only rows that a retry put back and that have not ended since


def chosen(sheet_id: int, choice: RowChoice) -> ColumnElement[bool]:
    """True for the jobs of listed rows that the choice names."""
    conditions: list[ColumnElement[bool]] = [jobs.c.batch_id == sheet_id, jobs.c.listed]
    named: list[ColumnElement[bool]] = []
    if choice.positions is not None:
        named.append(within(jobs.c.position, choice.positions))
    if choice.keys:
        by_key = select(rows.c.job_id).where(
            rows.c.batch_id == sheet_id, rows.c.key.in_(list(choice.keys))
        )
        named.append(jobs.c.id.in_(by_key))
    if choice.positions is not None or choice.keys:
        conditions.append(or_(false(), *named))
    if choice.requeued:
        conditions.append(jobs.c.requeued)
    return and_(*conditions)


def _failed(choice: RowChoice) -> ColumnElement[bool]:
    classes = RETRIABLE if choice.classes is None else choice.classes
    states: list[ColumnElement[bool]] = [
        and_(
            jobs.c.state == State.FAILED.value,
            jobs.c.kind.in_(sorted(kind.value for kind in classes)),
        )
    ]
    if choice.in_doubt:
        states.append(jobs.c.state == State.IN_DOUBT.value)
    return or_(*states)


_IS_EMPTY = and_(jobs.c.state == State.SKIPPED.value, func.coalesce(jobs.c.cause, "") == "empty")
"""A row that has nothing to send: it runs once it is filled in, which makes another job of it."""


def retry(connection: Connection, sheet_id: int, choice: RowChoice, *, now: float) -> int:
    """Put failed rows back to the step at which they failed; returns how many."""
    wanted = and_(chosen(sheet_id, choice), _failed(choice))
    return connection.execute(update(jobs).where(wanted).values(**_requeued(now))).rowcount


def put_back(connection: Connection, requeued: Mapping[int, bool], *, now: float) -> int:
    """Make jobs ready again, without a failure, that were not at fault; returns how many.

    Those that a retry had put back (True, by job id) still belong to it.
    """
    open_or_failed = jobs.c.state.in_([State.FAILED.value, State.READY.value])
    count = 0
    for of_retry in (False, True):
        mine = [number for number, value in requeued.items() if value is of_retry]
        wanted = and_(jobs.c.id.in_(mine), open_or_failed)
        values = fresh_start(now) | ({"requeued": True} if of_retry else {})
        count += connection.execute(update(jobs).where(wanted).values(**values)).rowcount
    return count


def retry_named(connection: Connection, sheet_id: int, choice: RowChoice, *, now: float) -> int:
    """Put back rows that a person named: failed, in doubt or skipped; returns how many."""
    closed = jobs.c.state.in_([State.FAILED.value, State.IN_DOUBT.value, State.SKIPPED.value])
    wanted = and_(chosen(sheet_id, choice), closed, not_(_IS_EMPTY))
    return connection.execute(update(jobs).where(wanted).values(**_requeued(now))).rowcount


def _requeued(now: float) -> dict[str, object]:
    return fresh_start(now) | {"requeued": True}


def again(connection: Connection, sheet_id: int, choice: RowChoice, *, now: float) -> int:
    """A new generation, also of done rows; the old one stays as a version. Returns how many.

    A failed row whose answer is paid for lacks only its files: unless its class is named it stays
    as it is, for `retry_named` to put back to its download.
    """
    closed = jobs.c.state.in_(
        [State.DONE.value, State.FAILED.value, State.IN_DOUBT.value, State.SKIPPED.value]
    )
    lacks_files = and_(jobs.c.state == State.FAILED.value, jobs.c.step == Step.FETCH.value)
    kind = not_(lacks_files) if choice.classes is None else _failed(choice)
    wanted = and_(chosen(sheet_id, choice), closed, kind, not_(_IS_EMPTY))
    new_version = {
        "version": jobs.c.version + 1,
        "step": Step.SEND.value,
        "ticket": None,
        "deadline": None,
        "turn": jobs.c.position,
        "repeats": 0,
    }
    changed = update(jobs).where(wanted).values(**(_requeued(now) | new_version))
    return connection.execute(changed).rowcount


ANSWERABLE = (FailureClass.STUCK, FailureClass.FILE, FailureClass.CRASHED)
"""Poll failures after which a task may still be going on; any other ends it."""


def _task_ended() -> ColumnElement[bool]:
    """True if the provider reported that this job's task failed: polling again cannot help.

    A row of a provider batch has no ticket: it was answered once and for all.
    """
    kinds = [kind.value for kind in ANSWERABLE]
    return and_(
        jobs.c.state == State.FAILED.value,
        jobs.c.step == Step.POLL.value,
        or_(jobs.c.kind.not_in(kinds), jobs.c.ticket.is_(None)),
    )


def ask_again(connection: Connection, sheet_id: int, *, now: float) -> int:
    """Poll again the tickets that an earlier run gave up on, for a while; returns how many."""
    wanted = and_(
        jobs.c.batch_id == sheet_id,
        jobs.c.state == State.FAILED.value,
        jobs.c.step == Step.POLL.value,
        jobs.c.kind == FailureClass.STUCK.value,
    )
    return connection.execute(update(jobs).where(wanted).values(**fresh_start(now))).rowcount


def fresh_start(now: float) -> dict[str, object]:
    """Put a job back to the step at which it failed; only a failed task is resubmitted."""
    over = _task_ended()
    at_send = or_(jobs.c.step == Step.SEND.value, over)
    later = or_(jobs.c.deadline.is_(None), jobs.c.deadline < now + PATIENCE_SECONDS)
    return {
        "state": State.READY.value,
        "step": case((over, Step.SEND.value), else_=jobs.c.step),
        "ticket": case((over, null()), else_=jobs.c.ticket),
        "deadline": case(
            (over, null()),
            (and_(jobs.c.step == Step.POLL.value, later), now + PATIENCE_SECONDS),
            else_=jobs.c.deadline,
        ),
        "rank": 0,
        "turn": case((at_send, jobs.c.position), else_=now),
        "not_before": 0.0,
        "attempts": 0,
        "deaths": 0,
        "call_key": None,
        "kind": None,
        "cause": None,
        "detail": None,
        "refusals": 0,
        "updated_at": now,
    }


def suspects_too(connection: Connection, sheet_id: int, *, now: float) -> int:
    """Make the jobs due that waited until nothing else was left; returns how many."""
    waiting = and_(
        jobs.c.batch_id == sheet_id,
        jobs.c.state == State.READY.value,
        jobs.c.not_before == AFTER_ALL,
    )
    return connection.execute(update(jobs).where(waiting).values(not_before=now)).rowcount


def one_more_pass(
    connection: Connection,
    holding: Holding,
    *,
    now: float,
    blocked: Collection[Block] = (),
) -> int:
    """Put back what failed in this run for a passing reason, after all else; returns how many.

    Rows of blocked models stay failed, since they would not be sent. So do rows whose answer was
    billed and unusable twice: one repeat is enough.
    """
    bought = (
        exists()
        .where(calls.c.id == jobs.c.call_id, calls.c.wire == WireClass.UNUSABLE.value)
        .correlate(jobs)
    )
    wanted = and_(
        jobs.c.batch_id == holding.sheet_id,
        jobs.c.listed,
        jobs.c.state == State.FAILED.value,
        jobs.c.kind.in_(sorted(kind.value for kind in PASSING)),
        jobs.c.rank < LAST_RANK,
        jobs.c.settled_by == holding.run_id,
        not_(_task_ended()),
        or_(jobs.c.step != Step.SEND.value, and_(NOT_BLOCKED, ~bought)),
    )
    values = fresh_start(now) | {
        "rank": LAST_RANK,
        "attempts": jobs.c.attempts,
        "refusals": jobs.c.refusals,
    }
    values["deadline"] = jobs.c.deadline
    values["turn"] = case(
        (jobs.c.step == Step.SEND.value, jobs.c.position + LAST_RANK * RANK_SPAN), else_=now
    )
    again = update(jobs).where(wanted).values(**values)
    return connection.execute(again, block_parameters(blocked)).rowcount


def skip(connection: Connection, sheet_id: int, choice: RowChoice, *, now: float) -> int:
    """Skip rows: failed, in doubt or not begun; returns how many."""
    return connection.execute(
        update(jobs)
        .where(_closable(sheet_id, choice))
        .values(state=State.SKIPPED.value, updated_at=now)
    ).rowcount


def to_skip(connection: Connection, sheet_id: int, choice: RowChoice) -> dict[str, int]:
    """How many rows `skip` would close, by failure class, `in_doubt` or `pending`."""
    place = case(
        (jobs.c.state == State.FAILED.value, jobs.c.kind),
        (jobs.c.state == State.IN_DOUBT.value, State.IN_DOUBT.value),
        else_="pending",
    )
    found = connection.execute(
        select(place, func.count()).where(_closable(sheet_id, choice)).group_by(place)
    )
    return {str(name): int(count) for name, count in found}


def _closable(sheet_id: int, choice: RowChoice) -> ColumnElement[bool]:
    open_states = [State.FAILED.value, State.IN_DOUBT.value, State.READY.value]
    wanted = and_(chosen(sheet_id, choice), jobs.c.state.in_(open_states))
    return wanted if choice.classes is None else and_(wanted, _failed(choice))


def select_rows(connection: Connection, sheet_id: int, choice: RowChoice, *, run_id: int) -> int:
    """Select the ready rows of a choice for this run, before all others; returns how many."""
    wanted = and_(chosen(sheet_id, choice), _sendable())
    return connection.execute(
        update(jobs).where(wanted).values(selection=run_id, turn=jobs.c.position - RANK_SPAN)
    ).rowcount


def select_first(
    connection: Connection,
    sheet_id: int,
    count: int,
    *,
    run_id: int,
    choice: RowChoice = RowChoice(),
) -> int:
    """Select the next `count` ready rows of a choice for this run; returns how many."""
    first = (
        select(jobs.c.id)
        .where(chosen(sheet_id, choice), _sendable())
        .order_by(jobs.c.turn)
        .limit(count)
    )
    return connection.execute(
        update(jobs).where(jobs.c.id.in_(first)).values(selection=run_id)
    ).rowcount


def select_jobs(connection: Connection, sheet_id: int, ids: Collection[int], *, run_id: int) -> int:
    """Select these ready jobs for this run, before all others; returns how many."""
    marked, every = 0, list(ids)
    for start in range(0, len(every), IDS_IN_ONE_STATEMENT):
        some = every[start : start + IDS_IN_ONE_STATEMENT]
        wanted = and_(jobs.c.batch_id == sheet_id, jobs.c.id.in_(some), _sendable())
        mine = {"selection": run_id, "turn": jobs.c.position - RANK_SPAN}
        marked += connection.execute(update(jobs).where(wanted).values(**mine)).rowcount
    return marked


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A row that may be sent, as choosing a few of them needs it."""

    id: int
    endpoint: str
    model: str
    length: int  # of its fields


def candidates(
    connection: Connection,
    sheet_id: int,
    *,
    positions: Collection[tuple[int, int]] | None = None,
    requeued: bool = False,
    limit: int | None = None,
) -> Iterator[Candidate]:
    """The rows that could be sent now, in order; read them while the connection is open."""
    wanted = and_(chosen(sheet_id, RowChoice(positions=positions, requeued=requeued)), _sendable())
    length = func.length(jobs.c.fields)
    found = select(jobs.c.id, jobs.c.endpoint, jobs.c.model, length)
    rows_ = connection.execute(found.where(wanted).order_by(jobs.c.turn).limit(limit))
    for number, endpoint, model, size in rows_:
        yield Candidate(id=number, endpoint=endpoint, model=model, length=size)


def unselect(connection: Connection, sheet_id: int) -> None:
    """Return rows that earlier runs selected to their place in the sheet."""
    connection.execute(
        update(jobs)
        .where(jobs.c.batch_id == sheet_id, _sendable(), jobs.c.turn < 0)
        .values(turn=jobs.c.position + jobs.c.rank * RANK_SPAN, selection=None)
    )


def _sendable() -> ColumnElement[bool]:
    return and_(jobs.c.state == State.READY.value, jobs.c.step == Step.SEND.value, jobs.c.listed)
