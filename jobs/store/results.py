"""Every row of a sheet with all that came of it."""

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from jobs.job import JSON
from jobs.store.edits import edited_cells
from jobs.store.standing import COST, STATUS, TRIES, WITH_LAST_CALL
from jobs.table import attempts, calls, exported, files, jobs, rows

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One row of the sheet with all that came of it. `cells` is the JSON list as it was read.

    `cost` is of all its calls; None where one that was answered has no known price.
    """

    row: int
    key: str
    cells: str
    status: str
    text: str | None
    urls: tuple[str, ...]
    files: tuple[str, ...]
    error: str | None
    error_class: str | None
    error_cause: str | None
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    cost: float | None
    seconds: float | None
    attempts: int
    model: str
    answered_model: str | None
    request_id: str | None
    finished_at: float | None
    data: dict[str, JSON] = field(default_factory=dict)
    currency: str | None = None


_RESULT = select(
    rows.c.id.label("row_id"),
    rows.c.position,
    rows.c.key,
    rows.c.cells,
    rows.c.parked,
    jobs.c.id,
    STATUS.label("status"),
    jobs.c.kind,
    jobs.c.cause,
    jobs.c.detail,
    jobs.c.model,
    jobs.c.updated_at,
    jobs.c.call_id,
    attempts.c.text,
    attempts.c.finish,
    attempts.c.answered_model,
    attempts.c.prompt_tokens,
    attempts.c.completion_tokens,
    attempts.c.total_tokens,
    attempts.c.data,
    COST.label("cost"),
    calls.c.currency,
    calls.c.seconds,
    calls.c.request_id,
    TRIES.label("tries"),
).select_from(WITH_LAST_CALL)


def results(
    connection: Connection,
    batch_id: int,
    *,
    only: Collection[str] | None = None,
    export: int | None = None,
) -> Iterator[ResultRow]:
    """Every row in sheet order, a page at a time, so that memory stays flat.

    `only` takes result statuses; `parked` rows come only when asked for, after all others. `export`
    takes only the rows which that export of new rows has taken.
    """
    edited = edited_cells(connection, batch_id)
    groups = [False] if only is None or "parked" not in only else [False, True]
    for parked in groups:
        last = (-1, -1)  # parked rows can share a position
        while True:
            page = connection.execute(
                _taken_by(export)
                .where(rows.c.batch_id == batch_id, rows.c.parked == parked, _after(*last))
                .order_by(rows.c.position, rows.c.id)
                .limit(PAGE)
            ).all()
            if not page:
                break
            last = (page[-1].position, page[-1].row_id)
            saved = _files_of(connection, page)
            costs = _costs_of(connection, page)
            for row in page:
                result = _result(row, saved[row.id], costs.get(row.id, row.cost))
                if result.key in edited:
                    result = replace(result, data=result.data | {"edited": edited[result.key]})
                if only is None or result.status in only:
                    yield result


def result_of(connection: Connection, row_id: int) -> ResultRow:
    """One row, by its number in the table."""
    row = connection.execute(_RESULT.where(rows.c.id == row_id)).one()
    cost = _costs_of(connection, [row]).get(row.id, row.cost)
    return _result(row, _files_of(connection, [row])[row.id], cost)


def _taken_by(export: int | None) -> Select[Any]:
    if export is None:
        return _RESULT
    taken = select(exported.c.row_id).where(exported.c.taken_by == export)
    return _RESULT.where(rows.c.id.in_(taken))


def _after(position: int, row_id: int) -> ColumnElement[bool]:
    later = or_(rows.c.position > position, rows.c.id > row_id)
    return and_(rows.c.position >= position, later)


def _files_of(connection: Connection, page: Sequence[Any]) -> dict[int, list[Any]]:
    """The files of each job's accepted answer, in their order."""
    accepted = {row.id: row.call_id for row in page if row.call_id is not None}
    found: dict[int, list[Any]] = defaultdict(list)
    if not accepted:
        return found
    query = (
        select(files)
        .where(files.c.job_id.in_(list(accepted)))
        .order_by(files.c.job_id, files.c.number)
    )
    for file in connection.execute(query):
        if accepted[file.job_id] == file.call_id:
            found[file.job_id].append(file)
    return found


def _costs_of(connection: Connection, page: Sequence[Any]) -> dict[int, float | None]:
    """What rows cost that took several calls, each shared with the rows it served."""
    apart = [row.id for row in page if row.tries > 1]
    if not apart:
        return {}
    served = attempts.alias("served")
    shares = (
        select(func.count())
        .where(served.c.call_id == calls.c.id)
        .correlate(calls)
        .scalar_subquery()
    )
    query = (
        select(attempts.c.job_id, calls.c.cost, shares)
        .join(calls, calls.c.id == attempts.c.call_id)
        .where(attempts.c.job_id.in_(apart), calls.c.wire.in_(["C", "E"]))
    )
    parts: dict[int, list[float | None]] = defaultdict(list)
    for job_id, cost, rows_served in connection.execute(query):
        parts[job_id].append(None if cost is None else cost / rows_served)
    return {job_id: _sum(parts[job_id]) for job_id in apart}


def _sum(costs: Sequence[float | None]) -> float | None:
    known = [one for one in costs if one is not None]
    return round(math.fsum(known), 9) if known and len(known) == len(costs) else None


def _result(row: Any, saved: list[Any], cost: float | None) -> ResultRow:
    return ResultRow(
        row=row.position,
        key=row.key,
        cells=row.cells,
        status="parked" if row.parked else row.status,
        text=row.text,
        urls=tuple(file.url for file in saved if file.url),
        files=tuple(file.name for file in saved if file.state == "done"),
        error=row.detail or row.cause,
        error_class=row.kind,
        error_cause=row.cause,
        finish=row.finish,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        total_tokens=row.total_tokens,
        cost=cost,
        currency=row.currency,
        seconds=row.seconds,
        attempts=row.tries,
        model=row.model,
        answered_model=row.answered_model,
        request_id=row.request_id,
        finished_at=row.updated_at if row.status not in ("pending", "parked") else None,
        data=json.loads(row.data) if row.data else {},
    )
