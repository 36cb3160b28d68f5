"""Reads what the report shows: rows, calls by minute, runs."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
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

from jobs.job import JSON, State
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
from jobs.store.schema import attempts, calls, events, files, jobs, picks, rows, runs
from jobs.store.spans import within


class OlderVersion(NamedTuple):
    """An answer of a row that is not its result, and the files that were saved of it."""

    version: int
    files: tuple[str, ...]
    seconds: float | None
    cost: float | None


class PageRow(NamedTuple):
    """One row as the report shows it; `fields` is the JSON object of its request.

    `cells` is the JSON list of the sheet's own cells. `stars` are 1 to 5, 0 for none, -1 for a
    rejected result; `file` is the one that was picked of several.
    """

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
    cells: str = "[]"
    stars: int = 0
    file: str = ""
    versions: tuple[OlderVersion, ...] = ()


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
    """The fields of a PageRow in their order, behind the row's id; then its cells and its job."""
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
        rows.c.cells,
        jobs.c.id.label("job_id"),
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
        beside = _beside(connection, jobs.c.batch_id == sheet_id)
        for line in with_files(chain.from_iterable(pages(connection, _OF_EACH.where(wanted)))):
            yield _page_row(line, beside)
        return
    marked = select(picks.c.job_id).where(picks.c.marked_at >= since)
    changed = or_(jobs.c.updated_at >= since, jobs.c.id.in_(marked))
    found = list(with_files(connection.execute(_OF_SOME.where(wanted, changed))))
    for at in range(0, len(found), ROWS_AT_ONCE):
        some = found[at : at + ROWS_AT_ONCE]
        beside = _beside(connection, jobs.c.id.in_([line[0][_JOB] for line in some]))
        for line in some:
            yield _page_row(line, beside)


ROWS_AT_ONCE = 500
_JOB = -4  # behind it are a file's address, state and name


class _Beside(NamedTuple):
    """What is known of some jobs beside their results."""

    marks: Mapping[int, tuple[int, str]]
    versions: Mapping[int, list[OlderVersion]]


def _page_row(line: tuple[Any, tuple[str, ...], tuple[str, ...]], beside: _Beside) -> PageRow:
    row, _, names = line
    stars, file = beside.marks.get(row[_JOB], (0, ""))
    versions = tuple(beside.versions.get(row[_JOB], ()))
    return PageRow._make((*row[1 : _JOB - 1], names, row[_JOB - 1], stars, file, versions))


def _beside(connection: Connection, wanted: ColumnElement[bool]) -> _Beside:
    return _Beside(_marks(connection, wanted), _versions(connection, wanted))


def _marks(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, tuple[int, str]]:
    """The marks of these jobs' results: stars, and the name of the file that is meant."""
    meant = and_(
        files.c.job_id == picks.c.job_id,
        files.c.call_id == picks.c.call_id,
        files.c.number == picks.c.number,
    )
    found = connection.execute(
        select(picks.c.job_id, picks.c.stars, picks.c.rejected, files.c.name)
        .join(jobs, and_(jobs.c.id == picks.c.job_id, jobs.c.call_id == picks.c.call_id))
        .outerjoin(files, meant)
        .where(wanted)
    )
    told = {
        job: (-1 if rejected else stars or 0, name or "") for job, stars, rejected, name in found
    }
    return {job: mark for job, mark in told.items() if mark != (0, "")}


def _versions(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, list[OlderVersion]]:
    """The saved files of answers that are not the result, newest first, by job."""
    found = connection.execute(
        select(
            *(files.c.job_id, files.c.call_id, files.c.version, files.c.name),
            *(calls.c.seconds, calls.c.cost),
        )
        .join(jobs, jobs.c.id == files.c.job_id)
        .join(calls, calls.c.id == files.c.call_id)
        .where(wanted, jobs.c.version > 1, files.c.call_id != jobs.c.call_id)
        .where(files.c.state == "done")
        .order_by(files.c.job_id, files.c.call_id.desc(), files.c.number)
    )
    kept: dict[int, list[OlderVersion]] = defaultdict(list)
    for (job, _), some in groupby(found, key=lambda line: (line.job_id, line.call_id)):
        first, *rest = some
        names = (first.name, *(line.name for line in rest))
        kept[job].append(OlderVersion(first.version, names, first.seconds, first.cost))
    return kept


class Standing(NamedTuple):
    """How many rows there are, and how many of them failed or are in doubt."""

    total: int
    failed: int


def standing_within(connection: Connection, sheet_id: int, positions: Collection[int]) -> Standing:
    """How the rows with these numbers stand."""
    if not positions:
        return Standing(0, 0)
    failed = jobs.c.state.in_([State.FAILED.value, State.IN_DOUBT.value])
    spans = [(position, position) for position in positions]
    found = connection.execute(
        select(func.count(), func.count(case((failed, 1))))
        .select_from(rows.join(jobs, jobs.c.id == rows.c.job_id))
        .where(rows.c.batch_id == sheet_id, not_(rows.c.parked), within(rows.c.position, spans))
    ).one()
    return Standing(*found)


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


def fields_at(connection: Connection, sheet_id: int, position: int) -> dict[str, JSON]:
    """The request fields of the row with this number; empty if there is none."""
    found = connection.execute(
        select(jobs.c.fields)
        .join(rows, rows.c.job_id == jobs.c.id)
        .where(rows.c.batch_id == sheet_id, rows.c.position == position, not_(rows.c.parked))
        .limit(1)
    ).scalar()
    fields: JSON = json.loads(found) if found else {}
    return fields if isinstance(fields, dict) else {}


def file_names(connection: Connection, sheet_id: int) -> list[str]:
    """The saved files of all answers in use, by name."""
    found = connection.execute(
        select(files.c.name)
        .join(jobs, and_(jobs.c.id == files.c.job_id, jobs.c.call_id == files.c.call_id))
        .where(jobs.c.batch_id == sheet_id, jobs.c.listed, files.c.state == "done")
        .order_by(files.c.name)
    ).scalars()
    return [str(name) for name in found]
