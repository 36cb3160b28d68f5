"""Runs and their events."""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select, update

from jobs.claimed import Holding
from jobs.job import JSON
from jobs.store.ids import Ids
from jobs.store.schema import batches, calls, events, runs
from jobs.wire_class import WireClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a sheet."""

    id: int
    started_at: float
    ended_at: float | None
    exit_code: int | None
    host: str
    pid: int
    program: str
    options: dict[str, JSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened in a run."""

    id: int
    run_id: int
    at: float
    kind: str
    data: dict[str, JSON]


def events_of(connection: Connection, run_id: int, *, kinds: Sequence[str] = ()) -> list[RunEvent]:
    """The events of a run, in order; only of these kinds, if any are given."""
    found = select(events).where(events.c.run_id == run_id)
    if kinds:
        found = found.where(events.c.kind.in_(kinds))
    return [
        RunEvent(id=row.id, run_id=row.run_id, at=row.at, kind=row.kind, data=json.loads(row.data))
        for row in connection.execute(found.order_by(events.c.id))
    ]


def open_run(
    connection: Connection,
    holding: Holding,
    *,
    program: str,
    options: Mapping[str, JSON],
    now: float,
) -> None:
    """Record that a run begins."""
    connection.execute(
        insert(runs).values(
            id=holding.run_id,
            batch_id=holding.sheet_id,
            owner=holding.owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            program=program,
            options=json.dumps(options, ensure_ascii=False),
            started_at=now,
        )
    )


def answering_addresses(connection: Connection, sheet_id: int) -> set[str]:
    """The base URLs that earlier runs had an answer from."""
    answered = exists().where(calls.c.run_id == runs.c.id, calls.c.wire == WireClass.ANSWERED.value)
    found = connection.execute(
        select(runs.c.options).where(runs.c.batch_id == sheet_id, answered)
    ).scalars()
    urls = (json.loads(options).get("base_url") for options in found)
    return {url for url in urls if isinstance(url, str)}


def noted(connection: Connection, sheet_id: int, kind: str) -> list[dict[str, JSON]]:
    """What all runs of a sheet noted under one kind of event, oldest first."""
    found = connection.execute(
        select(events.c.data)
        .join(runs, runs.c.id == events.c.run_id)
        .where(runs.c.batch_id == sheet_id, events.c.kind == kind)
        .order_by(events.c.id)
    ).scalars()
    return [json.loads(one) for one in found]


def remember_options(connection: Connection, sheet_id: int, options: Mapping[str, JSON]) -> None:
    """Store the options that later commands on this sheet start from."""
    text = json.dumps(options, ensure_ascii=False)
    connection.execute(update(batches).where(batches.c.id == sheet_id).values(options=text))


def end_run(connection: Connection, run_id: int, *, exit_code: int, now: float) -> None:
    """Record how a run ended."""
    connection.execute(
        update(runs).where(runs.c.id == run_id).values(ended_at=now, exit_code=exit_code)
    )


def add_to_run(connection: Connection, run_id: int, facts: Mapping[str, JSON]) -> None:
    """Store facts about a run that later commands need, beside its options."""
    kept = connection.execute(select(runs.c.options).where(runs.c.id == run_id)).scalar_one()
    text = json.dumps({**json.loads(kept), **facts}, ensure_ascii=False)
    connection.execute(update(runs).where(runs.c.id == run_id).values(options=text))


def note(
    connection: Connection,
    run_id: int,
    kind: str,
    data: Mapping[str, JSON],
    *,
    event_id: int,
    now: float,
) -> None:
    """Record an event of a run: a pause, a stop, a change of limits."""
    connection.execute(
        insert(events).values(
            id=event_id, run_id=run_id, at=now, kind=kind, data=json.dumps(data, ensure_ascii=False)
        )
    )


def newest_id(connection: Connection) -> int:
    """The largest number that a call, run or event of the table has; 0 for an empty table."""
    found = (
        connection.execute(select(func.max(table.c.id))).scalar_one()
        for table in (calls, runs, events)
    )
    return max(int(number or 0) for number in found)


def ids_after(connection: Connection) -> Ids:
    """New numbers, all of them larger than those of the table."""
    return Ids(after=newest_id(connection))


def last_run(connection: Connection, sheet_id: int) -> Run | None:
    """The newest run of a sheet."""
    return _newest(connection, runs.c.batch_id == sheet_id)


def unended_run(connection: Connection, sheet_id: int) -> Run | None:
    """The newest run without an end: the one in progress, where some process holds the lock."""
    return _newest(connection, and_(runs.c.batch_id == sheet_id, runs.c.ended_at.is_(None)))


def _newest(connection: Connection, wanted: ColumnElement[bool]) -> Run | None:
    found = connection.execute(
        select(runs).where(wanted).order_by(runs.c.id.desc()).limit(1)
    ).one_or_none()
    if found is None:
        return None
    return Run(
        id=found.id,
        started_at=found.started_at,
        ended_at=found.ended_at,
        exit_code=found.exit_code,
        host=found.host,
        pid=found.pid,
        program=found.program,
        options=json.loads(found.options),
    )


def deaths_in_a_row(connection: Connection, sheet_id: int, *, before: int) -> int:
    """How many of the runs just before this one died."""
    found = connection.execute(
        select(runs.c.ended_at)
        .where(runs.c.batch_id == sheet_id, runs.c.id < before)
        .order_by(runs.c.id.desc())
        .limit(10)
    ).scalars()
    return sum(1 for _ in takewhile(lambda ended_at: ended_at is None, found))


def call_books(connection: Connection, sheet_id: int) -> list[tuple[str, WireClass | None]]:
    """Every call of a sheet in order: its key and how it ended on the wire; None while open."""
    found = connection.execute(
        select(calls.c.call_key, calls.c.wire)
        .join(runs, runs.c.id == calls.c.run_id)
        .where(runs.c.batch_id == sheet_id)
        .order_by(calls.c.id)
    )
    return [(row.call_key, WireClass(row.wire) if row.wire else None) for row in found]


def run_events(connection: Connection, run_id: int) -> list[tuple[float, str, dict[str, JSON]]]:
    """The events of a run, in order: pauses, stops, changes."""
    found = connection.execute(
        select(events.c.at, events.c.kind, events.c.data)
        .where(events.c.run_id == run_id)
        .order_by(events.c.id)
    )
    return [(row.at, row.kind, json.loads(row.data)) for row in found]


def account_of(connection: Connection, call_id: int) -> str | None:
    """The label of the account that sent a call."""
    found: str | None = connection.execute(
        select(calls.c.account).where(calls.c.id == call_id)
    ).scalar_one_or_none()
    return found


def lock_run(connection: Connection, run_id: int) -> bool:
    """Let no other host decide anything about the run in this transaction. False if it ended."""
    found = connection.execute(
        select(runs.c.ended_at).where(runs.c.id == run_id).with_for_update()
    ).one()
    return found.ended_at is None
