"""The only door to the table: everything that reads or writes it goes through here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError

from jobs.database import (
    EmptyTableError,
    TableError,
    create,
    look_at_sqlite,
    open_sqlite,
    roomy,
    sqlite_engine,
    staging_engine,
    written_once,
)

Transaction = Connection
"""What the functions of this package take first: one transaction of a `Store`."""

BusyError = OperationalError
"""The database is briefly away: locked, or its disk does not answer. Trying again is right."""


class Store:
    """One table, opened."""

    def __init__(self, writer: Engine, reader: Engine) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    def open(cls, path: Path) -> "Store":
        """A SQLite table for the one process that writes it; made or migrated as needed."""
        return cls(open_sqlite(path), sqlite_engine(path, writer=False))

    @classmethod
    def look(cls, path: Path) -> "Store":
        """A SQLite table for reading beside a run. The table must exist."""
        reader = look_at_sqlite(path)
        return cls(reader, reader)

    @classmethod
    def stage(cls, path: Path) -> "Store":
        """A SQLite table for comparing a sheet with it; a session can make temporary tables."""
        return cls(staging_engine(path), look_at_sqlite(path))

    @classmethod
    def scratch(cls) -> "Store":
        """An empty table in memory, for looking at a sheet that was never loaded."""
        engine = create_engine("sqlite://")
        create(engine)
        return cls(engine, engine)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction: committed whole at the end, or not at all."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Transaction]:
        """One connection for several transactions in turn, begun and committed by the caller."""
        with self._writer.connect() as connection, roomy(connection):
            yield connection

    @contextmanager
    def first_load(self) -> Iterator[Transaction]:
        """One transaction over empty tables: committed whole at the end, or not at all."""
        if self._reader is not self._writer:
            self._reader.dispose()  # our own idle connection must not keep the journal as it is
        with (
            self._writer.connect() as connection,
            roomy(connection),
            written_once(connection),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent look at the table."""
        with self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the file back."""
        self._writer.dispose()
        self._reader.dispose()


__all__ = ["BusyError", "EmptyTableError", "Store", "TableError", "Transaction"]
