"""Statements for many rows at once, compiled once and handed to the driver as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.dml import UpdateBase


class Direct:
    """One write whose every value is a named parameter, given as the driver takes it.

    It spares each row what SQLAlchemy does with parameters, which costs more than the write itself.
    `besides` holds the same statement in the words of other databases, by dialect.
    """

    def __init__(
        self, statement: UpdateBase, besides: Mapping[str, UpdateBase] | None = None
    ) -> None:
        self._statement = statement
        self._besides = besides or {}
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
        statement = self._besides.get(dialect.name, self._statement)
        return str(statement.compile(dialect=spoken))
