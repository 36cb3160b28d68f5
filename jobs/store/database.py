"""Database engines: verifies their settings, checks the schema, migrates an older table."""

import logging
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError

from jobs.errors import EmptyTableError, OlderTableError, TableError
from jobs.filesystem import on_shared_file_system
from jobs.store.error_codes import is_damage, plain_reason
from jobs.store.schema import REVISION, metadata
from jobs.store.sql_views import VIEWS

# Without a handler, logging prints a connection that a signal cut short on the terminal.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())

BUSY_SECONDS = 30


def sqlite_engine(path: Path, *, writer: bool) -> Engine:
    """An engine for one SQLite file; sets up each connection and verifies its settings."""
    engine = create_engine(_url(path), connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    shared = on_shared_file_system(path)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun by _begin, not by the driver
        _set_up(connection, writer=writer, shared=shared)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _url(path: Path) -> URL:
    """The URL of a file; as text, a `?` in its name would start the query."""
    return URL.create("sqlite", database=str(path))


def staging_engine(path: Path) -> Engine:
    """An engine for comparing a sheet with a table: it may only create temporary tables.

    `query_only` would forbid those too; a file opened read-only would leave -wal and -shm behind.
    """
    engine = create_engine(_url(path), connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # as above
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.set_authorizer(_temporary_only)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")  # deferred: it never takes the write lock

    return engine


_CHANGES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})


def _temporary_only(
    action: int, _table: str | None, _column: str | None, database: str | None, _source: str | None
) -> int:
    """SQLite's authorizer callback: denies changes to the main database."""
    return sqlite3.SQLITE_DENY if database == "main" and action in _CHANGES else sqlite3.SQLITE_OK


def _set_up(connection: sqlite3.Connection, *, writer: bool, shared: bool) -> None:
    def pragma(words: str) -> Any:
        found = connection.execute(f"PRAGMA {words}").fetchone()
        return found[0] if found else None

    pragma("foreign_keys=ON")
    pragma("trusted_schema=OFF")
    pragma("mmap_size=0")
    if not writer:
        pragma("query_only=ON")
        return
    wanted = "delete" if shared else "wal"
    mode = pragma(f"journal_mode={wanted}")
    if mode != wanted and not shared:
        wanted, mode = "delete", pragma("journal_mode=delete")
    if mode != wanted:
        raise TableError("table_journal", mode=str(mode), wanted=wanted)
    pragma("synchronous=FULL" if mode == "wal" else "synchronous=EXTRA")
    pragma("journal_size_limit=67108864")
    if sys.platform == "darwin":
        pragma("fullfsync=1")
        pragma("checkpoint_fullfsync=1")
    if pragma("synchronous") < 2:
        raise TableError("table_not_synchronous")


LOAD_CACHE_PAGES = -6_000  # KiB; with less, a big load reads and writes its indexes again and again
USUAL_CACHE_PAGES = -2_000  # KiB; SQLite's own


@contextmanager
def roomy(connection: Connection) -> Iterator[None]:
    """Enlarge SQLite's page cache while a sheet is loaded."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection  # SQLAlchemy would begin a transaction
    assert isinstance(driver, sqlite3.Connection)
    driver.execute(f"PRAGMA cache_size={LOAD_CACHE_PAGES}")
    try:
        yield
    finally:
        if not connection.invalidated:  # Ctrl-C in the middle of a statement closes it
            driver.execute(f"PRAGMA cache_size={USUAL_CACHE_PAGES}")
            driver.execute("PRAGMA shrink_memory")


@contextmanager
def written_once(connection: Connection) -> Iterator[None]:
    """Write new pages straight into a SQLite file, without a WAL.

    A first load would otherwise write every page twice. If another process has the file open, the
    journal mode stays. A crash in between rolls back as with a WAL.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection  # as above
    assert isinstance(driver, sqlite3.Connection)
    (mode,) = driver.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal":
        with suppress(sqlite3.OperationalError):  # locked: another process is reading the table
            driver.execute("PRAGMA busy_timeout=0")
            driver.execute("PRAGMA journal_mode=delete")
            driver.execute("PRAGMA synchronous=EXTRA")
        driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    try:
        yield
    finally:
        if mode == "wal" and not connection.invalidated:
            try:
                _set_up(driver, writer=True, shared=False)
            except sqlite3.OperationalError:  # the disk failed; a new connection will report it
                connection.invalidate()


_LOCK_KIND = 0x726F776D  # "rowm": the first of two numbers that name an advisory lock
_THIS_TABLE = func.hashtext(func.current_schema())
_HOLD = select(func.pg_advisory_xact_lock(_LOCK_KIND, _THIS_TABLE))
_SHARE = select(func.pg_try_advisory_xact_lock_shared(_LOCK_KIND, _THIS_TABLE))


PURPOSE = "rowmill_purpose"
"""The execution option of a transaction that is not what its engine is for: `load`, `compare`."""


def loads(connection: Connection) -> bool:
    """True if this transaction may change what the sheet is, rather than compare it."""
    return connection.get_execution_options().get(PURPOSE) == "load"


def limits_keys(connection: Connection) -> bool:
    """True if an index of this database takes short keys only."""
    return connection.dialect.name != "sqlite"


def lock_for_load(connection: Connection) -> None:
    """Wait for claims to end, and let none begin until this transaction has ended.

    SQLite has one writer anyway.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(_HOLD)


def may_claim(connection: Connection) -> bool:
    """True if no load holds the lock or waits for it; none gets it before this transaction ends."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.execute(_SHARE).scalar_one())


_BROKEN = (DatabaseError, UnicodeDecodeError)
"""What an unreadable table raises; the second if SQLite's own error message is unreadable."""


