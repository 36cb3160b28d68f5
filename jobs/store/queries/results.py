"""Reads every row of a sheet with its result."""

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from jobs.job import JSON
from jobs.store.edits import edited_cells
from jobs.store.picks import Pick, picks_of, picks_of_jobs
from jobs.store.row_status import (
    BOUGHT_BY,
    COST,
    COST_OF_EACH,
    IS_PAID,
    STATUS,
    TOLD_LANES,
    TRIES,
    TRIES_OF_EACH,
    rows_with_files,
)
from jobs.store.schema import attempts, calls, exported, jobs, rows

PAGE_ROWS = 1000


class ResultRow(NamedTuple):
    """One row of the sheet with its result. `cells` is the JSON list as it was read.

    `cost` is of all its calls; None if an answered one has no known price. It is a tuple because
    an export makes a million of them.
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
    data: dict[str, JSON]
    currency: str | None = None
    pick: str | None = None  # as `result_pick` tells it
    lane: str | None = None  # how its answer was bought; None without a paid one


def _query(cost: ColumnElement[Any], tries: ColumnElement[int]) -> Select[Any]:
    return rows_with_files(
        rows.c.position,
        rows.c.key,
        rows.c.cells,
        jobs.c.id.label("job_id"),
        STATUS.label("status"),
        jobs.c.kind,
        jobs.c.cause,
        jobs.c.detail,
        jobs.c.model,
        jobs.c.updated_at,
        attempts.c.text,
        attempts.c.finish,
        attempts.c.answered_model,
        attempts.c.prompt_tokens,
        attempts.c.completion_tokens,
        attempts.c.total_tokens,
        attempts.c.data,
        cost.label("cost"),
        calls.c.currency,
        calls.c.seconds,
        calls.c.request_id,
        tries.label("tries"),
        rows.c.parked,
        BOUGHT_BY.label("bought_by"),
    )


_OF_SOME = _query(COST, TRIES)
_OF_EACH = _query(COST_OF_EACH, TRIES_OF_EACH)

_JOB, _TRIES = 4, 22  # their places in a row of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The rows of a sheet in its order, read lazily, so that memory stays flat.

    `only` selects result statuses; `parked` rows come last, and only if selected. `export` selects
    the rows that this export of new rows has taken.
    """

    connection: Connection
    sheet_id: int
    only: Collection[str] | None = None
    export: int | None = None

    def __iter__(self) -> Iterator[ResultRow]:
        edited = edited_cells(self.connection, self.sheet_id)
        marks = picks_of(self.connection, self.sheet_id)
        for condition in self.conditions():
            for result in _read(self.connection, _OF_EACH.where(condition), marks):
                yield _with_edits(result, edited) if edited else result

    def apart(self, row_ids: Sequence[int]) -> dict[int, ResultRow]:
        """Some of them, by id."""
        edited = edited_cells(self.connection, self.sheet_id)
        found = results_of(self.connection, row_ids)
        return {row_id: _with_edits(result, edited) for row_id, result in found.items()}

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions of the wanted groups of rows, in order."""
        mine = rows.c.batch_id == self.sheet_id
        if self.export is not None:
            taken = select(exported.c.row_id).where(exported.c.taken_by == self.export)
            mine = and_(mine, rows.c.id.in_(taken))
        listed = and_(mine, ~rows.c.parked)
        if self.only is None:
            return [listed]
        groups = [and_(listed, STATUS.in_(sorted(self.only)))]
        return [*groups, and_(mine, rows.c.parked)] if "parked" in self.only else groups


def results(
    connection: Connection,
    sheet_id: int,
    *,
    only: Collection[str] | None = None,
    export: int | None = None,
) -> Results:
    """The rows in sheet order, all or some of them."""
    return Results(connection=connection, sheet_id=sheet_id, only=only, export=export)


def results_of(connection: Connection, row_ids: Sequence[int]) -> dict[int, ResultRow]:
    """Single rows, by id."""
    found = connection.execute(_OF_SOME.where(rows.c.id.in_(row_ids)))
    read = list(with_files(found))
    costs = costs_of(connection, [(row[_JOB], row[_TRIES]) for row, _, _ in read])
    marks = picks_of_jobs(connection, [row[_JOB] for row, _, _ in read])
    return {
        row[0]: _marked(_result(row, urls, names, costs), row, marks) for row, urls, names in read
    }


def _with_edits(result: ResultRow, edited: Mapping[str, dict[str, JSON]]) -> ResultRow:
    edit = edited.get(result.key)
    return result if edit is None else result._replace(data=result.data | {"edited": edit})


def pages(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows that a query finds, in pages.

    Plain tuples from SQLite: SQLAlchemy's row objects cost a tenth of a whole export.
    """
    if connection.dialect.name != "sqlite":
        found = connection.execute(query, execution_options={"yield_per": PAGE_ROWS})
        yield from found.partitions()
        return
    found = connection.execute(query)  # with yield_per a row would have been fetched already
    assert found.cursor is not None
    try:
        while page := found.cursor.fetchmany(PAGE_ROWS):
            yield page
    finally:
        found.close()


