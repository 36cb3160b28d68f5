"""What `status` shows, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.job import FailureClass
from jobs.lock import holder
from jobs.store import Transaction
from jobs.store.log import Run, RunEvent, events_of, last_run
from jobs.store.queries.pace import OpenCall, ended_by_minute, ended_since, oldest_call
from jobs.store.queries.totals import Counts, Spent, by_class, counts, failures, spent
from runner.settings.run_terms import UNTIL_AT, until_of
from runner.views.next_command import next_command
from runner.views.records import (
    BatchRecord,
    HostRecord,
    PauseRecord,
    StatusRecord,
    UntilRecord,
)
from runner.views.spending import spent_record
from runner.workspace.workspace import SHEET_ID, Workspace

if TYPE_CHECKING:
    from runner.views.batches import BatchStatus
    from runner.views.hosts import HostStatus
    from runner.views.until_forecast import RowsUntil

LOST_AFTER_SECONDS = 30.0  # the default of [limits] lost_after
RATE_WINDOW_SECONDS = 300.0  # the rate is that of the last five minutes
MIN_RATE_SECONDS = 5.0  # seconds of a run before its rate is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """State of the last run. `died`: it never recorded how it ended."""

    kind: Literal["running", "ended", "died", "never"]
    pid: int = 0
    host: str = ""
    since: float = 0.0
    ended_at: float | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a run in progress sends nothing now: person, outage or slow_down."""

    kind: str
    since: float
    cause: str = ""
    until: float | None = None


