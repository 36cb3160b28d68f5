"""Reads a few rows: their cells, their outcomes, rows that failed alike."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, and_, func, not_, select

from jobs.job import JSON, FailureClass, State
from jobs.store.row_status import IS_PAID
from jobs.store.schema import attempts, calls, files, jobs, rows

KEYS_AT_ONCE = 10_000  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRange:
    """The row numbers of a sheet."""

    first: int
    last: int
    count: int


def row_range(connection: Connection, sheet_id: int) -> RowRange | None:
    """First and last row number of a sheet without parked rows; None if it has none."""
    found = connection.execute(
        select(func.min(rows.c.position), func.max(rows.c.position), func.count()).where(
            rows.c.batch_id == sheet_id, not_(rows.c.parked)
        )
    ).one()
    return None if found[2] == 0 else RowRange(first=found[0], last=found[1], count=found[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """A row of the sheet, as it was read."""

    key: str
    position: int
    cells: list[JSON]
    parked: bool


def own_rows(connection: Connection, sheet_id: int, keys: Iterable[str]) -> dict[str, OwnRow]:
    """The rows that have these keys."""
    found: dict[str, OwnRow] = {}
    rest = iter(keys)
    while some := list(islice(rest, KEYS_AT_ONCE)):
        query = select(rows.c.key, rows.c.position, rows.c.cells, rows.c.parked).where(
            rows.c.batch_id == sheet_id, rows.c.key.in_(some)
        )
        for row in connection.execute(query):
            found[row.key] = OwnRow(
                key=row.key,
                position=row.position,
                cells=json.loads(row.cells),
                parked=row.parked,
            )
    return found


def own_row_at(connection: Connection, sheet_id: int, position: int) -> OwnRow | None:
    """The row of the sheet with this number."""
    found = connection.execute(
        select(rows.c.key, rows.c.position, rows.c.cells, rows.c.parked)
        .where(rows.c.batch_id == sheet_id, rows.c.position == position, not_(rows.c.parked))
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    cells = json.loads(found.cells)
    return OwnRow(key=found.key, position=found.position, cells=cells, parked=found.parked)


def failed_rows(
    connection: Connection, sheet_id: int, kind: str, cause: str, *, most: int
) -> list[int]:
    """The first row numbers that failed this way; kind `in_doubt` for those in doubt."""
    doubtful = kind == State.IN_DOUBT
    failed = and_(jobs.c.state == State.FAILED.value, jobs.c.kind == kind)
    wanted = (jobs.c.state == State.IN_DOUBT.value) if doubtful else failed
    found = connection.execute(
        select(jobs.c.position)
        .where(
            jobs.c.batch_id == sheet_id,
            jobs.c.listed,
            wanted,
            func.coalesce(jobs.c.cause, "") == cause,
        )
        .order_by(jobs.c.position)
        .limit(most)
    )
    return list(found.scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class FewRows:
    """The outcomes of a few rows."""

    done: int
    in_doubt: int
    failures: dict[FailureClass, int]
    cost: float | None  # None: some of their calls have no price
    currency: str | None
    files: tuple[str, ...]  # below the workspace's folder for files


def read_few_rows(connection: Connection, ids: Collection[int]) -> FewRows:
    """The outcomes of the rows with these jobs; for a few jobs only."""
    mine = jobs.c.id.in_(list(ids))
    found = connection.execute(
        select(jobs.c.state, jobs.c.kind, func.count())
        .where(mine)
        .group_by(jobs.c.state, jobs.c.kind)
    ).all()
    paid = connection.execute(
        select(calls.c.cost, calls.c.currency)
        .join(attempts, attempts.c.call_id == calls.c.id)
        .where(attempts.c.job_id.in_(list(ids)), IS_PAID)
    ).all()
    known = bool(paid) and all(cost is not None for cost, _ in paid)
    names = connection.execute(
        select(files.c.name)
        .where(files.c.job_id.in_(list(ids)), files.c.state == "done")
        .order_by(files.c.saved_at)
    ).scalars()
    return FewRows(
        done=sum(count for state, _, count in found if state == State.DONE),
        in_doubt=sum(count for state, _, count in found if state == State.IN_DOUBT),
        failures={
            FailureClass(kind): count for state, kind, count in found if state == State.FAILED
        },
        cost=sum(cost for cost, _ in paid) if known else None,
        currency=paid[0].currency if known else None,
        files=tuple(name for name in names if name is not None),
    )
