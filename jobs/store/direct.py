"""Statements for many rows at once, compiled once and handed to the driver as they are."""

import importlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.sql.dml import UpdateBase


def inserting(dialect: Dialect, table: Table) -> Any:
    """INSERT in the words of this database, which each says ON CONFLICT in its own way.

    The dialect that is in use is imported; the others take 30 ms and are not.
    """
    return importlib.import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)


_Constants: TypeAlias = tuple[tuple[str, bool | None], ...]

_WORDS = {None: "NULL", True: "TRUE", False: "FALSE"}
_PARAMETER = re.compile(r"(?<!:):(\w+)|%\((\w+)\)s")


class Direct:
    """One write whose every value is a named parameter, given as the driver takes it.

    It spares each row what SQLAlchemy does with parameters, which costs more than the write itself.
    NULL, TRUE and FALSE stand in the words: as parameters, each takes sqlite3 longer than all else
    of a row, since it looks for adapters of them. Rows that have the same ones share the words. A
    statement that databases say in their own ways comes as a function of the dialect.
    """

    def __init__(self, statement: UpdateBase | Callable[[Dialect], UpdateBase]) -> None:
        self._statement = statement
        self._texts: dict[tuple[str, _Constants], str] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for all rows; returns how many rows of the table were touched."""
        alike: defaultdict[_Constants, list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            alike[_constants_of(row)].append(row)
        return sum(
            connection.exec_driver_sql(self._text(connection.dialect, constants), some).rowcount
            for constants, some in alike.items()
        )

    def _text(self, dialect: Dialect, constants: _Constants) -> str:
        known = self._texts.get((dialect.name, constants))
        if known is None:
            words = {name: _WORDS[value] for name, value in constants}
            known = self._texts[dialect.name, constants] = _PARAMETER.sub(
                lambda found: words.get(found[1] or found[2], found[0]), self._compiled(dialect)
            )
        return known

    def _compiled(self, dialect: Dialect) -> str:
        """The words with parameters by name: psycopg has them so, sqlite3 understands them too."""
        named: Any = type(dialect)
        spoken = named(paramstyle="named") if dialect.positional else dialect
        found = self._statement
        statement = found if isinstance(found, UpdateBase) else found(dialect)
        return str(statement.compile(dialect=spoken))


def _constants_of(row: Mapping[str, Any]) -> _Constants:
    return tuple(
        [
            (name, value)
            for name, value in row.items()
            if value is None or value is True or value is False
        ]
    )
