"""Statements for many rows, compiled once and passed straight to the driver."""

import importlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from types import NoneType
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Table, TableClause, column, select, table, true
from sqlalchemy.sql.dml import UpdateBase


def inserting(dialect: Dialect, table: Table) -> Any:
    """INSERT of this database's dialect, since ON CONFLICT differs between them.

    Only the dialect in use is imported; each takes 30 ms.
    """
    return importlib.import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)


def given(*names: str) -> TableClause:
    """The values given to a BulkStatement, as a table; its columns have no types."""
    return table("given", *map(column, names))


def inserting_given(dialect: Dialect, target: Table, source: TableClause) -> Any:
    """INSERT of the given columns, under their own names."""
    some = select(*source.c).where(true())  # SQLite needs a WHERE before ON CONFLICT
    return inserting(dialect, target).from_select(source.c.keys(), some, include_defaults=False)


BLOCK_ROWS = 16  # rows per statement
_GIVEN = re.compile(r"\bgiven\.(\w+)")
_FROM = re.compile(r"\s+FROM given\b")

_Row: TypeAlias = tuple[Any, ...]
_Kinds: TypeAlias = tuple[type, ...]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """The text of a statement for so many rows, and the values of a row that it takes."""

    text: str
    taken: Callable[[_Row], _Row]
    rows: int

    def parameters(self, rows: Iterable[_Row]) -> list[_Row]:
        """The parameters of each execution, for as many rows as the text takes."""
        taken = map(self.taken, rows)
        others = self.rows - 1
        return [(*first, *chain.from_iterable(islice(taken, others))) for first in taken]


class BulkStatement:
    """One write whose values all come from `given`, passed to the driver directly.

    SQLAlchemy's work on the parameters of a row costs more than the write itself. Rows go in
    blocks, since each execution releases the GIL and waits to get it back, which takes longer than
    the work. NULL is written into the text, because sqlite3 would look up an adapter for it. A
    statement that differs between databases is given as a function of the dialect.
    """

    def __init__(
        self, source: TableClause, statement: UpdateBase | Callable[[Dialect], UpdateBase]
    ) -> None:
        self._names = tuple(source.c.keys())
        self._values = itemgetter(*self._names)
        self._statement = statement
        self._known: dict[tuple[str, _Kinds, int], _Spoken] = {}

    def run(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Execute it for all rows; returns how many rows of the table changed."""
        alike: defaultdict[_Kinds, list[_Row]] = defaultdict(list)
        for values in map(self._values, rows):
            alike[tuple(map(type, values))].append(values)
        touched = 0
        for kinds, some in alike.items():
            whole = len(some) - len(some) % BLOCK_ROWS
            for size, part in ((BLOCK_ROWS, some[:whole]), (1, some[whole:])):
                if part:
                    spoken = self._spoken(connection.dialect, kinds, size)
                    parameters = spoken.parameters(part)
                    touched += connection.exec_driver_sql(spoken.text, parameters).rowcount
        return touched

    def _spoken(self, dialect: Dialect, kinds: _Kinds, size: int) -> _Spoken:
        key = (dialect.name, kinds, size)
        if key not in self._known:
            null = {name for name, kind in zip(self._names, kinds, strict=True) if kind is NoneType}
            text = _GIVEN.sub(
                lambda found: "NULL" if found[1] in null else found[0], self._compiled(dialect)
            )
            mark = "?" if dialect.positional else "%s"
            text, names = _for_one(text, mark) if size == 1 else _for_many(text, mark, size)
            taken = itemgetter(*map(self._names.index, names))
            self._known[key] = _Spoken(text, taken, size)
        return self._known[key]

    def _compiled(self, dialect: Dialect) -> str:
        found = self._statement
        statement = found if isinstance(found, UpdateBase) else found(dialect)
        return str(statement.compile(dialect=dialect))


def _for_one(text: str, mark: str) -> tuple[str, list[str]]:
    """The text with placeholders for one row, and the names of their values in order."""
    return _GIVEN.sub(mark, _FROM.sub("", text)), _GIVEN.findall(text)


def _for_many(text: str, mark: str, rows: int) -> tuple[str, list[str]]:
    """The text with placeholders for many rows, and the names of their values in order."""
    names = list(dict.fromkeys(_GIVEN.findall(text)))
    row = f"({', '.join([mark] * len(names))})"
    columns = ", ".join(f"column{at} AS {name}" for at, name in enumerate(names, start=1))
    listed = f"(VALUES {', '.join([row] * rows)}) AS listed"
    source = f" FROM (SELECT {columns} FROM {listed}) AS given"  # noqa: S608 - names of our own
    return _FROM.sub(source, text), names
