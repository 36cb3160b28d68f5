"""A run that several hosts share: opened by the first, joined by others, ended by the last."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, text, update

from jobs.claimed import Holding
from jobs.job import JSON
from jobs.store.log import lock_run, open_run
from jobs.store.run_money import count_money
from jobs.store.schema import hosts, runs

AT_WORK = ("live", "leaving")
SECONDS_TO_JOIN = 15.0  # within which the host that opened a run has joined it


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """A run that is going on; `terms` hold for every host."""

    id: int
    program: str
    started_at: float
    terms: Mapping[str, JSON]
    options: Mapping[str, JSON]
    cap: float | None
    hosts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What the host that opens a run decides for all."""

    program: str
    options: Mapping[str, JSON] = field(default_factory=dict)
    terms: Mapping[str, JSON] = field(default_factory=dict)
    cap: float | None = None
    repeats: int = 0  # calls in doubt that may be repeated


def database_now() -> ColumnElement[Any]:
    """The database's own clock, in Unix seconds."""
    return func.extract("epoch", func.clock_timestamp())


def live_run(connection: Connection, sheet_id: int, *, lost_after: float) -> LiveRun | None:
    """The run that hosts are at work on, or that is just being opened; None if there is none."""
    heard = and_(
        hosts.c.run_id == runs.c.id,
        hosts.c.state.in_(AT_WORK),
        hosts.c.heard_at > database_now() - lost_after,
    )
    count = select(func.count()).select_from(hosts).where(heard).correlate(runs).scalar_subquery()
    fresh = and_(
        runs.c.started_at > database_now() - SECONDS_TO_JOIN,
        ~exists().where(hosts.c.run_id == runs.c.id).correlate(runs),
    )
    found = connection.execute(
        select(runs, count.label("hosts"))
        .where(runs.c.batch_id == sheet_id, runs.c.ended_at.is_(None), runs.c.terms.is_not(None))
        .where(or_(count > 0, fresh))
        .order_by(runs.c.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    return LiveRun(
        id=found.id,
        program=found.program,
        started_at=found.started_at,
        terms=json.loads(found.terms),
        options=json.loads(found.options),
        cap=found.cap,
        hosts=found.hosts,
    )


def lock_runs(connection: Connection) -> None:
    """Let nobody else open a run in this transaction."""
    connection.execute(text("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE"))


def run_of(connection: Connection, run_id: int) -> tuple[bool, int | None]:
    """Whether a run has ended, and with which exit code."""
    found = connection.execute(
        select(runs.c.ended_at, runs.c.exit_code).where(runs.c.id == run_id)
    ).one()
    return found.ended_at is not None, found.exit_code


def open_shared_run(connection: Connection, holding: Holding, new: NewRun, *, now: float) -> None:
    """Open a run for all hosts that will join it."""
    open_run(connection, holding, program=new.program, options=new.options, now=now)
    connection.execute(
        update(runs)
        .where(runs.c.id == holding.run_id)
        .values(
            terms=json.dumps(new.terms, ensure_ascii=False), cap=new.cap, repeats_left=new.repeats
        )
    )
    if new.cap is not None:
        count_money(connection, holding.run_id, holding.sheet_id)


def terms_of(connection: Connection, run_id: int) -> dict[str, JSON]:
    """What holds for every host of a run."""
    text = connection.execute(select(runs.c.terms).where(runs.c.id == run_id)).scalar_one()
    found: dict[str, JSON] = json.loads(text or "{}")
    return found


def change_terms(connection: Connection, run_id: int, changes: Mapping[str, JSON]) -> None:
    """Change some of the terms for every host."""
    lock_run(connection, run_id)
    text = json.dumps({**terms_of(connection, run_id), **changes}, ensure_ascii=False)
    connection.execute(update(runs).where(runs.c.id == run_id).values(terms=text))


def others_at_work(connection: Connection, run_id: int, owner: str, *, lost_after: float) -> int:
    """How many other hosts of the run are still at work."""
    return connection.execute(
        select(func.count()).where(
            hosts.c.run_id == run_id,
            hosts.c.owner != owner,
            hosts.c.state.in_(AT_WORK),
            hosts.c.heard_at > database_now() - lost_after,
        )
    ).scalar_one()


def end_if_last(
    connection: Connection, holding: Holding, *, exit_code: int, lost_after: float, now: float
) -> bool:
    """Write the run's end if no other host is at work on it. True if this was the last host.

    Called in the transaction in which the host leaves.
    """
    if not lock_run(connection, holding.run_id):
        return False
    if others_at_work(connection, holding.run_id, holding.owner, lost_after=lost_after):
        return False
    connection.execute(
        update(runs).where(runs.c.id == holding.run_id).values(ended_at=now, exit_code=exit_code)
    )
    return True


def take_announcement(connection: Connection, run_id: int, *, now: float) -> bool:
    """True for the one host that is to tell people that the run has ended."""
    taken = update(runs).where(runs.c.id == run_id, runs.c.announced_at.is_(None))
    return connection.execute(taken.values(announced_at=now)).rowcount == 1
