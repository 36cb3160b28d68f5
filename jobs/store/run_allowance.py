"""Repeats of calls in doubt that a run of several hosts may make, taken by its hosts in fives."""

from sqlalchemy import Connection, case, func, select, update

from jobs.store.schema import hosts, runs

REPEATS_AT_ONCE = 5


def take_repeats(
    connection: Connection, run_id: int, owner: str, count: int = REPEATS_AT_ONCE
) -> int:
    """Take at most so many repeats for a host; returns how many it got."""
    left = connection.execute(
        select(runs.c.repeats_left).where(runs.c.id == run_id).with_for_update()
    ).scalar_one()
    got = min(count, left or 0)
    if got:
        connection.execute(
            update(runs).where(runs.c.id == run_id).values(repeats_left=runs.c.repeats_left - got)
        )
        connection.execute(
            update(hosts)
            .where(hosts.c.owner == owner)
            .values(doubts_held=hosts.c.doubts_held + got)
        )
    return got


def use_repeats(connection: Connection, owner: str, count: int) -> None:
    """So many of a host's repeats are used up, in the transaction that settles their calls."""
    fewer = hosts.c.doubts_held - count
    connection.execute(
        update(hosts)
        .where(hosts.c.owner == owner)
        .values(doubts_held=case((fewer > 0, fewer), else_=0))
    )


def give_back_repeats(connection: Connection, owner: str) -> None:
    """What a host that leaves or is lost has not used is the run's again."""
    row = connection.execute(
        select(hosts.c.run_id, hosts.c.doubts_held).where(hosts.c.owner == owner)
    ).one_or_none()
    if row is None or not row.doubts_held:
        return
    connection.execute(
        update(runs)
        .where(runs.c.id == row.run_id)
        .values(repeats_left=func.coalesce(runs.c.repeats_left, 0) + row.doubts_held)
    )
    connection.execute(update(hosts).where(hosts.c.owner == owner).values(doubts_held=0))
