"""Reads the pace of a run and its oldest call in flight."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, cast, func, select

from jobs.job import State
from jobs.store.ids import MAX_PROCESSES, NUMBERS_PER_PROCESS, first_id_at
from jobs.store.schema import attempts, calls, jobs, runs
from jobs.wire_class import WireClass

MAX_ROW_SECONDS = 70 * 60.0  # seconds from a call to its row's end: a ticket may take 65 minutes
ENDED = (State.DONE.value, State.FAILED.value, State.IN_DOUBT.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call in flight."""

    row: int
    started_at: float


def ended_since(connection: Connection, sheet_id: int, since: float) -> int:
    """How many rows ended since then; reads only recent calls, not the whole table."""
    return connection.execute(
        select(func.count(jobs.c.id.distinct()))
        .select_from(attempts.join(jobs, jobs.c.id == attempts.c.job_id))
        .where(_ended_since(sheet_id, since))
    ).scalar_one()


def ended_by_minute(connection: Connection, sheet_id: int, since: float, now: float) -> list[int]:
    """How many rows ended in each whole minute from then until now, the oldest first."""
    minute = cast((jobs.c.updated_at - since) * 1000, BigInteger) // 60_000
    found = connection.execute(
        select(minute, func.count(jobs.c.id.distinct()))
        .select_from(attempts.join(jobs, jobs.c.id == attempts.c.job_id))
        .where(_ended_since(sheet_id, since))
        .group_by(minute)
    )
    counted = {int(number): int(count) for number, count in found}
    return [counted.get(number, 0) for number in range(int((now - since) / 60))]


def ended_by_process(connection: Connection, sheet_id: int, since: float) -> dict[int, int]:
    """How many rows ended since then, by the process bits of the last call of each."""
    last = (
        select(func.max(attempts.c.call_id).label("call"))
        .select_from(attempts.join(jobs, jobs.c.id == attempts.c.job_id))
        .where(_ended_since(sheet_id, since))
        .group_by(jobs.c.id)
        .subquery()
    )
    process = (last.c.call // NUMBERS_PER_PROCESS) % MAX_PROCESSES
    found = connection.execute(select(process, func.count()).group_by(process))
    return {int(number): count for number, count in found}


def _ended_since(sheet_id: int, since: float) -> ColumnElement[bool]:
    return and_(
        attempts.c.call_id >= first_id_at(since - MAX_ROW_SECONDS),
        jobs.c.batch_id == sheet_id,
        jobs.c.listed,
        jobs.c.state.in_(ENDED),
        jobs.c.updated_at >= since,
    )


def oldest_call(connection: Connection, sheet_id: int) -> OpenCall | None:
    """The call that has been in flight longest."""
    found = connection.execute(
        select(jobs.c.position, calls.c.started_at)
        .select_from(calls)
        .join(attempts, attempts.c.call_id == calls.c.id)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(
            calls.c.wire.is_(None),
            jobs.c.batch_id == sheet_id,
            jobs.c.state == State.RUNNING.value,
        )
        .order_by(calls.c.id)
        .limit(1)
    ).one_or_none()
    return None if found is None else OpenCall(row=found.position, started_at=found.started_at)


def recent_seconds(connection: Connection, sheet_id: int, *, most: int = 200) -> list[float]:
    """How long the newest answered calls took, in seconds."""
    mine = calls.join(runs, runs.c.id == calls.c.run_id)
    return list(
        connection.execute(
            select(calls.c.seconds)
            .select_from(mine)
            .where(
                runs.c.batch_id == sheet_id,
                calls.c.wire == WireClass.ANSWERED.value,
                calls.c.seconds.is_not(None),
            )
            .order_by(calls.c.id.desc())
            .limit(most)
        ).scalars()
    )
