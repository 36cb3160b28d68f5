"""Statements for many rows at once, compiled once and handed to the driver as they are."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.sql.dml import UpdateBase


def inserting(dialect: Dialect, table: Table) -> Any:
    """INSERT in the words of this database, which each says ON CONFLICT in its own way.

    The dialect that is in use is imported; the others take 30 ms and are not.
    """
    return importlib.import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)


class Direct:
    """One write whose every value is a named parameter, given as the driver takes it.

    It spares each row what SQLAlchemy does with parameters, which costs more than the write itself.
    A statement that databases say in their own ways comes as a function of the dialect.
    """

    def __init__(self, statement: UpdateBase | Callable[[Dialect], UpdateBase]) -> None:
        self._statement = statement
        self._texts: dict[str, str] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for all rows; returns how many rows of the table were touched."""
        dialect = connection.dialect
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = self._compiled(dialect)
        return connection.exec_driver_sql(text, list(rows)).rowcount

    def _compiled(self, dialect: Dialect) -> str:
        """The words with parameters by name: psycopg has them so, sqlite3 understands them too."""
        named: Any = type(dialect)
        spoken = named(paramstyle="named") if dialect.positional else dialect
        found = self._statement
        statement = found if isinstance(found, UpdateBase) else found(dialect)
        return str(statement.compile(dialect=spoken))
