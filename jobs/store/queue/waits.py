"""Keeps the waits of jobs, which are stored as Unix seconds, right when the clock is set."""

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, or_, update

from jobs.job import State, Step
from jobs.store.queue.order import AFTER_ALL
from jobs.store.schema import jobs

MAX_WAIT_SECONDS = 1800.0  # twice what a server can make a job wait
PATIENCE_SECONDS = 600.0  # for which a later run, or a retry, polls a task again


IS_DUE: ColumnElement[bool] = or_(
    jobs.c.not_before <= bindparam("b_now"),
    and_(jobs.c.not_before > bindparam("b_too_late"), jobs.c.not_before < AFTER_ALL),
)
"""True for a job whose wait is over, or longer than any real wait: the clock was set back."""


def due_parameters(now: float) -> dict[str, float]:
    """The parameters of `IS_DUE`."""
    return {"b_now": now, "b_too_late": now + MAX_WAIT_SECONDS}


def move_waits(connection: Connection, sheet_id: int, *, by: float) -> None:
    """Move waits and deadlines by as many seconds as the clock was set."""
    waiting = and_(jobs.c.batch_id == sheet_id, jobs.c.state == State.READY.value)
    connection.execute(
        update(jobs)
        .where(waiting, jobs.c.not_before > 0, jobs.c.not_before < AFTER_ALL)
        .values(not_before=jobs.c.not_before + by)
    )
    asked = jobs.c.state.in_([State.READY.value, State.RUNNING.value])
    connection.execute(
        update(jobs)
        .where(jobs.c.batch_id == sheet_id, asked, jobs.c.deadline.is_not(None))
        .values(deadline=jobs.c.deadline + by)
    )


def resume_waits(connection: Connection, sheet_id: int, *, now: float) -> None:
    """At the start of a run, correct waits that were written while the clock was ahead.

    A task whose deadline passed between two runs is polled for a while longer.
    """
    ahead = jobs.c.updated_at - now
    waiting = and_(jobs.c.batch_id == sheet_id, jobs.c.state == State.READY.value)
    connection.execute(
        update(jobs)
        .where(waiting, jobs.c.updated_at > now)
        .values(
            not_before=case(
                (jobs.c.not_before < AFTER_ALL, jobs.c.not_before - ahead),
                else_=jobs.c.not_before,
            ),
            deadline=jobs.c.deadline - ahead,
            updated_at=now,
        )
    )
    connection.execute(
        update(jobs)
        .where(waiting, jobs.c.step == Step.POLL.value, jobs.c.deadline < now)
        .values(deadline=now + PATIENCE_SECONDS)
    )
