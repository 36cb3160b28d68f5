"""A provider batch as the table has it, and the machine of its states."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from jobs.job import JSON
from jobs.store.schema import provider_batches


class BatchState(StrEnum):
    """How far a provider batch has come. Each state is durable before its next call leaves."""

    INTENDED = "intended"  # its rows and the digest of its lines are written down
    UPLOADED = "uploaded"  # its lines are at the provider, as a file
    CREATED = "created"  # the provider works on it, under an id that is known
    ENDED = "ended"  # the provider has ended it, in whatever way; its results are being read
    TAKEN_IN = "taken_in"  # each of its rows has its outcome
    HELD = "held"  # it may have been created, and nothing tells: a person decides


BATCH_TRANSITIONS: Mapping[BatchState, frozenset[BatchState]] = {
    BatchState.INTENDED: frozenset(
        {BatchState.UPLOADED, BatchState.CREATED, BatchState.TAKEN_IN, BatchState.HELD}
    ),
    BatchState.UPLOADED: frozenset(
        {BatchState.INTENDED, BatchState.CREATED, BatchState.TAKEN_IN, BatchState.HELD}
    ),
    BatchState.CREATED: frozenset({BatchState.ENDED, BatchState.HELD}),
    BatchState.ENDED: frozenset({BatchState.TAKEN_IN}),
    BatchState.TAKEN_IN: frozenset(),
    BatchState.HELD: frozenset(),
}
"""The whole machine. A batch whose lines were refused is taken in at once: it bought nothing."""

OPEN_STATES = frozenset(
    {BatchState.INTENDED, BatchState.UPLOADED, BatchState.CREATED, BatchState.ENDED}
)
"""As long as something is to be done for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderBatch:
    """One provider batch; times are Unix seconds. `digest` is of its lines, in hexadecimal."""

    id: int
    sheet_id: int
    run_id: int
    state: BatchState
    form: str
    base_url: str
    url: str  # the address in each of its lines
    account: str
    endpoint: str
    model: str
    digest: str
    rows: int
    size: int
    opened_at: float
    tokens: int | None = None
    owner: str | None = None
    epoch: int = 0
    input_file: str | None = None
    remote_id: str | None = None
    files: tuple[str, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[str, JSON] = field(default_factory=dict)
    problem: str | None = None
    creating_at: float | None = None
    created_at: float | None = None
    due_at: float | None = None
    asked_at: float | None = None
    ask_at: float | None = None
    ended_at: float | None = None
    taken_in_at: float | None = None
    cancel_at: float | None = None
    removed_at: float | None = None

    @property
    def is_open(self) -> bool:
        """True while something is to be done for it."""
        return self.state in OPEN_STATES


def batches_of(connection: Connection, sheet_id: int) -> list[ProviderBatch]:
    """All provider batches of a sheet, oldest first."""
    return _found(connection, provider_batches.c.sheet_id == sheet_id)


def open_batches(connection: Connection, sheet_id: int) -> list[ProviderBatch]:
    """Those for which something is to be done, oldest first."""
    states = sorted(state.value for state in OPEN_STATES)
    return _found(
        connection,
        provider_batches.c.sheet_id == sheet_id,
        provider_batches.c.state.in_(states),
    )


def the_batch(connection: Connection, number: int) -> ProviderBatch:
    """One of them, as it is now."""
    return as_batch(connection.execute(_all().where(provider_batches.c.id == number)).one())


def has_batches(connection: Connection, sheet_id: int) -> bool:
    """True if the sheet has, or had, a provider batch."""
    mine = select(provider_batches.c.id).where(provider_batches.c.sheet_id == sheet_id)
    return connection.execute(mine.limit(1)).first() is not None


def _all() -> Select[Any]:
    return select(provider_batches)


def _found(connection: Connection, *wanted: ColumnElement[bool]) -> list[ProviderBatch]:
    found = connection.execute(_all().where(*wanted).order_by(provider_batches.c.id))
    return [as_batch(row) for row in found]


def as_batch(row: Any) -> ProviderBatch:
    """A row of the table as a value."""
    given = dict(row._mapping)
    return ProviderBatch(
        **given
        | {
            "state": BatchState(row.state),
            "digest": bytes(row.digest).hex(),
            "files": tuple(json.loads(row.files)),
            "places": json.loads(row.places),
            "told": json.loads(row.told),
        }
    )
