"""Applies a staged sheet: adds jobs, points rows at them, parks jobs without a row."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)

from jobs.job import State, Step
from jobs.store.queue.order import RANK_SPAN
from jobs.store.schema import jobs, rows
from jobs.store.staging.incoming import HIDDEN, StagingTarget, any_jobs, incoming, pair, pairs
from jobs.store.staging.lines import StagedColumns, job_values, remember, row_values
from jobs.store.staging.plan import gone


def apply_load(beside: StagingTarget, *, now: float, sheet: dict[str, Any]) -> None:
    """Change the table to match the staged sheet, and record the sheet."""
    connection = beside.connection
    if any_jobs(beside):
        _number_new_jobs(beside)
        there = exists(select(literal(1)).where(jobs.c.id == incoming.c.job_id))
        _add_jobs(beside, incoming.c.job_id, not_(there), now=now)
        _point_known_rows(beside)
        known = and_(rows.c.batch_id == beside.sheet_id, rows.c.key == incoming.c.key)
        _add_rows(beside, incoming.c.job_id, not_(exists(select(literal(1)).where(known))))
        connection.execute(update(rows).values(parked=True).where(*gone(beside)))
        _park_jobs(beside, now=now)
        _move_jobs(connection)
        _hide_jobs(connection, now=now)
    else:
        number = incoming.c.position + _last_job(connection)  # of other sheets in the same table
        _add_jobs(beside, number, true(), now=now)
        _add_rows(beside, number, true())
    remember(connection, beside.sheet_id, sheet, now=now)


def _last_job(connection: Connection) -> int:
    last = select(func.coalesce(func.max(jobs.c.id), 0))
    return int(connection.execute(last).scalar_one())


def _number_new_jobs(beside: StagingTarget) -> None:
    """Give every row without a job the id of the job that will be created for it."""
    connection = beside.connection
    start = _last_job(connection)
    pair(
        connection,
        select(
            incoming.c.position,
            start + func.row_number().over(order_by=incoming.c.position),
        ).where(incoming.c.job_id.is_(None)),
    )
    used = (
        select(func.max(jobs.c.occurrence))
        .where(jobs.c.batch_id == beside.sheet_id, jobs.c.digest == incoming.c.digest)
        .scalar_subquery()
    )
    connection.execute(
        update(incoming)
        .values(
            job_id=pairs.c.value,
            occurrence=incoming.c.occurrence + func.coalesce(used + 1, 0),
        )
        .where(incoming.c.position == pairs.c.position)
    )


def _line(number: ColumnElement[int]) -> StagedColumns:
    return StagedColumns(
        number=number,
        position=incoming.c.position,
        key=incoming.c.key,
        digest=incoming.c.digest,
        occurrence=incoming.c.occurrence,
        endpoint=incoming.c.endpoint,
        model=incoming.c.model,
        fields=incoming.c.fields,
        cells=incoming.c.cells,
        problem=incoming.c.problem,
        skip=incoming.c.skip,
    )


def _add_jobs(
    beside: StagingTarget, number: ColumnElement[int], wanted: ColumnElement[bool], *, now: float
) -> None:
    values = job_values(_line(number), sheet_id=beside.sheet_id, now=now)
    made = select(*values.values()).where(wanted).order_by(incoming.c.position)
    beside.connection.execute(insert(jobs).from_select(list(values), made))


def _add_rows(
    beside: StagingTarget, number: ColumnElement[int], wanted: ColumnElement[bool]
) -> None:
    last = select(func.coalesce(func.max(rows.c.id), 0))
    start = beside.connection.execute(last).scalar_one()
    values = row_values(_line(number), row_id=start + incoming.c.position, sheet_id=beside.sheet_id)
    fresh = select(*values.values()).where(wanted).order_by(incoming.c.position)
    beside.connection.execute(insert(rows).from_select(list(values), fresh))


def _point_known_rows(beside: StagingTarget) -> None:
    known = and_(rows.c.batch_id == beside.sheet_id, rows.c.key == incoming.c.key)
    differs = or_(
        rows.c.position != incoming.c.position,
        rows.c.cells != incoming.c.cells,
        rows.c.job_id != incoming.c.job_id,
        rows.c.parked,
    )
    beside.connection.execute(
        update(rows)
        .values(
            position=incoming.c.position,
            cells=incoming.c.cells,
            job_id=incoming.c.job_id,
            parked=False,
        )
        .where(known, differs)
    )


def _park_jobs(beside: StagingTarget, *, now: float) -> None:
    """Unlist jobs without a row, and park them if unsent; list them again if a row returned."""
    used = exists(select(literal(1)).where(rows.c.job_id == jobs.c.id, not_(rows.c.parked)))
    unsent = jobs.c.step == Step.SEND.value
    for listed, before, after, wanted in (
        (False, State.READY.value, State.PARKED.value, not_(used)),
        (True, State.PARKED.value, State.READY.value, used),
    ):
        beside.connection.execute(
            update(jobs)
            .values(
                listed=listed,
                state=case((and_(unsent, jobs.c.state == before), after), else_=jobs.c.state),
                updated_at=now,
            )
            .where(jobs.c.batch_id == beside.sheet_id, jobs.c.listed != listed, wanted)
        )


def _hide_jobs(connection: Connection, *, now: float) -> None:
    """Unsent jobs of rows that are not to be sent are skipped, and ready again if they are."""
    mine = select(incoming.c.job_id)
    for change, wanted in (
        (
            {"state": State.SKIPPED.value, "cause": HIDDEN},
            and_(
                jobs.c.state == State.READY.value,
                jobs.c.step == Step.SEND.value,
                jobs.c.id.in_(mine.where(incoming.c.skip == HIDDEN)),
            ),
        ),
        (
            {"state": State.READY.value, "cause": None},
            and_(
                jobs.c.state == State.SKIPPED.value,
                jobs.c.cause == HIDDEN,
                jobs.c.id.in_(mine.where(incoming.c.skip.is_(None))),
            ),
        ),
    ):
        connection.execute(update(jobs).where(wanted).values(**change, updated_at=now))


def _move_jobs(connection: Connection) -> None:
    """Update jobs whose rows moved, or whose pictures were renamed."""
    moved = or_(
        jobs.c.position != incoming.c.position,
        jobs.c.fields != incoming.c.fields,
    )
    turn = case(
        (jobs.c.step == Step.SEND.value, incoming.c.position + jobs.c.rank * RANK_SPAN),
        else_=jobs.c.turn,
    )
    connection.execute(
        update(jobs)
        .values(position=incoming.c.position, fields=incoming.c.fields, turn=turn)
        .where(jobs.c.id == incoming.c.job_id, moved)
    )
