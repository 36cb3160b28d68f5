"""The hosts of a shared table: who is at work on it, and who has not been heard of for too long.

What is compared with the time of a beat is compared inside SQL, by the clock of the database.
"""

import json
import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Double, case, cast, func, insert, select, text, update

from jobs.claimed import Holding
from jobs.errors import ObstacleError
from jobs.job import JSON
from jobs.store.ids import MAX_PROCESSES
from jobs.store.schema import hosts

LIVE, LEAVING, LEFT, LOST = "live", "leaving", "left", "lost"
AT_WORK = (LIVE, LEAVING)
"""The states of a host whose jobs are its own."""

BEATS = 6  # in the time after which a silent host is lost
MISSED_BEATS = 3  # in a row are a gap: what the others did meanwhile is not known

DATABASE_TIME = cast(func.extract("epoch", func.clock_timestamp()), Double)
"""The clock of the database, in Unix seconds: also within a transaction it goes on."""


class LostHostError(Exception):
    """The others have declared this host lost: its jobs are not its own any more."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"the host {owner} was declared lost")
        self.owner = owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A process's place among the hosts of a table."""

    owner: str
    number: int  # of 1,024: the bits of its call numbers that no other live host has


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a host learns when it says that it is alive."""

    now: float  # Unix seconds, by the clock of the database
    live: int  # hosts of its run that are at work, itself included


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLine:
    """A host as people see it. `silent` are the seconds since it was last heard of."""

    owner: str
    number: int
    name: str
    pid: int
    program: str
    state: str
    since: float
    heard_at: float
    silent: float
    in_flight: int
    exit_code: int | None
    told: Mapping[str, JSON]


def join(connection: Connection, holding: Holding, *, program: str) -> Host:
    """Become a host of this run, with the lowest number that no host at work has.

    Raises ObstacleError if there is none.
    """
    connection.execute(text("LOCK TABLE hosts IN SHARE ROW EXCLUSIVE MODE"))  # beats wait a moment
    taken = connection.execute(select(hosts.c.number).where(hosts.c.state.in_(AT_WORK))).scalars()
    number = lowest_free(set(taken))
    connection.execute(
        insert(hosts).values(
            owner=holding.owner,
            number=number,
            run_id=holding.run_id,
            name=socket.gethostname(),
            pid=os.getpid(),
            program=program,
            state=LIVE,
            joined_at=DATABASE_TIME,
            heard_at=DATABASE_TIME,
            heard_since=DATABASE_TIME,
        )
    )
    return Host(owner=holding.owner, number=number)


def lowest_free(taken: Collection[int]) -> int:
    """The lowest number that is not taken. Raises ObstacleError if all are."""
    for number in range(MAX_PROCESSES):
        if number not in taken:
            return number
    raise ObstacleError("hosts_full", most=f"{MAX_PROCESSES:,}")


_STATE = text("SELECT state FROM hosts WHERE owner = :owner FOR KEY SHARE")


def fence(connection: Connection, owner: str) -> None:
    """Let nobody take over from this host before this transaction ends: its first statement.

    Raises LostHostError if somebody has.
    """
    if connection.execute(_STATE, {"owner": owner}).scalar() not in AT_WORK:
        raise LostHostError(owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a host tells of itself at each beat."""

    in_flight: int = 0
    leaving: bool = False
    told: Mapping[str, JSON] = field(default_factory=dict)  # for people: why it pauses


def beat(connection: Connection, owner: str, report: Report, *, lost_after: float) -> Beat:
    """Say that this host is alive. Raises LostHostError if it counts as lost."""
    gap = DATABASE_TIME - lost_after * MISSED_BEATS / BEATS
    changed = (
        update(hosts)
        .where(hosts.c.owner == owner, hosts.c.state.in_(AT_WORK))
        .values(
            heard_at=DATABASE_TIME,
            heard_since=case((hosts.c.heard_at < gap, DATABASE_TIME), else_=hosts.c.heard_since),
            in_flight=report.in_flight,
            state=LEAVING if report.leaving else LIVE,
            told=json.dumps(report.told, ensure_ascii=False),
        )
        .returning(hosts.c.run_id, hosts.c.heard_at)
    )
    heard = connection.execute(changed).one_or_none()
    if heard is None:
        raise LostHostError(owner)
    others = select(func.count()).where(hosts.c.run_id == heard.run_id, hosts.c.state.in_(AT_WORK))
    return Beat(now=heard.heard_at, live=connection.execute(others).scalar_one())


def leave(connection: Connection, owner: str, *, exit_code: int | None = None) -> None:
    """Record that this host has left, with nothing in its hands."""
    connection.execute(
        update(hosts)
        .where(hosts.c.owner == owner, hosts.c.state.in_(AT_WORK))
        .values(state=LEFT, exit_code=exit_code, in_flight=0, ended_at=DATABASE_TIME)
    )


def database_time(connection: Connection) -> float:
    """Unix seconds by the clock of the database."""
    found: float = connection.execute(select(DATABASE_TIME)).scalar_one()
    return found


def hosts_of(connection: Connection, run_id: int) -> list[HostLine]:
    """The hosts of a run, in the order in which they joined."""
    found = connection.execute(
        select(hosts, (DATABASE_TIME - hosts.c.heard_at).label("silent"))
        .where(hosts.c.run_id == run_id)
        .order_by(hosts.c.joined_at)
    )
    return [_line(row) for row in found]


def _line(row: Any) -> HostLine:
    return HostLine(
        owner=row.owner,
        number=row.number,
        name=row.name,
        pid=row.pid,
        program=row.program,
        state=row.state,
        since=row.joined_at,
        heard_at=row.heard_at,
        silent=max(row.silent, 0.0),
        in_flight=row.in_flight,
        exit_code=row.exit_code,
        told=json.loads(row.told),
    )


def lost_in_a_row(connection: Connection, run_id: int) -> int:
    """How many of a run's hosts that ended last were lost, one after the other."""
    ended = connection.execute(
        select(hosts.c.state)
        .where(hosts.c.run_id == run_id, hosts.c.state.in_((LEFT, LOST)))
        .order_by(hosts.c.ended_at.desc())
    ).scalars()
    count = 0
    for state in ended:
        if state != LOST:
            break
        count += 1
    return count
