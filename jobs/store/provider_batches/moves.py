"""Moves a provider batch from state to state; each write says "if it is still in our hands"."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, update

from jobs.claimed import Holding
from jobs.job import JSON
from jobs.store.hosts import AT_WORK
from jobs.store.provider_batches.batch import BATCH_TRANSITIONS, BatchState, ProviderBatch, as_batch
from jobs.store.schema import hosts, provider_batches


class LostBatchError(Exception):
    """Another host has taken this provider batch over."""


def lease(connection: Connection, holding: Holding, batch: ProviderBatch) -> ProviderBatch | None:
    """Take a provider batch in hand; None if a live host has it, or it has changed.

    Nobody keeps one by the clock: a host that is lost, or has left, has it no longer.
    """
    owner = provider_batches.c.owner
    at_work = select(hosts.c.owner).where(hosts.c.state.in_(AT_WORK))
    is_free: ColumnElement[bool] = or_(
        owner.is_(None), owner == holding.owner, owner.not_in(at_work)
    )
    taken = connection.execute(
        update(provider_batches)
        .where(
            provider_batches.c.id == batch.id,
            provider_batches.c.epoch == batch.epoch,
            provider_batches.c.state == batch.state.value,
            is_free,
        )
        .values(owner=holding.owner, epoch=provider_batches.c.epoch + 1)
        .returning(*provider_batches.c)
    ).one_or_none()
    return None if taken is None else as_batch(taken)


def release(connection: Connection, holding: Holding) -> int:
    """Let other hosts have what this one had in hand; returns how many."""
    mine = update(provider_batches).where(provider_batches.c.owner == holding.owner)
    return connection.execute(mine.values(owner=None)).rowcount


def uploaded(connection: Connection, batch: ProviderBatch, *, input_file: str) -> ProviderBatch:
    """Its lines are at the provider under this name."""
    return move(connection, batch, BatchState.UPLOADED, input_file=input_file)


def upload_gone(connection: Connection, batch: ProviderBatch) -> ProviderBatch:
    """The provider has its lines no longer, and nothing was created: they are sent once more."""
    return move(connection, batch, BatchState.INTENDED, input_file=None, creating_at=None)


def creating(
    connection: Connection, batch: ProviderBatch, *, now: float, alone: bool = False
) -> ProviderBatch | None:
    """The call that creates it is about to leave: from now on it may exist.

    `alone`, where a provider's list does not tell two of our batches apart: None while another one
    of the account may exist without being known, so that what is found can only be that one.
    """
    if alone and _others_are_created(connection, batch):
        return None
    return change(connection, batch, creating_at=now)


def _others_are_created(connection: Connection, batch: ProviderBatch) -> bool:
    """True if the creation of another batch is under way. Two hosts ask one after the other."""
    unknown = [BatchState.INTENDED.value, BatchState.UPLOADED.value]
    found = connection.execute(
        select(provider_batches.c.id, provider_batches.c.creating_at)
        .where(
            provider_batches.c.account == batch.account,
            provider_batches.c.form == batch.form,
            provider_batches.c.state.in_(unknown),
        )
        .order_by(provider_batches.c.id)
        .with_for_update()
    )
    return any(row.id != batch.id and row.creating_at is not None for row in found)


def not_created(connection: Connection, batch: ProviderBatch, *, ask_at: float) -> ProviderBatch:
    """The call that was to create it did not: it is made again at that moment."""
    return change(connection, batch, creating_at=None, ask_at=ask_at)


def created(
    connection: Connection,
    batch: ProviderBatch,
    *,
    remote_id: str,
    told: Mapping[str, JSON],
    due_at: float | None,
    now: float,
) -> ProviderBatch:
    """The provider has it under this id."""
    return move(
        connection,
        batch,
        BatchState.CREATED,
        remote_id=remote_id,
        told=_json(told),
        due_at=due_at,
        created_at=now,
        ask_at=now,
    )


def asked(
    connection: Connection,
    batch: ProviderBatch,
    *,
    told: Mapping[str, JSON] | None,
    now: float,
    ask_at: float,
) -> ProviderBatch:
    """What the provider told when it was asked, if anything, and when it is asked again."""
    if told is None:
        return change(connection, batch, ask_at=ask_at)
    return change(connection, batch, told=_json(told), asked_at=now, ask_at=ask_at)


def ended(
    connection: Connection,
    batch: ProviderBatch,
    *,
    told: Mapping[str, JSON],
    files: Sequence[str],
    problem: str | None,
    now: float,
) -> ProviderBatch:
    """The provider has ended it; these are the files of its results."""
    return move(
        connection,
        batch,
        BatchState.ENDED,
        told=_json(told),
        files=json.dumps(list(files)),
        problem=problem,
        asked_at=now,
        ended_at=now,
        ask_at=now,
    )


def want_cancelled(connection: Connection, number: int, *, now: float) -> bool:
    """A person wants it cancelled; False if nothing of it goes on any more."""
    going_on = [
        state.value for state in (BatchState.INTENDED, BatchState.UPLOADED, BatchState.CREATED)
    ]
    wanted = update(provider_batches).where(
        provider_batches.c.id == number, provider_batches.c.state.in_(going_on)
    )
    return connection.execute(wanted.values(cancel_at=now, ask_at=now)).rowcount == 1


def removed(connection: Connection, number: int, *, now: float) -> None:
    """Nothing of it is left at its provider."""
    mine = update(provider_batches).where(provider_batches.c.id == number)
    connection.execute(mine.values(removed_at=now))


def move(
    connection: Connection, batch: ProviderBatch, state: BatchState, **values: Any
) -> ProviderBatch:
    """Bring it into another state. Raises LostBatchError if it is not ours any more."""
    if state not in BATCH_TRANSITIONS[batch.state]:
        raise ValueError(f"a provider batch does not go from {batch.state} to {state}")
    return change(connection, batch, state=state.value, **values)


def change(connection: Connection, batch: ProviderBatch, **values: Any) -> ProviderBatch:
    """Write values of it. Raises LostBatchError if it is not ours any more."""
    written = connection.execute(
        update(provider_batches)
        .where(
            provider_batches.c.id == batch.id,
            provider_batches.c.owner == batch.owner,
            provider_batches.c.epoch == batch.epoch,
            provider_batches.c.state == batch.state.value,
        )
        .values(**values)
        .returning(*provider_batches.c)
    ).one_or_none()
    if written is None:
        raise LostBatchError
    return as_batch(written)


def _json(told: Mapping[str, JSON]) -> str:
    return json.dumps(dict(told), ensure_ascii=False)
