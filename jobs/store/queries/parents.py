"""Finds the task that a row builds on: by the key of its row, or by its own id."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select, update

from jobs.job import JSON, State, Step
from jobs.store.schema import attempts, calls, jobs, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentTask:
    """An earlier task: its id, its state, and the call that submitted it."""

    task: str | None
    call_id: int | None
    is_done: bool
    may_come: bool  # it is waiting or at work
    buttons: JSON = None


def parent_task(connection: Connection, sheet_id: int, name: str) -> ParentTask | None:
    """The task of the row with this key, or the one with this id; None if there is neither."""
    job = (
        select(jobs.c.id, jobs.c.state, jobs.c.step, jobs.c.ticket, jobs.c.call_id, attempts.c.data)
        .select_from(jobs)
        .outerjoin(
            attempts, and_(attempts.c.job_id == jobs.c.id, attempts.c.call_id == jobs.c.call_id)
        )
        .where(jobs.c.batch_id == sheet_id)
    )
    if name.startswith("key:"):
        key = rows.c.key == name.removeprefix("key:").strip()
        mine = select(rows.c.job_id).where(rows.c.batch_id == sheet_id, key)
        found = connection.execute(job.where(jobs.c.id.in_(mine)).limit(1)).one_or_none()
    else:
        submitted = select(calls.c.id).where(calls.c.ticket == name)
        found = connection.execute(job.where(jobs.c.call_id.in_(submitted)).limit(1)).one_or_none()
    if found is None:
        return None
    state = State(found.state)
    drawn = state is State.READY and found.step == Step.FETCH.value
    data = json.loads(found.data or "{}")
    return ParentTask(
        task=found.ticket,
        call_id=found.call_id,
        is_done=(state is State.DONE or drawn) and found.ticket is not None,
        may_come=state in (State.READY, State.RUNNING),
        buttons=data.get("buttons"),
    )


def go_by_account_of(connection: Connection, call_id: int, parent_call_id: int) -> None:
    """A call goes out with the account of its parent's call, and is written down so."""
    account = select(calls.c.account).where(calls.c.id == parent_call_id).scalar_subquery()
    connection.execute(update(calls).where(calls.c.id == call_id).values(account=account))
