"""What a host that an engine starts is for, and whether its run is over."""

from dataclasses import dataclass

from jobs.store import Transaction
from jobs.store.log import last_run
from runner.workspace.workspace import SHEET_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """What a host does. It holds no key and no password: the engine may write it down.

    Every host has the same command line: the first one opens the run, the others join it. `after`
    is the newest run that had ended before; the hosts are for the one that follows.
    """

    database: str  # with the workspace's name
    words: tuple[str, ...]  # of the command line, after the program's name
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRun:
    """The newest run of a table."""

    id: int
    exit_code: int | None = None  # None while it has not ended


def is_over(plan: HostPlan, last: WatchedRun | None) -> bool:
    """True if the hosts' run has ended: one that was started again must not begin another."""
    return last is not None and last.id > plan.after and last.exit_code is not None


def read_run(tx: Transaction) -> WatchedRun | None:
    """The newest run of a shared table."""
    run = last_run(tx, SHEET_ID)
    if run is None:
        return None
    ended = run.ended_at is not None
    return WatchedRun(id=run.id, exit_code=(run.exit_code or 0) if ended else None)
