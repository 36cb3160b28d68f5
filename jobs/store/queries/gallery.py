"""Reads what the report shows: rows, calls by minute, runs."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    func,
    not_,
    or_,
    select,
)

from jobs.job import JSON
from jobs.outcome import WireClass
from jobs.store.queries.results import pages, with_files
from jobs.store.row_status import (
    COST,
    COST_OF_EACH,
    IS_PAID,
    STATUS,
    TRIES,
    TRIES_OF_EACH,
    rows_with_files,
)
from jobs.store.schema import attempts, calls, events, files, jobs, rows, runs


class PageRow(NamedTuple):
    """One row as the report shows it; `fields` is the JSON object of its request."""

    row: int
    key: str
    status: str
    endpoint: str
    model: str
    fields: str
    text: str | None
    finish: str | None
    kind: str | None
    cause: str | None
    detail: str | None
    seconds: float | None
    cost: float | None
    tokens: int | None
    attempts: int
    finished_at: float | None
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsPerMinute:
    """How the calls of one minute ended; `at` is the start of the minute."""

    at: float
    good: int  # answered, usable or not
    slowed: int  # told to slow down
    failed: int  # rejected by a server error, or never reached the provider
    doubtful: int  # cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run of a sheet; `ended_at` is None if it is in progress or died."""

    id: int
    started_at: float
    ended_at: float | None
    exit_code: int | None
    calls: int
    events: tuple[tuple[float, str, dict[str, JSON]], ...]


def _query(cost: ColumnElement[Any], tries: ColumnElement[int]) -> Select[Any]:
    """The fields of a PageRow in their order, behind the row's id and before one of its files."""
    return rows_with_files(
        rows.c.position,
        rows.c.key,
        STATUS.label("status"),
        jobs.c.endpoint,
        jobs.c.model,
        jobs.c.fields,
        attempts.c.text,
        attempts.c.finish,
        jobs.c.kind,
        jobs.c.cause,
        jobs.c.detail,
        calls.c.seconds,
        cost,
        attempts.c.total_tokens,
        tries,
        case((STATUS != "pending", jobs.c.updated_at)),
    )


_OF_SOME = _query(COST, TRIES)
_OF_EACH = _query(COST_OF_EACH, TRIES_OF_EACH)


def page_rows(
    connection: Connection, sheet_id: int, *, since: float | None = None
) -> Iterator[PageRow]:
    """The rows in sheet order, read lazily; if a time is given, those changed since then.

    Rows that left the sheet are not included.
    """
    wanted = and_(rows.c.batch_id == sheet_id, not_(rows.c.parked))
    if since is None:
        query = _OF_EACH.where(wanted)
    else:
        query = _OF_SOME.where(wanted, jobs.c.updated_at >= since)
    for row, _, names in with_files(chain.from_iterable(pages(connection, query))):
        yield PageRow._make((*row[1:-3], names))


def call_minutes(connection: Connection, sheet_id: int) -> list[CallsPerMinute]:
    """The ended calls of a sheet, by the minute in which they began."""
    minute = cast(calls.c.started_at, BigInteger) // 60
    refused = calls.c.wire == WireClass.REFUSED.value
    turned_away = and_(refused, or_(calls.c.status >= 500, calls.c.status == 408))
    found = connection.execute(
        select(
            minute,
            func.count(case((IS_PAID, 1))),
            func.count(case((and_(refused, calls.c.status == 429), 1))),
            func.count(case((or_(turned_away, calls.c.wire == WireClass.NOT_SENT.value), 1))),
            func.count(case((calls.c.wire == WireClass.IN_DOUBT.value, 1))),
        )
        .select_from(calls.join(runs, runs.c.id == calls.c.run_id))
        .where(runs.c.batch_id == sheet_id, calls.c.wire.is_not(None))
        .group_by(minute)
        .order_by(minute)
    )
    return [
        CallsPerMinute(at=60.0 * at, good=good, slowed=slowed, failed=failed, doubtful=doubtful)
        for at, good, slowed, failed, doubtful in found
    ]


def past_runs(connection: Connection, sheet_id: int, *, most: int = 50) -> list[PastRun]:
    """The newest runs, oldest first, each with its events."""
    found = connection.execute(
        select(runs, select(func.count()).where(calls.c.run_id == runs.c.id).label("calls"))
        .where(runs.c.batch_id == sheet_id)
        .order_by(runs.c.id.desc())
        .limit(most)
    ).all()
    told: dict[int, list[tuple[float, str, dict[str, JSON]]]] = defaultdict(list)
    query = (
        select(events).where(events.c.run_id.in_([run.id for run in found])).order_by(events.c.id)
    )
    for event in connection.execute(query):
        told[event.run_id].append((event.at, event.kind, json.loads(event.data)))
    return [
        PastRun(
            id=run.id,
            started_at=run.started_at,
            ended_at=run.ended_at,
            exit_code=run.exit_code,
            calls=run.calls,
            events=tuple(told[run.id]),
        )
        for run in reversed(found)
    ]


def file_names(connection: Connection, sheet_id: int) -> list[str]:
    """The saved files of all answers in use, by name."""
    found = connection.execute(
        select(files.c.name)
        .join(jobs, and_(jobs.c.id == files.c.job_id, jobs.c.call_id == files.c.call_id))
        .where(jobs.c.batch_id == sheet_id, jobs.c.listed, files.c.state == "done")
        .order_by(files.c.name)
    ).scalars()
    return [str(name) for name in found]