@contextmanager
def named_damage(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Turn errors of a damaged table into a TableError that names it and the remedy."""
    try:
        yield
    except _BROKEN as error:
        if not is_damage(error):
            raise
        if shared:
            raise TableError("database_damaged", reason=plain_reason(error)) from error
        raise damaged(path, _reason(error)) from error


def _reason(error: Exception) -> str:
    """The database's own message."""
    return str(getattr(error, "orig", error))


def damaged(path: Path, reason: str) -> TableError:
    """The error for a damaged table; it names the copies beside it."""
    told = {"file": str(path), "name": path.name, "reason": reason}
    copies = sorted(one.name for one in path.parent.glob(f"{path.stem}.*.db"))
    if copies:
        return TableError("table_damaged_with_copies", **told, copies=", ".join(copies))
    return TableError("table_damaged", **told)


def open_sqlite(path: Path) -> Engine:
    """The writer's engine; creates the table, or migrates it after a backup copy."""
    fresh = not path.exists() or path.stat().st_size == 0
    if fresh:
        path.touch(mode=0o600)
    else:
        _check_magic(path)
    engine = sqlite_engine(path, writer=True)
    try:
        if fresh:
            create(engine)
        else:
            _bring_up(engine, path)
    except _BROKEN as error:
        engine.dispose()
        if is_damage(error):
            raise damaged(path, _reason(error)) from error
        raise TableError("table_unreadable", file=str(path), reason=_reason(error)) from error
    except TableError:
        engine.dispose()
        raise
    return engine


def look_at_sqlite(path: Path) -> Engine:
    """A reader's engine; the table must exist and be current."""
    if not path.exists():
        raise TableError("table_none", file=str(path))
    if path.stat().st_size == 0:
        raise EmptyTableError("table_empty", file=str(path))
    _check_magic(path)
    engine = sqlite_engine(path, writer=False)
    try:
        found = revision_of(engine)
        empty = found is None and not _has_tables(engine)
        if found is None and not empty:
            found = revision_of(engine)  # another process may have created it in between
    except _BROKEN as error:
        engine.dispose()
        if is_damage(error):
            raise damaged(path, _reason(error)) from error
        raise TableError("table_unreadable", file=str(path), reason=_reason(error)) from error
    if found == REVISION:
        return engine
    engine.dispose()
    if empty:
        raise EmptyTableError("table_empty", file=str(path))
    if found is None:
        raise _foreign(path)
    if found > REVISION:
        raise _newer(path, found)
    raise OlderTableError("table_older", file=str(path), found=found, known=REVISION)


def _check_magic(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise TableError("file_unreadable", file=str(path), reason=error) from error
    if head != b"SQLite format 3\x00":
        raise TableError("table_not_sqlite", file=str(path))


def _foreign(path: Path) -> TableError:
    return TableError("table_foreign", file=str(path))


MOVED = "moved to "
"""Begins the revision stamp of a table that was moved elsewhere; every program refuses it."""


def is_moved(found: str) -> bool:
    """True if this revision says that the table was moved."""
    return found.startswith(MOVED)


def _newer(path: Path, found: str) -> TableError:
    if is_moved(found):
        return TableError("table_moved", file=str(path), place=found.removeprefix(MOVED))
    return TableError("table_newer", file=str(path), found=found, known=REVISION)


def create(engine: Engine) -> None:
    """Create all tables and views, stamped with the newest revision."""
    with engine.begin() as connection:
        create_in(connection)


def create_in(connection: Connection) -> None:
    """The same, in a transaction of the caller's."""
    if connection.dialect.name != "sqlite":
        _make_partial(connection.dialect.name)
    metadata.create_all(connection)
    for name, query in VIEWS.items():
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
        connection.execute(text(f"CREATE VIEW {name} AS{query}"))
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS alembic_version"
            " (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
        )
    )
    connection.execute(text("DELETE FROM alembic_version"))
    connection.execute(
        text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISION}
    )


def _make_partial(dialect: str) -> None:
    """Give indexes that are partial on SQLite the same condition on another database."""
    for table in metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            if condition is not None:
                index.dialect_kwargs[f"{dialect}_where"] = condition


def revision_of(engine: Engine) -> str | None:
    """The revision stamp of a table; None for an empty database."""
    try:
        return _stamp(engine)
    except DatabaseError:
        if not inspect(engine).has_table("alembic_version"):
            return None
    return _stamp(engine)  # another process created it just now, or it fails again


def _stamp(engine: Engine) -> str | None:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def _bring_up(engine: Engine, path: Path) -> None:
    found = revision_of(engine)
    if found == REVISION:
        return
    if found is None:
        if _has_tables(engine):
            raise _foreign(path)
        create(engine)
        return
    if found > REVISION:
        raise _newer(path, found)
    backup = path.with_name(f"{path.stem}.before-{REVISION}.{int(time.time())}.db")
    try:
        copy_table(path, backup)
    except (OSError, sqlite3.Error) as error:
        raise TableError("table_no_backup", file=str(path), reason=error) from error
    from migrations.upgrade import (  # noqa: PLC0415 - Alembic costs a quarter of a second
        HistoryError,
        upgrade,
    )

    try:
        upgrade(engine)
    except HistoryError as error:
        raise TableError("table_not_migrated", file=str(path), reason=error) from error


def _has_tables(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(inspect(connection).get_table_names())


def copy_table(source: Path, target: Path) -> None:
    """Copy a live table consistently, whole or not at all, readable by its owner only."""
    with closing(sqlite3.connect(source)) as old:
        copy_open(old, target)


def copy_open(source: object, target: Path) -> None:
    """The same for an open connection."""
    if not isinstance(source, sqlite3.Connection):
        raise TableError("table_not_copied")
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with closing(sqlite3.connect(part)) as new:
        source.backup(new)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
