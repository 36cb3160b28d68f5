"""New generations of done rows, which can be taken back until they are sent."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, case, func, not_, null, select, update

from jobs.job import State, Step
from jobs.store.queue.choices import RowChoice, again, chosen
from jobs.store.schema import attempts, calls, files, jobs


def generate_again(
    connection: Connection, sheet_id: int, choice: RowChoice, *, now: float
) -> Sequence[int]:
    """Ask for a new generation of those rows that are done; returns their numbers."""
    found = connection.execute(
        select(jobs.c.position)
        .where(chosen(sheet_id, choice), jobs.c.state == State.DONE.value)
        .order_by(jobs.c.position)
    )
    positions = list(found.scalars())
    if positions:
        again(connection, sheet_id, RowChoice(positions=[(at, at) for at in positions]), now=now)
    return positions


_sent = (
    select(attempts.c.call_id)
    .where(attempts.c.job_id == jobs.c.id, attempts.c.version >= jobs.c.version)
    .correlate(jobs)
    .exists()
)
_saved = select(func.max(files.c.saved_at)).where(
    files.c.job_id == jobs.c.id, files.c.call_id == jobs.c.call_id
)
_ended = select(calls.c.ended_at).where(calls.c.id == jobs.c.call_id)
_SAVED_AT = _saved.correlate(jobs).scalar_subquery()
_ENDED_AT = _ended.correlate(jobs).scalar_subquery()
_TICKET = select(calls.c.ticket).where(calls.c.id == jobs.c.call_id).correlate(jobs)
_WAS_GOOD = (
    select(attempts.c.call_id)
    .where(
        attempts.c.job_id == jobs.c.id,
        attempts.c.call_id == jobs.c.call_id,
        attempts.c.outcome.in_(["finished", "answered"]),
    )
    .correlate(jobs)
    .exists()
)


def take_back(connection: Connection, sheet_id: int, choice: RowChoice) -> Sequence[int]:
    """Make rows done again whose new generation was not sent yet; returns their numbers.

    Each is as it was before: its result, its version, and when it ended.
    """
    wanted = and_(
        chosen(sheet_id, choice),
        jobs.c.state == State.READY.value,
        jobs.c.step == Step.SEND.value,
        jobs.c.requeued,
        jobs.c.version > 1,
        _WAS_GOOD,
        not_(_sent),
    )
    taken = connection.execute(
        update(jobs)
        .where(wanted)
        .values(
            state=State.DONE.value,
            step=case((_SAVED_AT.is_not(None), Step.FETCH.value), else_=Step.SEND.value),
            version=jobs.c.version - 1,
            ticket=_TICKET.scalar_subquery(),
            requeued=False,
            selection=null(),
            updated_at=func.coalesce(_SAVED_AT, _ENDED_AT, jobs.c.updated_at),
        )
        .returning(jobs.c.position)
    )
    return sorted(taken.scalars())
