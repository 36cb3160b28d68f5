"""The only door to the table: everything that reads or writes it goes through here."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DatabaseError, OperationalError

from jobs.errors import EmptyTableError, OlderTableError, TableError
from jobs.store.database import (
    copy_open,
    copy_table,
    create,
    look_at_sqlite,
    named_damage,
    open_sqlite,
    roomy,
    sqlite_engine,
    staging_engine,
    written_once,
)

Transaction = Connection
"""One transaction of a `Store`, the first argument of this package's functions."""

BusyError = OperationalError
"""The database is briefly unavailable (locked, or its disk does not respond): try again."""

DriverError = DatabaseError
"""Any error of the database, damage included."""


def is_full(error: BusyError) -> bool:
    """True if the table's disk is full."""
    return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def is_faulty(error: BusyError) -> bool:
    """True if the disk itself failed: flushed data may be lost, whatever it reports later."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


class Store:
    """An open table."""

    def __init__(self, writer: Engine, reader: Engine, *, path: Path = Path("jobs.db")) -> None:
        self._writer = writer
        self._reader = reader
        self._path = path

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open a SQLite table as its only writer; creates or migrates it as needed."""
        return cls(open_sqlite(path), sqlite_engine(path, writer=False), path=path)

    @classmethod
    def look(cls, path: Path) -> "Store":
        """Open an existing SQLite table for reading, also during a run."""
        reader = look_at_sqlite(path)
        return cls(reader, reader, path=path)

    @classmethod
    def stage(cls, path: Path) -> "Store":
        """Open a SQLite table to compare a sheet with it, in temporary tables of a session."""
        return cls(staging_engine(path), look_at_sqlite(path), path=path)

    @staticmethod
    def copy_forward(path: Path, target: Path) -> None:
        """Copy a SQLite table and migrate the copy; the original is unchanged."""
        copy_table(path, target)
        open_sqlite(target).dispose()

    @classmethod
    def scratch(cls) -> "Store":
        """An empty table in memory, for a sheet that was never loaded."""
        engine = create_engine("sqlite://")
        create(engine)
        return cls(engine, engine)

    def __enter__(self) -> Self:
        """Close it at the end of a `with`."""
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction: committed whole at the end, or not at all."""
        with named_damage(self._path), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Transaction]:
        """One connection for several transactions, which the caller begins and commits."""
        with (
            named_damage(self._path),
            self._writer.connect() as connection,
            roomy(connection),
        ):
            yield connection

    @contextmanager
    def first_load(self) -> Iterator[Transaction]:
        """One transaction over empty tables: committed whole at the end, or not at all."""
        if self._reader is not self._writer:
            self._reader.dispose()  # an idle connection would keep the journal mode
        with (
            named_damage(self._path),
            self._writer.connect() as connection,
            roomy(connection),
            written_once(connection),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent snapshot of the table."""
        with named_damage(self._path), self._reader.begin() as connection:
            yield connection

    def copy_to(self, target: Path) -> None:
        """Copy this table as it is open here, consistently, even if its file was moved."""
        with self._writer.connect() as connection:
            driver = connection.connection.driver_connection
            copy_open(driver, target)

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()


__all__ = [
    "BusyError",
    "DriverError",
    "EmptyTableError",
    "OlderTableError",
    "Store",
    "TableError",
    "Transaction",
    "is_faulty",
    "is_full",
]
