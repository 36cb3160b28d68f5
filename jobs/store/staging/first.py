"""Loads a first sheet straight into empty tables: written once, indexed at the end."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Table,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    table,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from jobs.job import State
from jobs.store.edits import Edit
from jobs.store.schema import DIGESTS, KEYS, jobs, rows
from jobs.store.staging.incoming import make_tables, pair, pairs
from jobs.store.staging.landing import Staged, count_among, repeated
from jobs.store.staging.lines import StagedColumns, job_values, remember, row_values
from jobs.store.staging.matching import key_of_occurrence
from jobs.store.staging.plan import Change, LoadPlan

AT_ONCE = 250  # rows per statement; the driver's work per statement costs more than a row


def is_empty(connection: Connection) -> bool:
    """True if no sheet was ever loaded into this table."""
    return connection.execute(select(jobs.c.id).limit(1)).scalar() is None


class FirstLoad:
    """Inserts a sheet while it is read, in one transaction that the caller may roll back.

    The result is the same as staging the sheet and applying it. Indexes in sheet order grow at
    their end. Others would be rewritten again and again, so they are created once all rows are in;
    if one cannot be created, there are repeated keys or requests.
    """

    def __init__(
        self, connection: Connection, *, sheet_id: int, by_request: bool, now: float
    ) -> None:
        self._connection = connection
        self._sheet_id = sheet_id
        self._by_request = by_request
        self.edits: list[Edit] | None = None  # an edited sheet is staged instead
        self._missing: list[Index] = [KEYS, DIGESTS]
        for index in self._missing:
            index.drop(connection, checkfirst=True)
        for one in (rows, jobs):
            connection.execute(delete(one))  # left by a load under another row identity
        self._models: Counter[str] = Counter()
        self._staged = self._bad = self._skipped = 0
        self._alike_jobs, self._jobs, self._rows = _statements(connection, sheet_id, now)

    def add(self, some: Staged) -> None:
        """Insert some rows."""
        count = len(some.positions)
        self._staged += count
        self._bad += len(some.problems)
        if (
            not some.problems
            and not some.skips
            and _is_alike(some.endpoints)
            and _is_alike(some.models)
        ):
            self._models[some.models[0]] += count
            once = (some.endpoints[0], some.models[0])
            self._alike_jobs.run(some.positions, some.digests, some.fields, once=once)
        else:
            left_out = some.problems.keys() | some.skips.keys()
            good = (one for place, one in enumerate(some.models) if place not in left_out)
            self._models.update(good)
            self._skipped += len(some.skips)
            problems = [some.problems.get(place) for place in range(count)]
            skips = [some.skips.get(place) for place in range(count)]
            asked = (some.endpoints, some.models, some.fields)
            self._jobs.run(some.positions, some.digests, *asked, problems, skips)
        self._rows.run(some.positions, some.keys, some.cells)

    def repeated_keys(self, *, most: int = 50) -> list[tuple[str, list[int]]]:
        """Keys that occur in several rows, with their row numbers."""
        if self._could_make(KEYS):
            return []
        return repeated(self._connection, rows.c.key, rows.c.position, most=most)

    def number(self) -> None:
        """Count true duplicates: the k-th row with the same request is its occurrence k, from 0."""
        if not self._could_make(DIGESTS):
            self._number_duplicates()
        for index in self._missing:
            index.create(self._connection)
        self._missing = []

    def _could_make(self, index: Index) -> bool:
        """Create a unique index. False if the rows are not unique."""
        try:
            with self._connection.begin_nested():
                index.create(self._connection)
        except IntegrityError:
            return False
        self._missing.remove(index)
        return True

    def _number_duplicates(self) -> None:
        connection = self._connection
        make_tables(connection)
        many = select(jobs.c.digest).group_by(jobs.c.digest).having(func.count() > 1)
        place = func.row_number().over(partition_by=jobs.c.digest, order_by=jobs.c.position)
        pair(connection, select(jobs.c.position, place - 1).where(jobs.c.digest.in_(many)))
        connection.execute(
            update(jobs).values(occurrence=pairs.c.value).where(jobs.c.id == pairs.c.position)
        )
        if self._by_request:
            key = key_of_occurrence(rows.c.key, pairs.c.value)
            connection.execute(update(rows).values(key=key).where(rows.c.id == pairs.c.position))

    def match(self) -> None:
        """Nothing to match with: the tables were empty."""

    def plan(self) -> LoadPlan:
        """All rows are new."""
        return LoadPlan(
            staged=self._staged,
            bad=self._bad,
            skipped=self._skipped,
            first=True,
            new=self._staged,
        )

    def changes(self) -> Iterator[Change]:
        """None: nothing was bought yet."""
        return iter(())

    def answered_in(self, digests: Iterator[bytes]) -> int:
        """How many rows have a request with one of these digests of another table."""
        return count_among(self._connection, jobs.c.digest, digests)

    def problems(
        self, *, most: int = 200, keys: Collection[str] | None = None
    ) -> list[tuple[int, str]]:
        """Rows that cannot become a request, of these keys if given: number, reason (JSON)."""
        of_keys = select(rows.c.job_id).where(rows.c.key.in_(list(keys or ())))
        mine = true() if keys is None else jobs.c.id.in_(of_keys)
        found = self._connection.execute(
            select(jobs.c.position, jobs.c.detail)
            .where(jobs.c.batch_id == self._sheet_id, jobs.c.state == State.FAILED.value, mine)
            .order_by(jobs.c.turn)
            .limit(most)
        )
        return [(row.position, str(row.detail)) for row in found]

    def models(self) -> list[tuple[str, int]]:
        """Models and how many rows ask for each."""
        return sorted(self._models.items(), key=lambda one: (-one[1], one[0]))

    def first(self, count: int) -> list[tuple[int, str, str]]:
        """The first requests: row number, endpoint, fields (JSON)."""
        found = self._connection.execute(
            select(jobs.c.position, jobs.c.endpoint, jobs.c.fields)
            .where(jobs.c.batch_id == self._sheet_id, jobs.c.state == State.READY.value)
            .order_by(jobs.c.turn)
            .limit(count)
        )
        return [(row.position, row.endpoint, row.fields) for row in found]

    def apply(self, *, now: float, sheet: dict[str, Any]) -> None:
        """Record the sheet; its rows are already in."""
        remember(self._connection, self._sheet_id, sheet, now=now)


def _is_alike(values: Sequence[str]) -> bool:
    return values.count(values[0]) == len(values)


class _Bulk:
    """Inserts columns of values, many rows per statement.

    Passing a value to the driver costs nearly as much as storing it, so values that are the same in
    all rows of a statement are passed `once`.
    """

    def __init__(
        self,
        connection: Connection,
        target: Table,
        values: dict[str, ColumnElement[Any]],
        *,
        width: int,
    ) -> None:
        made = select(*values.values()).select_from(_GIVEN)
        statement = insert(target).from_select(list(values), made)
        self._connection = connection
        self._mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        self._text = str(
            statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        ).replace(_ONCE, self._mark)
        self._width = width
        self._texts: dict[int, str] = {}  # by number of rows

    def run(self, *columns: Sequence[Any], once: tuple[Any, ...] = ()) -> None:
        """Insert the rows in their order."""
        for start in range(0, len(columns[0]), AT_ONCE):
            rows_of_it = zip(*(one[start : start + AT_ONCE] for one in columns), strict=True)
            values = (*once, *chain.from_iterable(rows_of_it))
            self._connection.exec_driver_sql(self._for(len(values) - len(once)), values)

    def _for(self, count: int) -> str:
        """The statement for this many rows."""
        text = self._texts.get(count)
        if text is None:
            line = f"({', '.join([self._mark] * self._width)})"
            given = f"FROM (VALUES {', '.join([line] * (count // self._width))}) AS given"
            text = self._texts[count] = self._text.replace("FROM given", given)
        return text


_GIVEN = table("given", *(column(f"column{number}") for number in range(1, 8)))
"""The lines of one statement; both databases name the columns of VALUES so."""
_ONCE = "handed_over_once"
"""Stands where a statement takes a value that all its rows share."""


def _statements(connection: Connection, sheet_id: int, now: float) -> tuple[_Bulk, _Bulk, _Bulk]:
    """The statements for jobs of one endpoint and model, for any jobs, and for rows."""
    nothing: Any = null()
    once: Any = literal_column(_ONCE)
    position, second, third, fourth, fifth, sixth, seventh = (one for one in _GIVEN.c)
    line: dict[str, Any] = {
        "number": position,
        "position": position,
        "digest": second,
        "key": second,
        "occurrence": literal(0),
        "cells": third,
    }
    alike = StagedColumns(
        **line, endpoint=once, model=once, fields=third, problem=nothing, skip=nothing
    )
    other = StagedColumns(
        **line, endpoint=third, model=fourth, fields=fifth, problem=sixth, skip=seventh
    )
    alike_jobs = job_values(alike, sheet_id=sheet_id, now=now)
    other_jobs = job_values(other, sheet_id=sheet_id, now=now)
    all_rows = row_values(alike, row_id=position, sheet_id=sheet_id)
    return (
        _Bulk(connection, jobs, alike_jobs, width=3),
        _Bulk(connection, jobs, other_jobs, width=7),
        _Bulk(connection, rows, all_rows, width=3),
    )
