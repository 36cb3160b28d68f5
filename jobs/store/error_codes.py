"""What a database error means, by its code: SQLSTATE on PostgreSQL, SQLite's own otherwise."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

AWAY_CLASSES = ("08", "53", "57P")
"""The connection, the server's memory and disk, its shutdown and restart."""

AWAY_STATES = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # lock not available
        "57014",  # statement or lock time-out
        "25P03",  # idle in transaction for too long
        "25006",  # read-only: a standby
        "42P05",  # prepared statement exists, or
        "26000",  # does not: behind a pooler, after which nothing is prepared any more
    }
)
UNPREPARED = frozenset({"42P05", "26000"})
_DAMAGED = frozenset({"XX001", "XX002"})
_DISK_FULL = "53100"
_SYSTEM_ERRORS = "58"
_VALUE_ERRORS = "22"


def sqlstate_of(error: BaseException) -> str | None:
    """The SQLSTATE of an error of PostgreSQL, if the server gave one."""
    found = getattr(getattr(error, "orig", error), "sqlstate", None)
    return found if isinstance(found, str) else None


def is_away(error: BaseException) -> bool:
    """True if the database is away for now: repeating the whole transaction may help."""
    state = sqlstate_of(error)
    if state is not None:
        return state in AWAY_STATES or state.startswith(AWAY_CLASSES)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | InterfaceError)


def is_full(error: BaseException) -> bool:
    """True if the table's disk is full."""
    return _sqlite_code(error) == sqlite3.SQLITE_FULL or sqlstate_of(error) == _DISK_FULL


def is_faulty(error: BaseException) -> bool:
    """True if the disk itself failed: flushed data may be lost, whatever it reports later."""
    code = (_sqlite_code(error) or 0) & 0xFF
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return True
    return (sqlstate_of(error) or "").startswith(_SYSTEM_ERRORS)


def is_damage(error: BaseException) -> bool:
    """True if the file is no database any more, or the database has broken pages."""
    if isinstance(error, UnicodeDecodeError):  # SQLite's own error message is unreadable
        return True
    code = (_sqlite_code(error) or 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or sqlstate_of(error) in _DAMAGED


def _sqlite_code(error: BaseException) -> int | None:
    found = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return found if isinstance(found, int) else None


def plain_reason(error: BaseException) -> str:
    """The database's own message in one line, without the values that it may quote."""
    cause: BaseException = getattr(error, "orig", None) or error
    if (sqlstate_of(error) or "").startswith(_VALUE_ERRORS):
        return f"{type(cause).__name__} ({sqlstate_of(error)})"
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    lines = str(primary or cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


def without_values(*errors: BaseException | None) -> None:
    """Leave only the plain reason in errors of PostgreSQL, whose details quote rows."""
    for error in errors:
        if error is not None and sqlstate_of(error) is not None:
            error.args = (plain_reason(error),)
