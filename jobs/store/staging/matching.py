"""Matches each staged row with its job: its own, or a free one with the same request."""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    true,
    update,
)

from jobs.job import State
from jobs.store.schema import jobs, rows
from jobs.store.staging.incoming import PAID, StagingTarget, any_jobs, incoming, pair, pairs


def number(beside: StagingTarget, *, edited: bool) -> None:
    """Count true duplicates: the k-th row with the same request is its occurrence k, from 0."""
    for what in ("digest", "key"):
        beside.connection.execute(text(f"CREATE INDEX ix_incoming_{what} ON incoming ({what})"))
    counted: dict[str, Any] = {"occurrence": pairs.c.value}
    named: dict[str, Any] = {"key": key_of_occurrence(incoming.c.key, pairs.c.value)}
    if beside.by_request and not edited:
        _number_repeated(beside, incoming.c.digest, counted | named)
        return
    _number_repeated(beside, incoming.c.digest, counted)
    if beside.by_request:  # an edited row's request differs from its key
        _number_repeated(beside, incoming.c.key, named)


def _number_repeated(beside: StagingTarget, what: Column[Any], changes: dict[str, Any]) -> None:
    repeated = select(what).group_by(what).having(func.count() > 1)
    order = func.row_number().over(partition_by=what, order_by=incoming.c.position)
    pair(beside.connection, select(incoming.c.position, order - 1).where(what.in_(repeated)))
    beside.connection.execute(
        update(incoming).values(changes).where(incoming.c.position == pairs.c.position)
    )


def key_of_occurrence(key: ColumnElement[str], occurrence: ColumnElement[int]) -> Any:
    """The key of a row identified by its request: `key-k` for the k-th duplicate, from 2."""
    return case((occurrence > 0, key + "-" + (occurrence + 1).cast(Text)), else_=key)


def match(beside: StagingTarget) -> None:
    """Find the job of each row: its own if the request is the same, else a free one with it.

    An existing answer is preferred to a request that would still have to be paid for.
    """
    if not any_jobs(beside):
        return
    own = _own(beside)
    _take_jobs(beside, own.where(PAID))
    _take_free(beside, jobs.c.state == State.DONE.value)
    _take_jobs(beside, own.where(incoming.c.job_id.is_(None), not_(PAID)))
    _take_free(beside, true())
    _index_matches(beside)


def _index_matches(beside: StagingTarget) -> None:
    """What the plan looks rows up by. SQLite alone needs to be led to the cells of unmatched rows;
    PostgreSQL has no index for long texts, and joins by hash.
    """
    connection = beside.connection
    connection.execute(text("CREATE INDEX ix_incoming_job_id ON incoming (job_id)"))
    connection.execute(text("CREATE INDEX ix_incoming_earlier ON incoming (earlier)"))
    if beside.by_request and connection.dialect.name == "sqlite":
        connection.execute(
            text("CREATE INDEX ix_incoming_cells ON incoming (cells) WHERE job_id IS NULL")
        )


def _own(beside: StagingTarget) -> Select[int, int]:
    """Rows with the jobs they had, if the request is the same."""
    other = rows.alias("other")  # a row may have taken the job of one that was away
    lent = exists(
        select(literal(1)).where(
            other.c.job_id == rows.c.job_id,
            or_(not_(other.c.parked), other.c.id > rows.c.id),
        )
    )
    return (
        select(incoming.c.position, jobs.c.id)
        .select_from(incoming)
        .join(rows, and_(rows.c.batch_id == beside.sheet_id, rows.c.key == incoming.c.key))
        .join(jobs, and_(jobs.c.id == rows.c.job_id, jobs.c.digest == incoming.c.digest))
        .where(not_(and_(rows.c.parked, lent)))
    )


def _take_free(beside: StagingTarget, wanted: ColumnElement[bool]) -> None:
    """Give free jobs to rows that have none; paid ones first."""
    needing = (
        select(
            incoming.c.position,
            incoming.c.digest,
            func.row_number()
            .over(partition_by=incoming.c.digest, order_by=incoming.c.position)
            .label("k"),
        )
        .where(incoming.c.job_id.is_(None))
        .subquery()
    )
    paid_first = case((jobs.c.state == State.DONE.value, 0), (PAID, 1), else_=2)
    taken = select(incoming.c.job_id).where(incoming.c.job_id.is_not(None))
    free = (
        select(
            jobs.c.id,
            jobs.c.digest,
            func.row_number()
            .over(partition_by=jobs.c.digest, order_by=(paid_first, jobs.c.occurrence))
            .label("k"),
        )
        .where(
            jobs.c.batch_id == beside.sheet_id,
            wanted,
            jobs.c.digest.in_(select(needing.c.digest)),
            jobs.c.id.not_in(taken),
        )
        .subquery()
    )
    _take_jobs(
        beside,
        select(needing.c.position, free.c.id).join(
            free, and_(free.c.digest == needing.c.digest, free.c.k == needing.c.k)
        ),
    )


def _take_jobs(beside: StagingTarget, found: Any) -> None:
    pair(beside.connection, found)
    beside.connection.execute(
        update(incoming).values(job_id=pairs.c.value).where(incoming.c.position == pairs.c.position)
    )
