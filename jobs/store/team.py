"""What all workspaces of one PostgreSQL database share: their names, rate limits, and a salt.

It lies in the schema `rowmill`. Each workspace has a schema of its own, `rowmill_<number>`.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
    insert,
    select,
    text,
    update,
)

from jobs.store.database import create_in
from jobs.store.schema import REVISION
from jobs.store.statements import inserting

SCHEMA = "rowmill"

metadata = MetaData(schema=SCHEMA, naming_convention={"pk": "pk_%(table_name)s"})

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("schema", Text, nullable=False, unique=True),
    Column("origin", Text, nullable=False),  # JSON: the machine and folder of its sheet
    Column("revision", Text, nullable=False),  # of the tables in its schema
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", LargeBinary, primary_key=True),  # a keyed hash: it reveals no key
    Column("at", Float, nullable=False),  # Unix seconds, by the clock of the database
    Column("starts", Text, nullable=False),  # JSON list: calls begun, by second
    Column("credit", Float, nullable=False),
    Column("allowance", Float, nullable=False),  # tokens; infinite where no limit is known
    Column("paused_until", Float, nullable=False),
)

salt = Table(
    "salt",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),  # always 1
    Column("value", LargeBinary, nullable=False),
)

SHEETS = f"SELECT name AS sheet, schema, origin, revision FROM {SCHEMA}.workspaces"  # noqa: S608 - a name of our own
_MAKING = 0x726F776D  # "rowm": the advisory lock for making schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWorkspace:
    """One workspace of a database."""

    name: str
    schema: str
    origin: str
    revision: str


def make(connection: Connection) -> None:
    """Create the shared schema where it is missing. Others wait until this transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
    if _exists(connection):
        return
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    metadata.create_all(connection)
    connection.execute(text(f"CREATE OR REPLACE VIEW {SCHEMA}.sheets AS {SHEETS}"))
    fresh = inserting(connection.dialect, salt).values(id=1, value=secrets.token_bytes(32))
    connection.execute(fresh.on_conflict_do_nothing())


def _exists(connection: Connection) -> bool:
    found = select(func.to_regclass(f"{SCHEMA}.salt").is_not(None))
    return bool(connection.execute(found).scalar_one())


def names(connection: Connection) -> list[str]:
    """The names of all workspaces of this database."""
    if not _exists(connection):
        return []
    return list(connection.execute(select(workspaces.c.name).order_by(workspaces.c.name)).scalars())


def find(connection: Connection, name: str) -> SharedWorkspace | None:
    """The workspace of this name."""
    if not _exists(connection):
        return None
    row = connection.execute(select(workspaces).where(workspaces.c.name == name)).one_or_none()
    if row is None:
        return None
    return SharedWorkspace(
        name=row.name, schema=row.schema, origin=row.origin, revision=row.revision
    )


def add(connection: Connection, name: str, origin: str) -> SharedWorkspace:
    """The workspace of this name; it is made, with empty tables, where there is none."""
    make(connection)
    found = find(connection, name)  # another process may have been faster
    if found is not None:
        return found
    newest = connection.execute(select(func.max(workspaces.c.id))).scalar_one()
    number = int(newest or 0) + 1
    added = SharedWorkspace(
        name=name, schema=f"{SCHEMA}_{number}", origin=origin, revision=REVISION
    )
    connection.execute(text(f"CREATE SCHEMA {added.schema}"))
    connection.execute(text(f"SET LOCAL search_path TO {added.schema}"))
    create_in(connection)
    connection.execute(
        insert(workspaces).values(
            id=number, name=name, schema=added.schema, origin=origin, revision=REVISION
        )
    )
    return added


def stamp(connection: Connection, workspace: SharedWorkspace) -> None:
    """Record that the tables of a workspace are those of this program."""
    connection.execute(
        update(workspaces).where(workspaces.c.name == workspace.name).values(revision=REVISION)
    )


def move_origin(connection: Connection, name: str, origin: str) -> None:
    """Record where the sheet of a workspace comes from."""
    connection.execute(update(workspaces).where(workspaces.c.name == name).values(origin=origin))