def pauses_in(happened: Sequence[RunEvent], *, now: float) -> tuple[Pause, ...]:
    """The pauses still in effect, from the events of a run."""
    found: dict[str, Pause] = {}
    for event in happened:
        data = event.data
        cause = str(data.get("cause") or "")
        match event.kind:
            case "steered" if data.get("pause"):
                found["person"] = Pause(kind="person", since=event.at)
            case "steered" if data.get("resume"):
                found.pop("person", None)
            case "outage":
                found["outage"] = Pause(kind="outage", since=event.at, cause=cause)
            case "outage_over":
                found.pop("outage", None)
            case "slow_down":
                seconds = data.get("seconds")
                until = event.at + (seconds if isinstance(seconds, int | float) else 0.0)
                found["slow_down"] = Pause(
                    kind="slow_down", since=event.at, cause=cause, until=until
                )
            case _:
                pass
    return tuple(one for one in found.values() if one.until is None or one.until > now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStatus:
    """The state of a sheet: everything that `status` shows."""

    sheet: str
    folder: Path
    at: float
    run: LastRun
    rows: Counts
    spent: Spent
    rate: float | None = None  # rows a minute
    seconds_left: float | None = None
    until: "RowsUntil | None" = None  # what will be finished by the time of --until
    oldest: OpenCall | None = None
    failures: tuple[tuple[FailureClass, int], ...] = ()  # the most frequent first
    pauses: tuple[Pause, ...] = ()  # of a run in progress
    dropped_keys: tuple[tuple[str, str], ...] = ()  # by name, and why
    hosts: "tuple[HostStatus, ...]" = ()  # of the last run on a shared table
    batches: "tuple[BatchStatus, ...]" = ()  # all but those that are taken in
    next_command: str | None = None


def _of_hosts(
    tx: Transaction, last: Run | None, lost_after: float
) -> "tuple[float, tuple[HostStatus, ...], bool]":
    """The database's time, the hosts of the last run, and whether one of them is at work."""
    from jobs.store.hosts import database_time  # noqa: PLC0415 - 5 ms, and not on folders
    from runner.views.hosts import are_live, read_hosts  # noqa: PLC0415 - not on folders

    now = database_time(tx)
    if last is None:
        return now, (), False
    hosts = read_hosts(tx, last.id, lost_after=lost_after, now=now)
    return now, hosts, are_live(hosts) and last.ended_at is None


def read_status(
    workspace: Workspace, *, now: float, lost_after: float = LOST_AFTER_SECONDS
) -> SheetStatus:
    """Read the state of a workspace without disturbing a run. Raises Refusal, TableError.

    A shared table goes by the clock of its database.
    """
    shared = workspace.place.shared
    running = not shared and workspace.is_running()
    with workspace.place.look() as store, store.read() as tx:
        last = last_run(tx, SHEET_ID)
        hosts: tuple[HostStatus, ...] = ()
        if shared:
            now, hosts, running = _of_hosts(tx, last, lost_after)
        loaded = workspace.loaded_in(tx)
        rows = counts(tx, SHEET_ID)
        groups = failures(tx, SHEET_ID)
        used = spent(tx, SHEET_ID)
        run = _run_state(workspace, last, running=running)
        window = min(RATE_WINDOW_SECONDS, now - run.since)
        rate = oldest = until = None
        happened: list[RunEvent] = []
        batches = _batches(tx, rows)
        if running:
            happened = events_of(tx, last.id) if last is not None else []
            oldest = oldest_call(tx, SHEET_ID)
            ended = ended_since(tx, SHEET_ID, now - window) if window > MIN_RATE_SECONDS else 0
            rate = 60 * ended / window if ended else None
            until = _rows_until(tx, last, happened, rows, now)
    ordered = sorted(by_class(groups).items(), key=lambda item: (-item[1], item[0]))
    return SheetStatus(
        sheet=loaded.sheet,
        folder=workspace.folder,
        at=now,
        run=run,
        rows=rows,
        spent=used,
        rate=rate,
        seconds_left=60 * rows.pending / rate if rate else None,
        until=until,
        oldest=oldest,
        failures=tuple(ordered),
        pauses=pauses_in(happened, now=now),
        dropped_keys=tuple(
            (str(event.data.get("key")), str(event.data.get("cause")))
            for event in happened
            if event.kind == "key_dropped"
        ),
        hosts=hosts,
        batches=batches,
        next_command=next_command(workspace, loaded, rows, groups, last) if not running else None,
    )


def _rows_until(
    tx: Transaction, last: Run | None, happened: Sequence[RunEvent], rows: Counts, now: float
) -> "RowsUntil | None":
    """What the pace so far says about the time of --until."""
    if last is None or any(one.kind == "person" for one in pauses_in(happened, now=now)):
        return None
    steered = [event.data for event in happened if event.kind == "steered"]
    orders = [until_of({UNTIL_AT: data["until"]}) for data in steered if "until" in data]
    at = orders[-1] if orders else until_of(last.options)
    if at is None or at <= now:
        return None
    from runner.views.finished_minutes import WINDOW_MINUTES  # noqa: PLC0415 - for --until only
    from runner.views.until_forecast import rows_until  # noqa: PLC0415 - see above

    since = max(last.started_at, now - 60 * WINDOW_MINUTES)
    finished = rows.done + rows.failed + rows.in_doubt
    return rows_until(
        ended_by_minute(tx, SHEET_ID, since, now),
        finished=finished,
        total=finished + rows.pending,
        at=at,
        now=now,
    )


def _until_record(found: "RowsUntil | None") -> UntilRecord | None:
    if found is None:
        return None
    from runner.views.until_forecast import LIKELIHOOD  # noqa: PLC0415 - for --until only

    return {"at": found.at, "finished": [found.low, found.high], "likelihood": LIKELIHOOD}


def _batches(tx: Transaction, rows: Counts) -> "tuple[BatchStatus, ...]":
    """The provider batches that are not taken in: their rows are polled for, or in doubt."""
    if not rows.polling and not rows.in_doubt:
        return ()
    from runner.views.batches import read_batches, unsettled  # noqa: PLC0415 - few sheets have any

    return unsettled(read_batches(tx))


def _run_state(workspace: Workspace, run: Run | None, *, running: bool) -> LastRun:
    if running and workspace.place.shared:
        assert run is not None
        return LastRun(kind="running", pid=run.pid, host=run.host, since=run.started_at)
    if running:
        held = holder(workspace.folder / "jobs.lock")
        since = held.since or (run.started_at if run else 0.0)
        return LastRun(kind="running", pid=held.pid, host=held.host, since=since)
    if run is None:
        return LastRun(kind="never")
    return LastRun(
        kind="died" if run.ended_at is None else "ended",
        pid=run.pid,
        host=run.host,
        since=run.started_at,
        ended_at=run.ended_at,
        exit_code=run.exit_code,
    )


def status_record(standing: SheetStatus) -> StatusRecord:
    """The state of a sheet as public data."""
    run, rows, used = standing.run, standing.rows, standing.spent
    return {
        "schema": 1,
        "sheet": standing.sheet,
        "workspace": str(standing.folder),
        "run": {
            "state": run.kind,
            "pid": run.pid or None,
            "host": run.host or None,
            "started_at": run.since or None,
            "ended_at": run.ended_at,
            "exit_code": run.exit_code,
        },
        "rows": {
            "total": rows.total,
            "done": rows.done,
            "failed": rows.failed,
            "in_doubt": rows.in_doubt,
            "skipped": rows.skipped,
            "pending": rows.pending,
            "waiting": rows.waiting,
            "sending": rows.sending,
            "polling": rows.polling,
            "fetching": rows.fetching,
            "parked": rows.parked,
        },
        "hosts": _hosts_record(standing),
        "batches": _batches_record(standing),
        "pauses": [_pause_record(pause) for pause in standing.pauses],
        "rows_a_minute": standing.rate,
        "seconds_left": standing.seconds_left,
        "until": _until_record(standing.until),
        "tokens": {
            "prompt": used.prompt_tokens,
            "completion": used.completion_tokens,
            "total": used.total_tokens,
        },
        **spent_record(used),
        "oldest_call": None
        if standing.oldest is None
        else {
            "row": standing.oldest.row,
            "seconds": max(standing.at - standing.oldest.started_at, 0.0),
        },
        "failures": {str(kind): count for kind, count in standing.failures},
        "next": standing.next_command,
    }


def _pause_record(pause: Pause) -> PauseRecord:
    return {"kind": pause.kind, "since": pause.since, "cause": pause.cause, "until": pause.until}


def _batches_record(standing: SheetStatus) -> list[BatchRecord]:
    if not standing.batches:
        return []
    from runner.views.batches import batch_record  # noqa: PLC0415 - few sheets have any

    return [batch_record(one) for one in standing.batches]


def _hosts_record(standing: SheetStatus) -> list[HostRecord]:
    if not standing.hosts:
        return []
    from runner.views.hosts import hosts_record  # noqa: PLC0415 - not on folders

    return hosts_record(standing.hosts)
