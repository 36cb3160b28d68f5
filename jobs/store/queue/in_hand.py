"""Finds what this host owns in a shared table without having it in hand."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, and_, select

from jobs.claimed import Claimed, Holding
from jobs.job import State, Step
from jobs.outcome import Released, WireClass
from jobs.store.queue.claims import TAKEN, as_claimed
from jobs.store.queue.settles import CallEnd, Settlement
from jobs.store.schema import attempts, calls, jobs

Hand = tuple[int, int]
"""A job in hand: its id and the epoch of its claim."""


def hands_of(claimed: Iterable[Claimed]) -> set[Hand]:
    """How claimed jobs are known while they are in hand."""
    return {(job.id, job.epoch) for job in claimed}


def unknown_jobs(
    connection: Connection, holding: Holding, in_hand: Collection[Hand]
) -> list[Settlement]:
    """How to free the jobs that were claimed by a commit whose answer never came.

    Nothing was sent for them, since nobody knew of them: their calls end as not sent.
    """
    found = connection.execute(
        select(*TAKEN, attempts.c.call_id.label("open_call"), calls.c.call_key.label("open_key"))
        .outerjoin(attempts, and_(attempts.c.job_id == jobs.c.id, attempts.c.epoch == jobs.c.epoch))
        .outerjoin(calls, and_(calls.c.id == attempts.c.call_id, calls.c.wire.is_(None)))
        .where(
            jobs.c.batch_id == holding.sheet_id,
            jobs.c.state == State.RUNNING.value,
            jobs.c.owner == holding.owner,
        )
        .order_by(attempts.c.call_id, jobs.c.id)
    ).all()
    freed: list[Settlement] = []
    seen: set[int] = set()
    for row in found:
        if (row.id, row.epoch) not in in_hand:
            freed.append(_not_begun(row, is_primary=row.open_call not in seen))
            seen.add(row.open_call)
    return freed


def _not_begun(row: Any, *, is_primary: bool) -> Settlement:
    at_send = row.step == Step.SEND.value
    call_id = row.open_call if at_send else row.call_id
    job = as_claimed(row, call_id=call_id or 0, call_key=row.call_key or row.open_key or "")
    ended = CallEnd(wire=WireClass.NOT_SENT, seconds=0.0, is_primary=is_primary)
    return Settlement(job=job, outcome=Released(delay=0.0), ended=ended if at_send else None)
