"""What the report reads of the table: rows with what they show, the calls by minute, the runs."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, and_, case, cast, func, not_, or_, select

from jobs.job import JSON
from jobs.store.standing import COST, STATUS, TRIES, WITH_LAST_CALL
from jobs.table import attempts, calls, events, files, jobs, rows, runs

PAGE = 500  # rows in memory at once; their texts may be long


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """One row of the sheet as the report shows it; `fields` is the JSON object of its request."""

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
class Minute:
    """How the calls of one minute ended; `at` is its beginning."""

    at: float
    good: int  # answered, usable or not
    slowed: int  # told to slow down
    failed: int  # turned away by the provider's own trouble, or never reached it
    doubtful: int  # cut off in the middle


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run over a sheet; `ended_at` is None where it is going on or died."""

    id: int
    started_at: float
    ended_at: float | None
    exit_code: int | None
    calls: int
    events: tuple[tuple[float, str, dict[str, JSON]], ...]


_SHOWN = select(
    rows.c.id.label("row_id"),
    rows.c.position,
    rows.c.key,
    jobs.c.id,
    STATUS.label("status"),
    jobs.c.endpoint,
    jobs.c.model,
    jobs.c.fields,
    jobs.c.kind,
    jobs.c.cause,
    jobs.c.detail,
    jobs.c.updated_at,
    jobs.c.call_id,
    attempts.c.text,
    attempts.c.finish,
    attempts.c.total_tokens,
    COST.label("cost"),
    calls.c.seconds,
    TRIES.label("tries"),
).select_from(WITH_LAST_CALL)


def page_rows(
    connection: Connection, batch_id: int, *, since: float | None = None
) -> Iterator[PageRow]:
    """The rows in sheet order, a page at a time; only those changed since then, if a time is given.

    Rows that left the sheet are not among them.
    """
    wanted = and_(rows.c.batch_id == batch_id, not_(rows.c.parked))
    if since is not None:
        wanted = and_(wanted, jobs.c.updated_at >= since)
    last = (-1, -1)
    while True:
        later = or_(rows.c.position > last[0], rows.c.id > last[1])
        page = connection.execute(
            _SHOWN.where(wanted, rows.c.position >= last[0], later)
            .order_by(rows.c.position, rows.c.id)
            .limit(PAGE)
        ).all()
        if not page:
            return
        last = (page[-1].position, page[-1].row_id)
        saved = _saved_files(connection, page)
        for row in page:
            yield _shown(row, tuple(saved[row.id]))


def _saved_files(connection: Connection, page: Sequence[Any]) -> dict[int, list[str]]:
    """The saved files of each job's accepted answer, in their order."""
    accepted = {row.id: row.call_id for row in page if row.call_id is not None}
    found: dict[int, list[str]] = defaultdict(list)
    query = (
        select(files.c.job_id, files.c.call_id, files.c.name)
        .where(files.c.job_id.in_(list(accepted)), files.c.state == "done")
        .order_by(files.c.job_id, files.c.number)
    )
    for file in connection.execute(query) if accepted else ():
        if accepted[file.job_id] == file.call_id:
            found[file.job_id].append(file.name)
    return found


def _shown(row: Any, saved: tuple[str, ...]) -> PageRow:
    return PageRow(
        row=row.position,
        key=row.key,
        status=row.status,
        endpoint=row.endpoint,
        model=row.model,
        fields=row.fields,
        text=row.text,
        finish=row.finish,
        kind=row.kind,
        cause=row.cause,
        detail=row.detail,
        seconds=row.seconds,
        cost=row.cost,
        tokens=row.total_tokens,
        attempts=row.tries,
        finished_at=row.updated_at if row.status != "pending" else None,
        files=saved,
    )


def call_minutes(connection: Connection, batch_id: int) -> list[Minute]:
    """The ended calls of a batch by the minute in which they began, in order."""
    minute = cast(calls.c.started_at, BigInteger) // 60
    turned_away = and_(calls.c.wire == "B", or_(calls.c.status >= 500, calls.c.status == 408))
    found = connection.execute(
        select(
            minute,
            func.count(case((calls.c.wire.in_(["C", "E"]), 1))),
            func.count(case((and_(calls.c.wire == "B", calls.c.status == 429), 1))),
            func.count(case((or_(turned_away, calls.c.wire == "A"), 1))),
            func.count(case((calls.c.wire == "D", 1))),
        )
        .select_from(calls.join(runs, runs.c.id == calls.c.run_id))
        .where(runs.c.batch_id == batch_id, calls.c.wire.is_not(None))
        .group_by(minute)
        .order_by(minute)
    )
    return [
        Minute(at=60.0 * at, good=good, slowed=slowed, failed=failed, doubtful=doubtful)
        for at, good, slowed, failed, doubtful in found
    ]


def past_runs(connection: Connection, batch_id: int, *, most: int = 50) -> list[PastRun]:
    """The newest runs, the oldest of them first, each with its events."""
    found = connection.execute(
        select(runs, select(func.count()).where(calls.c.run_id == runs.c.id).label("calls"))
        .where(runs.c.batch_id == batch_id)
        .order_by(runs.c.id.desc())
        .limit(most)
    ).all()
    told: dict[int, list[tuple[float, str, dict[str, JSON]]]] = defaultdict(list)
    query = (
        select(events)
        .where(events.c.run_id.in_([run.id for run in found]))
        .order_by(events.c.at, events.c.id)
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


def file_names(connection: Connection, batch_id: int) -> list[str]:
    """The saved files of all answers in use, by name."""
    found = connection.execute(
        select(files.c.name)
        .join(jobs, and_(jobs.c.id == files.c.job_id, jobs.c.call_id == files.c.call_id))
        .where(jobs.c.batch_id == batch_id, jobs.c.listed, files.c.state == "done")
        .order_by(files.c.name)
    ).scalars()
    return [str(name) for name in found]
