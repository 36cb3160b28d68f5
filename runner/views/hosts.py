"""The hosts of a run on a shared table, as `status` shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.store import Transaction
from jobs.store.hosts import AT_WORK, HostLine, hosts_of
from jobs.store.queries.pace import ended_by_process
from runner.views.records import HostRecord
from runner.workspace.workspace import SHEET_ID

RATE_WINDOW_SECONDS = 300.0  # the rate is that of the last five minutes
MIN_RATE_SECONDS = 5.0  # seconds of a host before its rate is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """One host: who it is, what it does, and why it sends nothing where it does not.

    `state` is live, leaving, silent (not heard of for too long, but nobody has taken over yet),
    lost or left.
    """

    number: int
    name: str
    pid: int
    program: str
    state: str
    since: float
    heard_at: float
    silent_seconds: float
    in_flight: int
    rows_a_minute: float | None = None
    pause: str | None = None  # person, outage, slow_down, database
    cause: str = ""
    until: float | None = None
    exit_code: int | None = None


def read_hosts(
    tx: Transaction, run_id: int, *, lost_after: float, now: float
) -> tuple[HostStatus, ...]:
    """The hosts of a run, in the order in which they joined; `now` is the database's time."""
    found = hosts_of(tx, run_id)
    ended = ended_by_process(tx, SHEET_ID, now - RATE_WINDOW_SECONDS) if found else {}
    return tuple(host_status(one, ended, lost_after=lost_after, now=now) for one in found)


def host_status(
    line: HostLine, ended: Mapping[int, int], *, lost_after: float, now: float
) -> HostStatus:
    """What the table says of one host, and how many rows its number ended in the last minutes."""
    is_at_work = line.state in AT_WORK
    silent = is_at_work and line.silent > lost_after
    told = line.told if is_at_work and not silent else {}
    pause, cause, until = told.get("pause"), told.get("cause"), told.get("until")
    window = min(now - line.since, RATE_WINDOW_SECONDS)
    rate = 60 * ended.get(line.number, 0) / window if window >= MIN_RATE_SECONDS else None
    return HostStatus(
        number=line.number,
        name=line.name,
        pid=line.pid,
        program=line.program,
        state="silent" if silent else line.state,
        since=line.since,
        heard_at=line.heard_at,
        silent_seconds=line.silent,
        in_flight=line.in_flight if is_at_work else 0,
        rows_a_minute=rate if is_at_work and not silent else None,
        pause=str(pause) if pause else None,
        cause=str(cause or ""),
        until=until if isinstance(until, int | float) and until > now else None,
        exit_code=line.exit_code,
    )


def are_live(hosts: Sequence[HostStatus]) -> bool:
    """True if some host is at work."""
    return any(host.state in AT_WORK for host in hosts)


def hosts_record(hosts: Sequence[HostStatus]) -> list[HostRecord]:
    """The hosts as public data."""
    return [
        {
            "number": host.number,
            "name": host.name,
            "pid": host.pid,
            "program": host.program,
            "state": host.state,
            "since": host.since,
            "heard_at": host.heard_at,
            "silent_seconds": round(host.silent_seconds, 1),
            "in_flight": host.in_flight,
            "rows_a_minute": host.rows_a_minute,
            "pause": host.pause,
            "cause": host.cause or None,
            "until": host.until,
            "exit_code": host.exit_code,
        }
        for host in hosts
    ]