_Read = tuple[Any, tuple[str, ...], tuple[str, ...]]
"""A row, the addresses of its files, and the names of those that are saved."""


def _read(
    connection: Connection, query: Select[Any], marks: Mapping[int, Pick]
) -> Iterator[ResultRow]:
    found = with_files(chain.from_iterable(pages(connection, query)))
    while page := list(islice(found, PAGE_ROWS)):
        costs = costs_of(connection, [(row[_JOB], row[_TRIES]) for row, _, _ in page])
        for row, urls, names in page:
            result = _result(row, urls, names, costs)
            yield _marked(result, row, marks) if marks else result


def _marked(result: ResultRow, row: Any, marks: Mapping[int, Pick]) -> ResultRow:
    pick = marks.get(row[_JOB])
    return result if pick is None else result._replace(pick=str(pick))


def with_files(found: Iterable[Any]) -> Iterator[_Read]:
    """Each row once, with all its files; the query returns a row once per file.

    A row starts with its id and ends with the address, state and name of a file.
    """
    row: Any = None
    urls: list[str] = []
    names: list[str] = []
    for line in found:
        if row is None or line[0] != row[0]:
            if row is not None:
                yield row, tuple(urls), tuple(names)
            row, urls, names = line, [], []
        url, state, name = line[-3:]
        if url:
            urls.append(url)
        if state == "done":
            names.append(name)
    if row is not None:
        yield row, tuple(urls), tuple(names)


def costs_of(connection: Connection, tried: Iterable[tuple[int, int]]) -> dict[int, float | None]:
    """The costs of jobs with several calls; the cost of a shared call is divided among its jobs."""
    apart = [job_id for job_id, tries in tried if tries > 1]
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
        .where(attempts.c.job_id.in_(apart), IS_PAID)
    )
    parts: dict[int, list[float | None]] = defaultdict(list)
    for job_id, cost, rows_served in connection.execute(query):
        parts[job_id].append(None if cost is None else cost / rows_served)
    return {job_id: _sum(parts[job_id]) for job_id in apart}


def _sum(costs: Sequence[float | None]) -> float | None:
    known = [one for one in costs if one is not None]
    return round(math.fsum(known), 9) if known and len(known) == len(costs) else None


def _lane(told: Mapping[str, JSON], bought_by: str | None) -> str | None:
    """How the answer was bought, as it says itself."""
    lane = told.get("lane")
    return lane if bought_by and isinstance(lane, str) and lane in TOLD_LANES else bought_by


def _result(
    row: Any, urls: tuple[str, ...], names: tuple[str, ...], costs: dict[int, float | None]
) -> ResultRow:
    (
        _,
        position,
        key,
        cells,
        job_id,
        status,
        kind,
        cause,
        detail,
        model,
        updated_at,
        text,
        finish,
        answered_model,
        prompt_tokens,
        completion_tokens,
        total_tokens,
        data,
        cost,
        currency,
        seconds,
        request_id,
        tries,
        parked,
        bought_by,
        *_,
    ) = row
    told: dict[str, JSON] = json.loads(data) if data else {}
    status = "parked" if parked else status
    return ResultRow(
        position,
        key,
        cells,
        status,
        text,
        urls,
        names,
        detail or cause,
        kind,
        cause,
        finish,
        prompt_tokens,
        completion_tokens,
        total_tokens,
        costs.get(job_id, cost),
        seconds,
        tries,
        model,
        answered_model,
        request_id,
        None if status in ("pending", "parked") else updated_at,
        told,
        currency,
        lane=_lane(told, bought_by),
    )
