"""Finds the jobs that a `retry` put back, so that its run takes only these."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, func, select

from jobs.job import State, Step
from jobs.store.schema import jobs, rows

IDS_IN_ONE_STATEMENT = 10_000
T = TypeVar("T")


def put_back_at(connection: Connection, sheet_id: int, *, now: float) -> tuple[int, ...]:
    """The ids of the jobs that were put back to be sent at this moment, in sheet order."""
    wanted = and_(_put_back(sheet_id, now), jobs.c.step == Step.SEND.value)
    found = connection.execute(select(jobs.c.id).where(wanted).order_by(jobs.c.position))
    return tuple(found.scalars())


def free_at(connection: Connection, sheet_id: int, *, now: float) -> int:
    """How many jobs were put back at this moment only to be downloaded or polled."""
    wanted = and_(_put_back(sheet_id, now), jobs.c.step != Step.SEND.value)
    return connection.execute(select(func.count()).where(wanted)).scalar_one()


def failed_positions(connection: Connection, sheet_id: int) -> dict[int, int]:
    """The rows that failed or are in doubt: position by job id."""
    ended = jobs.c.state.in_([State.FAILED.value, State.IN_DOUBT.value])
    wanted = and_(jobs.c.batch_id == sheet_id, jobs.c.listed, ended)
    found = connection.execute(select(jobs.c.id, jobs.c.position).where(wanted))
    return {row.id: row.position for row in found}


def replacements(
    connection: Connection, sheet_id: int, failed: Mapping[int, int]
) -> tuple[int, ...]:
    """The jobs that replaced these failed ones, because a person corrected their rows."""
    gone: list[int] = []
    for some in _pieces(list(failed)):
        still = and_(jobs.c.id.in_(some), jobs.c.listed)
        listed = set(connection.execute(select(jobs.c.id).where(still)).scalars())
        gone += [failed[one] for one in some if one not in listed]
    found: list[int] = []
    for some in _pieces(gone):
        wanted = and_(_ready(sheet_id), jobs.c.position.in_(some))
        found += connection.execute(select(jobs.c.id).where(wanted)).scalars()
    return tuple(found)


def ready_of_keys(connection: Connection, sheet_id: int, keys: Sequence[str]) -> tuple[int, ...]:
    """The jobs of these rows that are ready to be sent."""
    found: list[int] = []
    for some in _pieces(keys):
        mine = select(rows.c.job_id).where(rows.c.batch_id == sheet_id, rows.c.key.in_(some))
        wanted = and_(_ready(sheet_id), jobs.c.id.in_(mine))
        found += connection.execute(select(jobs.c.id).where(wanted)).scalars()
    return tuple(found)


def _put_back(sheet_id: int, now: float) -> ColumnElement[bool]:
    ready = jobs.c.state == State.READY.value
    return and_(jobs.c.batch_id == sheet_id, ready, jobs.c.listed, jobs.c.updated_at == now)


def _ready(sheet_id: int) -> ColumnElement[bool]:
    ready, send = jobs.c.state == State.READY.value, jobs.c.step == Step.SEND.value
    return and_(jobs.c.batch_id == sheet_id, ready, send, jobs.c.listed)


def _pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), IDS_IN_ONE_STATEMENT):
        yield values[start : start + IDS_IN_ONE_STATEMENT]
