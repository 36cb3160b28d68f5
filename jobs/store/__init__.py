"""The only door to the table: everything that reads or writes it goes through here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from jobs.errors import EmptyTableError, OlderTableError, TableError
from jobs.store.database import (
    PURPOSE,
    copy_open,
    copy_table,
    create,
    limits_keys,
    lock_for_load,
    look_at_sqlite,
    may_claim,
    named_damage,
    open_sqlite,
    roomy,
    sqlite_engine,
    staging_engine,
    written_once,
)
from jobs.store.error_codes import is_away, is_faulty, is_full

Transaction = Connection
"""One transaction of a `Store`, the first argument of this package's functions."""

BusyError = OperationalError
"""The database is briefly unavailable (locked, or its disk does not respond): try again."""

DriverError = DatabaseError
"""Any error of the database, damage included."""


class Store:
    """An open table.

    `again` opens a shared one, on which other machines may work, once more. `compares`: sheets are
    only compared with it.
    """

    def __init__(
        self,
        writer: Engine,
        reader: Engine,
        *,
        path: Path = Path("jobs.db"),
        again: "Callable[[], Store] | None" = None,
        compares: bool = False,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._path = path
        self.shared = again is not None
        self._loading = {PURPOSE: "compare" if compares else "load"}
        self._again = again or (lambda: Store.open(path))

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
        return cls(staging_engine(path), look_at_sqlite(path), path=path, compares=True)

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
        with self._named_damage(), _begun(self._writer) as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Transaction]:
        """One connection for several transactions, which the caller begins and commits."""
        with (
            self._named_damage(),
            self._writer.connect() as connection,
            roomy(connection),
        ):
            yield connection.execution_options(**self._loading)

    @contextmanager
    def first_load(self) -> Iterator[Transaction]:
        """One transaction over empty tables: committed whole at the end, or not at all.

        Another process may have loaded them while this one waited for its turn.
        """
        if self._reader is not self._writer:
            self._reader.dispose()  # an idle connection would keep the journal mode
        with (
            self._named_damage(),
            self._writer.connect().execution_options(**self._loading) as connection,
            roomy(connection),
            written_once(connection),
            connection.begin(),
        ):
            lock_for_load(connection)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent snapshot of the table."""
        with self._named_damage(), _begun(self._reader) as connection:
            yield connection

    def _named_damage(self) -> AbstractContextManager[None]:
        return named_damage(self._path, shared=self.shared)

    def apart(self) -> "Store":
        """The same table over connections of its own, for a thread that must not wait for ours."""
        return self._again()

    def beside_reading(self) -> "Store":
        """The same table, written over the connections that read: for another thread's few words.

        It is closed with this store.
        """
        writer = self._reader.execution_options(**{PURPOSE: "write"})
        return Store(writer, self._reader, again=self._again if self.shared else None)

    def copy_to(self, target: Path) -> None:
        """Copy this table as it is open here, consistently, even if its file was moved."""
        with self._writer.connect() as connection:
            driver = connection.connection.driver_connection
            copy_open(driver, target)

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()


@contextmanager
def _begun(engine: Engine) -> Iterator[Transaction]:
    """A transaction; on a new connection where the idle one was closed meanwhile."""
    with ExitStack() as stack:
        connection = stack.enter_context(engine.connect())
        try:
            transaction = connection.begin()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            connection = stack.enter_context(engine.connect())
            transaction = connection.begin()
        stack.enter_context(transaction)
        yield connection


__all__ = [
    "BusyError",
    "DriverError",
    "EmptyTableError",
    "OlderTableError",
    "Store",
    "TableError",
    "Transaction",
    "is_away",
    "is_faulty",
    "is_full",
    "limits_keys",
    "lock_for_load",
    "may_claim",
]
