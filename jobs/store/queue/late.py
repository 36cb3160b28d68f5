"""Takes an outcome that comes after its host was declared lost, while nobody else has the job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, select, update

from jobs.claimed import Claimed
from jobs.job import State, Step
from jobs.outcome import WireClass
from jobs.store.schema import calls, jobs

OPEN_STATES = (State.RUNNING, State.READY, State.IN_DOUBT)
"""Where a job is as long as no other host has claimed it and nobody has closed it."""

_KEPT_IF_NULL = ("turn", "ticket", "deadline", "call_id")
_COLUMNS = (
    *("state", "step", "rank", "not_before", "attempts", "repeats", "deaths", "stream"),
    *("call_key", "kind", "cause", "detail", "refusals"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LateOutcome:
    """A settlement whose job may have been taken from its host.

    `change` are the columns of the job after it, as `settles` computes them. `wire` is how its
    call ended; None at a later step than the send.
    """

    job: Claimed
    wire: WireClass | None
    change: Mapping[str, Any]


def settle_late(connection: Connection, outcomes: Sequence[LateOutcome]) -> None:
    """Apply those that were not applied and are still wanted.

    A claim by another host raises the epoch, taking over does not. The call must have been open
    or in doubt until now, so that an answer that comes twice changes nothing. One more doubt tells
    nothing new.
    """
    missed = _missed(connection, outcomes)
    news = _ended_now(connection, missed)
    for one in missed:
        if one.job.step is not Step.SEND or one.job.call_id in news:
            _apply(connection, one)


def _missed(connection: Connection, outcomes: Sequence[LateOutcome]) -> list[LateOutcome]:
    """Those whose job this commit has not written."""
    wanted = {one.job.id: one for one in outcomes}
    found = connection.execute(
        select(jobs.c.id, jobs.c.epoch, jobs.c.updated_at).where(jobs.c.id.in_(list(wanted)))
    )
    written = {
        row.id
        for row in found
        if row.epoch == wanted[row.id].job.epoch and row.updated_at == wanted[row.id].change["now"]
    }
    return [one for one in outcomes if one.job.id not in written]


def _ended_now(connection: Connection, missed: Sequence[LateOutcome]) -> set[int]:
    """The calls whose end is news: this commit has written it."""
    told = [one for one in missed if one.wire not in (None, WireClass.IN_DOUBT)]
    if not told:
        return set()
    found = connection.execute(
        select(calls.c.id).where(
            calls.c.id.in_({one.job.call_id for one in told}),
            calls.c.ended_at == told[0].change["now"],
        )
    )
    return set(found.scalars())


def _apply(connection: Connection, one: LateOutcome) -> None:
    job, change = one.job, one.change
    values = {name: change[name] for name in _COLUMNS}
    values |= {name: change[name] for name in _KEPT_IF_NULL if change[name] is not None}
    connection.execute(
        update(jobs)
        .where(
            jobs.c.id == job.id,
            jobs.c.epoch == job.epoch,
            jobs.c.version == job.version,
            jobs.c.step == job.step.value,
            jobs.c.state.in_([state.value for state in OPEN_STATES]),
        )
        .values(
            **values,
            owner=None,
            updated_at=change["now"],
            requeued=and_(jobs.c.requeued, change["goes_on"]),
            settled_by=change["run"],
        )
    )
