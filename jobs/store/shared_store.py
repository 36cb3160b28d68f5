"""Opens the workspaces of a PostgreSQL database, and migrates older ones."""

from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from jobs.errors import BusyTableError, EmptyTableError, OlderTableError, TableError
from jobs.store import Store, lock_for_load, team
from jobs.store.at_work import hosts_at_work
from jobs.store.postgres import Address, Purpose, check_server, named_refusals, postgres_engine
from jobs.store.schema import REVISION
from jobs.store.team import SCHEMA, SharedWorkspace


def open_shared(address: Address, name: str, *, origin: str) -> Store:
    """Open a workspace to write in it; it is made or migrated as needed."""
    with named_refusals():
        found = _found(address, name, origin=origin)
        assert found is not None
        if found.revision != REVISION:
            _migrate(address, found)
        return _store(address, found.schema)


def look_at_shared(address: Address, name: str) -> Store:
    """Open an existing workspace to read it."""
    with named_refusals():
        found = _to_read(address, name)
        reader = postgres_engine(address, found.schema, purpose=Purpose.READ)
        again = partial(look_at_shared, address, name)
        return Store(reader, reader, path=Path(name), again=again)


def _to_read(address: Address, name: str) -> SharedWorkspace:
    """A workspace whose tables this program can read. Raises TableError for any other."""
    found = _found(address, name)
    if found is None:
        others = ", ".join(shared_names(address))
        raise EmptyTableError("workspace_absent", name=name, others=others or "-")
    if found.revision > REVISION:
        raise _newer(found)
    if found.revision < REVISION:
        told = {"file": name, "found": found.revision, "known": REVISION}
        raise OlderTableError("table_older_shared", **told)
    return found


def compare_with_shared(address: Address, name: str) -> Store:
    """Open an existing workspace to compare a sheet with it."""
    with named_refusals():
        found = _to_read(address, name)
        engine = postgres_engine(address, found.schema, purpose=Purpose.COMPARE)
        reader = postgres_engine(address, found.schema, purpose=Purpose.READ)
        again = partial(compare_with_shared, address, name)
        return Store(engine, reader, path=Path(name), again=again, compares=True)


def shared_names(address: Address) -> list[str]:
    """The names of all workspaces of a database."""
    with named_refusals():
        engine = _team_engine(address)
        try:
            with engine.begin() as connection:
                return team.names(connection)
        finally:
            engine.dispose()


def shared_origin(address: Address, name: str) -> str | None:
    """Where the sheet of a workspace came from (JSON), or None if there is no such workspace."""
    with named_refusals():
        found = _found(address, name)
    return found.origin if found is not None else None


def move_origin(address: Address, name: str, origin: str) -> None:
    """Record that a workspace's sheet comes from elsewhere now."""
    with named_refusals():
        engine = _team_engine(address)
        try:
            with engine.begin() as connection:
                team.move_origin(connection, name, origin)
        finally:
            engine.dispose()


def _store(address: Address, schema: str) -> Store:
    writer = postgres_engine(address, schema)
    reader = postgres_engine(address, schema, purpose=Purpose.READ)
    return Store(writer, reader, path=Path(schema), again=partial(_store, address, schema))


def _team_engine(address: Address) -> Engine:
    return postgres_engine(address, SCHEMA, purpose=Purpose.LOAD)


def _found(address: Address, name: str, *, origin: str | None = None) -> SharedWorkspace | None:
    """The workspace of this name; with an origin it is made where there is none."""
    engine = _team_engine(address)
    try:
        check_server(engine)
        with engine.begin() as connection:
            found = team.find(connection, name)
        if found is None and origin is not None:
            with engine.begin() as connection:
                return team.add(connection, name, origin)
        return found
    finally:
        engine.dispose()


def _newer(found: SharedWorkspace) -> TableError:
    return TableError("table_newer", file=found.name, found=found.revision, known=REVISION)


def _migrate(address: Address, found: SharedWorkspace) -> None:
    """Migrate a workspace in one transaction, whole or not at all, where no host is at work."""
    if found.revision > REVISION:
        raise _newer(found)
    from migrations.upgrade import (  # noqa: PLC0415 - Alembic costs a quarter of a second
        HistoryError,
        upgrade_in,
    )

    engine = postgres_engine(address, found.schema, purpose=Purpose.LOAD)
    try:
        with engine.begin() as connection:
            lock_for_load(connection)
            if at_work := hosts_at_work(connection):
                raise BusyTableError("hosts_at_work", file=found.name, hosts=", ".join(at_work))
            upgrade_in(connection)
            team.stamp(connection, found)
    except HistoryError as error:
        raise TableError("table_not_migrated", file=found.name, reason=error) from error
    finally:
        engine.dispose()
