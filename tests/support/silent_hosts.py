"""Hosts of a shared table that a test makes, silences and has looked after."""

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from jobs.claimed import Claimed, Holding
from jobs.job import Step
from jobs.store import Store
from jobs.store.hosts import DATABASE_TIME, Report, beat, database_time, join
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.schema import hosts
from jobs.store.take_over import TakenOver, TakeOverRules, take_over
from tests.support.working import IDS

RUN = 1
LOST_AFTER = 3.0
RULES = TakeOverRules(lost_after=LOST_AFTER, call_seconds=60.0)


def joined(store: Store, *, heard_for: float = 0.0) -> Holding:
    """A new host, which has been heard without a gap for so many seconds."""
    holding = Holding(sheet_id=1, run_id=RUN, owner=str(uuid.uuid4()), shared=True)
    with store.write() as tx:
        join(tx, holding, program="1.0")
        tx.execute(
            update(hosts)
            .where(hosts.c.owner == holding.owner)
            .values(heard_since=DATABASE_TIME - heard_for)
        )
    return holding


def silence(store: Store, holding: Holding, seconds: float = LOST_AFTER + 1) -> None:
    """Let a host's last beat lie so many seconds back."""
    with store.write() as tx:
        tx.execute(
            update(hosts)
            .where(hosts.c.owner == holding.owner)
            .values(heard_at=DATABASE_TIME - seconds)
        )


def beaten(store: Store, holding: Holding, report: Report | None = None) -> None:
    """Let a host say that it is alive."""
    with store.write() as tx:
        beat(tx, holding.owner, report or Report(), lost_after=LOST_AFTER)


def looked_after(
    store: Store, by: Holding, rules: TakeOverRules = RULES, *, heard: bool = True
) -> list[TakenOver]:
    """What a host, which has just been heard of, takes over from others."""
    if heard:
        silence(store, by, 0.0)
    with store.write() as tx:
        return take_over(tx, by.owner, rules)


def claimed_by(store: Store, holding: Holding, limit: int = 10, **order: Any) -> list[Claimed]:
    """Claim in a transaction of its own, by the clock of the database."""
    request = replace(ClaimRequest(step=Step.SEND, limit=limit), **order)
    with store.write() as tx:
        return claim(tx, holding, request, ids=IDS, now=database_time(tx))


def state_of(store: Store, holding: Holding) -> str:
    """The state of a host."""
    with store.read() as tx:
        found: str = tx.execute(
            select(hosts.c.state).where(hosts.c.owner == holding.owner)
        ).scalar_one()
    return found
