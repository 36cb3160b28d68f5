"""Checks the integrity of a table's file."""

from pathlib import Path

from sqlalchemy.exc import DatabaseError

from jobs.filesystem import on_shared_file_system
from jobs.store import Store
from jobs.store.schema import REVISION

MOST = 5  # reported damages

DamagedError = DatabaseError
"""The file cannot be read as a database."""

__all__ = ["REVISION", "DamagedError", "damages", "on_shared_file_system"]


def damages(path: Path) -> list[str]:
    """Damage that SQLite finds in a table's file; empty if there is none. Raises TableError."""
    try:
        with Store.look(path) as store, store.read() as tx:
            found = tx.exec_driver_sql(f"PRAGMA integrity_check({MOST})").scalars().all()
    except DatabaseError as error:
        return [str(error.orig)]
    return [] if found == ["ok"] else [str(one) for one in found]
