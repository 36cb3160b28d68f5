"""What all workspaces of one PostgreSQL database share: their names, rate limits, and a salt.

It lies in the schema `rowmill`. Each workspace has a schema of its own, `rowmill_<number>`.
"""

import secrets

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
    text,
)
from sqlalchemy.dialects.postgresql import insert

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

LOAD_LOCKS = 0x726F776D  # "rowm": the first of two numbers of an advisory lock; see load_lock
_SHARED_LOCK = 0

SHEETS = f"SELECT name AS sheet, schema, origin, revision FROM {SCHEMA}.workspaces"  # noqa: S608 - a name of our own


def load_lock(number: int) -> tuple[int, int]:
    """The advisory lock of a workspace: held to load or migrate it, shared to claim in it."""
    return LOAD_LOCKS, number


def make(connection: Connection) -> None:
    """Create the shared schema where it is missing."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:kind, :number)"),
        {"kind": LOAD_LOCKS, "number": _SHARED_LOCK},
    )
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    metadata.create_all(connection)
    connection.execute(text(f"CREATE OR REPLACE VIEW {SCHEMA}.sheets AS {SHEETS}"))
    fresh = insert(salt).values(id=1, value=secrets.token_bytes(32))
    connection.execute(fresh.on_conflict_do_nothing())
