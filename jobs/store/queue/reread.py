"""Failed jobs whose answer is stored: a newer version may understand it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from jobs.claimed import Claimed, Holding
from jobs.job import FailureClass, State, Step
from jobs.outcome import WireClass
from jobs.store.answers import StoredAnswer, answer
from jobs.store.queue.claims import TAKEN, as_claimed
from jobs.store.queue.settles import CallEnd
from jobs.store.schema import answers, calls, jobs, runs

READABLE = (FailureClass.NO_RESULT, FailureClass.SCHEMA, FailureClass.CRASHED)
"""Failures that another reader may not see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadAnswer:
    """A job with its paid answer, and how its call ended."""

    job: Claimed
    answer: StoredAnswer
    ended: CallEnd
    base_url: str  # that the call was sent to; empty if not known


def unread(connection: Connection, sheet_id: int) -> list[int]:
    """The ids of all such jobs."""
    found = connection.execute(
        select(jobs.c.id)
        .join(answers, answers.c.call_id == jobs.c.call_id)
        .where(
            jobs.c.batch_id == sheet_id,
            jobs.c.state == State.FAILED.value,
            jobs.c.step == Step.SEND.value,
            jobs.c.kind.in_([kind.value for kind in READABLE]),
            answers.c.complete,
        )
        .order_by(jobs.c.position)
    )
    return [int(one) for one in found.scalars()]


def look(connection: Connection, job_id: int) -> UnreadAnswer | None:
    """One of them."""
    row = connection.execute(select(*TAKEN).where(jobs.c.id == job_id)).one()
    stored = answer(connection, row.call_id)
    call = connection.execute(select(calls).where(calls.c.id == row.call_id)).one()
    if stored is None:
        return None
    ended = CallEnd(
        wire=WireClass.ANSWERED,
        seconds=call.seconds or 0.0,
        status=call.status,
        request_id=call.request_id,
        cost=call.cost,
        currency=call.currency,
    )
    job = as_claimed(row, call_id=row.call_id, call_key=call.call_key)
    options = connection.execute(select(runs.c.options).where(runs.c.id == call.run_id)).scalar()
    base_url = json.loads(options or "{}").get("base_url")
    return UnreadAnswer(
        job=job, answer=stored, ended=ended, base_url=base_url if isinstance(base_url, str) else ""
    )


def take_up(connection: Connection, holding: Holding, job_ids: Iterable[int]) -> None:
    """Mark these failed jobs as running, so that they can be settled again."""
    connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(list(job_ids)), jobs.c.state == State.FAILED.value)
        .values(state=State.RUNNING.value, owner=holding.owner)
    )
