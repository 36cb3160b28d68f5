"""Stages a sheet beside the table and compares them before anything changes."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, true

from jobs.store.database import loads, lock_for_load
from jobs.store.edits import Edit, replace_edits
from jobs.store.spans import Absence, Span, absence_in
from jobs.store.staging import matching, plan
from jobs.store.staging.incoming import StagingTarget, incoming, make_tables
from jobs.store.staging.landing import Staged, count_among, repeated
from jobs.store.staging.laying import apply_load
from jobs.store.staging.plan import Change, LoadPlan

_NAMES = [column.name for column in incoming.columns][:10]


class Staging:
    """One staged sheet on one connection: add, number, match, plan, apply, in this order."""

    def __init__(self, connection: Connection, *, sheet_id: int, by_request: bool) -> None:
        self._beside = StagingTarget(
            connection=connection, sheet_id=sheet_id, by_request=by_request
        )
        self._connection = connection
        self.edits: list[Edit] | None = None  # to be kept with the sheet; None: there were none
        make_tables(connection)
        self._insert = str(
            insert(incoming)
            .values({name: bindparam(name) for name in _NAMES})
            .compile(dialect=connection.dialect)
        )
        self._positional = connection.dialect.positional

    def add(self, some: Staged) -> None:
        """Stage some rows, as plain tuples, since a million of them pass here."""
        places = range(len(some.positions))
        problems, skips = map(some.problems.get, places), map(some.skips.get, places)
        earlier = some.earlier if some.earlier is not None else [None] * len(places)
        known = (some.positions, some.keys, some.digests)
        asked = (some.endpoints, some.models, some.fields)
        lines = list(zip(*known, *asked, some.cells, problems, skips, earlier, strict=True))
        if self._positional:
            self._connection.exec_driver_sql(self._insert, lines)
        else:
            named = [dict(zip(_NAMES, one, strict=True)) for one in lines]
            self._connection.execute(insert(incoming), named)

    def repeated_keys(self, *, most: int = 50) -> list[tuple[str, list[int]]]:
        """Keys that occur in several rows, with their row numbers."""
        return repeated(self._connection, incoming.c.key, incoming.c.position, most=most)

    def number(self) -> None:
        """Count true duplicates: the k-th row with the same request is its occurrence k, from 0."""
        matching.number(self._beside, edited=self.edits is not None)

    def match(self) -> None:
        """Find the job of each row: its own if the request is the same, else a free one with it.

        From here on nothing may be claimed on a shared table; answers go on being written.
        """
        if loads(self._connection):
            lock_for_load(self._connection)
        matching.match(self._beside)

    def plan(self) -> LoadPlan:
        """Count what `apply` would do; changes nothing."""
        return plan.plan(self._beside)

    def changes(self) -> Iterator[Change]:
        """The rows that would be bought again, with their fields before and after."""
        return plan.changes(self._beside)

    def answered_in(self, digests: Iterator[bytes]) -> int:
        """How many staged rows have their request among these digests of another table."""
        return count_among(self._connection, incoming.c.digest, digests)

    def problems(
        self, *, most: int = 200, keys: Collection[str] | None = None
    ) -> list[tuple[int, str]]:
        """Rows that cannot become a request, of these keys if given: number, reason (JSON)."""
        mine = true() if keys is None else incoming.c.key.in_(list(keys))
        found = self._connection.execute(
            select(incoming.c.position, incoming.c.problem)
            .where(incoming.c.problem.is_not(None), mine)
            .order_by(incoming.c.position)
            .limit(most)
        )
        return [(row.position, str(row.problem)) for row in found]

    def models(self) -> list[tuple[str, int]]:
        """Models and how many staged rows ask for each."""
        found = self._connection.execute(
            select(incoming.c.model, func.count())
            .where(incoming.c.problem.is_(None), incoming.c.skip.is_(None))
            .group_by(incoming.c.model)
            .order_by(func.count().desc(), incoming.c.model)
        )
        return [(model, count) for model, count in found]

    def first(self, count: int) -> list[tuple[int, str, str]]:
        """The first staged requests: row number, endpoint, fields (JSON)."""
        found = self._connection.execute(
            select(incoming.c.position, incoming.c.endpoint, incoming.c.fields)
            .where(incoming.c.problem.is_(None), incoming.c.skip.is_(None))
            .order_by(incoming.c.position)
            .limit(count)
        )
        return [(row.position, row.endpoint, row.fields) for row in found]

    def apply(self, *, now: float, sheet: dict[str, Any]) -> None:
        """Apply the staged sheet: add jobs, point rows at them, park jobs without a row."""
        if self.edits is not None:
            replace_edits(self._connection, self._beside.sheet_id, self.edits)
        apply_load(self._beside, now=now, sheet=sheet)


def absence_staged(connection: Connection, spans: Collection[Span]) -> Absence | None:
    """Which of these rows the sheet staged on this connection lacks."""
    return absence_in(connection, incoming.c.position, true(), spans)
