"""The rows of a sheet in temporary tables, beside the table."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    literal,
    or_,
    select,
)

from jobs.job import State, Step
from jobs.store.schema import Id, jobs

HIDDEN, EMPTY = "hidden", "empty"
"""Why a row is skipped: somebody hid it in the sheet, or it has nothing to send."""

_here = MetaData()
incoming = Table(
    "incoming",
    _here,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("cells", Text, nullable=False),
    Column("problem", Text),  # why this row cannot become a request
    Column("skip", Text),  # why this row is not sent: empty, hidden
    Column("earlier", LargeBinary),  # digest of the request that the last load's options make
    Column("occurrence", Integer, nullable=False, server_default="0"),
    Column("job_id", Id),
    prefixes=["TEMPORARY"],
)
pairs = Table(
    "pairs",
    _here,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("value", Id, nullable=False),
    prefixes=["TEMPORARY"],
)

PAID = or_(
    jobs.c.state.in_([State.DONE.value, State.RUNNING.value]), jobs.c.step != Step.SEND.value
)
"""Answered, about to be, or with a ticket or files under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingTarget:
    """Where a sheet is staged: on this connection, for this sheet.

    `by_request`: rows are identified by their request, not by an id column.
    """

    connection: Connection
    sheet_id: int
    by_request: bool


def make_tables(connection: Connection) -> None:
    """Empty temporary tables."""
    for table in (incoming, pairs):
        table.drop(connection, checkfirst=True)
        table.create(connection)


def pair(connection: Connection, found: Any) -> None:
    """Store what a select finds for the rows: position and value."""
    connection.execute(delete(pairs))
    connection.execute(insert(pairs).from_select(["position", "value"], found))


def any_jobs(beside: StagingTarget) -> bool:
    """True if a sheet was loaded here before."""
    found = select(literal(1)).where(jobs.c.batch_id == beside.sheet_id).limit(1)
    return beside.connection.execute(found).scalar() is not None
