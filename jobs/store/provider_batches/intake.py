"""Takes in what a provider batch brought: in slices, each one transaction with its place."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, func, select, update

from jobs.claimed import Claimed, Holding
from jobs.job import Failure, State, Step
from jobs.outcome import Held, NotBought, WireClass
from jobs.store.provider_batches.batch import BatchState, ProviderBatch
from jobs.store.provider_batches.moves import change, move
from jobs.store.queue.claims import TAKEN, as_claimed
from jobs.store.queue.settlement_parts import CallEnd
from jobs.store.queue.settles import Settlement, settle
from jobs.store.run_money import has_cap, money_moved, move_money
from jobs.store.schema import attempts, calls, jobs
from jobs.store.statements import BulkStatement, given


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A row whose outcome in its batch is not known yet. `ceiling` is what counts for it so far.

    Its job has the epoch that it gets when the outcome is written.
    """

    job: Claimed
    ceiling: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a result file has been read, in bytes."""

    file: str
    offset: int


_TAKEN = given("id", "had", "epoch", "call", "was", "step", "running", "owner")
_TAKE = BulkStatement(
    _TAKEN,
    update(jobs)
    .where(
        jobs.c.id == _TAKEN.c.id,
        jobs.c.epoch == _TAKEN.c.had,
        jobs.c.call_id == _TAKEN.c.call,
        jobs.c.state == _TAKEN.c.was,
        jobs.c.step == _TAKEN.c.step,
    )
    .values(state=_TAKEN.c.running, owner=_TAKEN.c.owner, epoch=_TAKEN.c.epoch),
)


def rows_of(
    connection: Connection, batch: ProviderBatch, call_ids: Collection[int]
) -> dict[int, BatchRow]:
    """The rows of these calls, by call: those of this batch whose outcome is not known yet."""
    return _rows(connection, batch, calls.c.id.in_(list(call_ids)))


def rows_left(
    connection: Connection, batch: ProviderBatch, *, limit: int = 500
) -> dict[int, BatchRow]:
    """The next rows whose outcome is not known, in order of their calls."""
    return _rows(connection, batch, None, limit=limit)


def count_left(connection: Connection, batch: ProviderBatch) -> int:
    """How many rows of a batch have no outcome yet."""
    mine = and_(calls.c.provider_batch_id == batch.id, calls.c.wire.is_(None))
    return connection.execute(select(func.count()).where(mine)).scalar_one()


def settle_slice(
    connection: Connection,
    holding: Holding,
    batch: ProviderBatch,
    settlements: Sequence[Settlement],
    *,
    place: Place | None = None,
    now: float,
) -> ProviderBatch:
    """Write the outcomes of some rows, and how far the file is read that told them.

    A row that a person closed meanwhile keeps its state; its answer is kept as a version. Raises
    LostBatchError, and writes nothing, if another host has the batch in hand.
    """
    places = dict(batch.places)
    if place is not None:
        places[place.file] = place.offset
    batch = change(connection, batch, places=json.dumps(places))
    if not settlements:
        return batch
    moved = None
    if holding.shared and has_cap(connection, holding.run_id):
        moved = money_moved(connection, settlements)
    _TAKE.run(
        connection,
        [
            {
                "id": one.job.id,
                "had": one.job.epoch - 1,
                "epoch": one.job.epoch,
                "call": one.job.call_id,
                "was": State.READY.value,
                "step": Step.POLL.value,
                "running": State.RUNNING.value,
                "owner": holding.owner,
            }
            for one in settlements
        ],
    )
    settle(connection, holding, settlements, now=now)
    if moved is not None:
        move_money(connection, holding.run_id, moved)
    return batch


def unbought(row: BatchRow, outcome: NotBought) -> Settlement:
    """The settlement of a row that its batch did not buy: free of charge."""
    ended = CallEnd(wire=WireClass.REFUSED, seconds=None)
    return Settlement(job=row.job, outcome=outcome, ended=ended)


def in_doubt(row: BatchRow, failure: Failure) -> Settlement:
    """The settlement of a row that may have been bought, of which nothing will be heard."""
    ended = CallEnd(wire=WireClass.IN_DOUBT, seconds=None)
    return Settlement(job=row.job, outcome=Held(failure=failure), ended=ended)


def taken_in(
    connection: Connection, batch: ProviderBatch, *, problem: str | None = None, now: float
) -> ProviderBatch:
    """Each of its rows has its outcome. Raises ValueError if one has not."""
    if count_left(connection, batch):
        raise ValueError(f"provider batch {batch.id} has rows without an outcome")
    values = {} if problem is None else {"problem": problem}
    return move(connection, batch, BatchState.TAKEN_IN, taken_in_at=now, **values)


def held(
    connection: Connection, batch: ProviderBatch, *, problem: str, now: float
) -> ProviderBatch:
    """Nothing tells whether it exists; its rows are in doubt already."""
    return move(connection, batch, BatchState.HELD, problem=problem, ended_at=now)


def _rows(
    connection: Connection, batch: ProviderBatch, wanted: Any, *, limit: int | None = None
) -> dict[int, BatchRow]:
    found = (
        select(
            *TAKEN,
            calls.c.id.label("of_call"),
            calls.c.call_key.label("of_key"),
            calls.c.ceiling.label("of_ceiling"),
            attempts.c.version.label("of_version"),
        )
        .select_from(calls)
        .join(attempts, attempts.c.call_id == calls.c.id)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(calls.c.provider_batch_id == batch.id, calls.c.wire.is_(None))
        .order_by(calls.c.id)
    )
    if wanted is not None:
        found = found.where(wanted)
    if limit is not None:
        found = found.limit(limit)
    return {row.of_call: _as_row(row) for row in connection.execute(found)}


def _as_row(row: Any) -> BatchRow:
    job = as_claimed(row, call_id=row.of_call, call_key=row.of_key)
    job = replace(job, step=Step.POLL, version=row.of_version, epoch=job.epoch + 1)
    return BatchRow(job=job, ceiling=row.of_ceiling)
