"""`rowmill status`: shows how far a run is, on one screen."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from jobs.store.queries.totals import Counts
from runner.catalogue import explain, say
from runner.catalogue.durations import at_words, format_duration
from runner.catalogue.money import format_cost, format_doubt, format_ending
from runner.console import options
from runner.console.layout import Page, flowed
from runner.console.screen import print_data
from runner.console.workspaces import find_workspace
from runner.settings.settings import Settings
from runner.views.status import LastRun, SheetStatus, read_status, status_record
from runner.workspace.workspace import Workspace

if TYPE_CHECKING:
    from runner.views.batches import BatchStatus
    from runner.views.hosts import HostStatus

WATCH_SECONDS = 2.0
MAX_BAR_COLUMNS = 60  # columns at most
BAR_PARTS = (
    ("done", "█", "green"),
    ("failed", "×", "red"),
    ("in_doubt", "?", "yellow"),
    ("skipped", "-", "dim"),
    ("fetching", "+", "cyan"),
)
"""The parts of the bar, in order; the rest of it is waiting rows."""

HOST_MARKS = {"live": "●", "leaving": "●", "silent": "?", "lost": "×", "left": "○"}
GONE = frozenset({"lost", "left"})
PAUSES = frozenset({"person", "outage", "slow_down", "database"})
MAX_GONE_SHOWN = 10
SHORT_SECONDS = 20 * 3600.0

COUNTS_SHOWN = (
    *("done", "failed", "in_doubt", "skipped", "waiting", "sending", "polling", "fetching"),
    "parked",
)
COUNTS_ALWAYS_SHOWN = frozenset({"done", "failed", "waiting"})
COUNT_STYLES = {name: style for name, _, style in BAR_PARTS} | {
    "sending": "blue",
    "polling": "cyan",
}


@options.argument("sheet", required=False)
def _status(sheet: str | None) -> None:
    named_sheet = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named_sheet))
    workspace = find_workspace(named_sheet)
    status = _show(workspace, settings)
    while settings.watch and status.run.kind == "running":
        time.sleep(WATCH_SECONDS)
        status = _show(workspace, settings)


def _show(workspace: Workspace, settings: Settings) -> SheetStatus:
    """Print the screen once; with --watch, JSON is one line each time."""
    status = read_status(workspace, now=time.time(), lost_after=settings.lost_after)
    if settings.json:
        record = status_record(status)
        print_data(json.dumps(record, ensure_ascii=False, indent=None if settings.watch else 2))
        sys.stdout.flush()
        return status
    page = Page(color=settings.color)
    if settings.watch:
        page.clear()
    _draw(status, page)
    if settings.watch and status.run.kind == "running":
        page.gap()
        page.text(say("status.watching"), style="dim")
    return status


def _draw(status: SheetStatus, page: Page) -> None:
    page.title(status.sheet)
    page.text(_run_words(status))
    page.gap()
    page.drawn(_bar(status.rows, min(page.width - 1, MAX_BAR_COLUMNS)))
    page.drawn(_counts(status.rows, page.width - 1))
    page.gap()
    page.facts([*_pauses(status), *_pace(status)])
    if status.hosts:
        page.heading(say("status.hosts"))
        page.table(host_lines(status.hosts, now=status.at))
    if status.batches:
        _draw_batches(status.batches, page)
    if status.failures or status.rows.in_doubt:
        page.heading(say("status.failures"))
        page.table(_failures(status))
    if status.next_command is not None:
        page.gap()
        page.code(f"{say('status.next')}  {status.next_command}")


def _draw_batches(batches: "Sequence[BatchStatus]", page: Page) -> None:
    from runner.views.batches import fact_of  # noqa: PLC0415 - few sheets have any

    page.heading(say("status.batches"))
    page.facts(map(fact_of, batches))


def _run_words(status: SheetStatus) -> str:
    """What the run does or did; one on a shared table is no single process."""
    at_work = sum(host.state not in GONE for host in status.hosts)
    if status.run.kind != "running" or not status.hosts:
        return run_words(status.run, now=status.at, pending=status.rows.pending)
    time_ = format_duration(status.at - status.run.since)
    return say("status.running_on", time=time_, count=at_work, since=at_words(status.run.since))


def run_words(run: LastRun, *, now: float, pending: int = 0) -> str:
    """What the last run is doing or did, in one sentence."""
    since = at_words(run.since)
    match run.kind:
        case "never":
            return say("status.never")
        case "running":
            time_ = format_duration(now - run.since)
            return say("status.running", pid=run.pid, host=run.host, since=since, time=time_)
        case "died":
            return say("status.died", since=since)
        case "ended":
            how = format_ending(run.exit_code, pending=pending)
            ended_at = run.ended_at or run.since
            at, time_ = at_words(ended_at), format_duration(ended_at - run.since)
            return say("status.ended", at=at, time=time_, how=how)


def _bar(rows: Counts, width: int) -> Text:
    ended = rows.total - rows.pending
    share = ended / rows.total if rows.total else 1.0
    # Rounded down: 100 % appears only when nothing is left.
    tail = f" {int(100 * share)} %  {ended:,} / {rows.total:,}"
    room = max(width - cell_len(tail), 10)
    bar = Text(no_wrap=True)
    for name, mark, style in BAR_PARTS:
        count = getattr(rows, name)
        cells = max(round(room * count / rows.total), 1) if count else 0
        bar.append(mark * min(cells, room - len(bar)), style=style)
    bar.append("░" * (room - len(bar)), style="dim")
    return bar.append(tail)


def _counts(rows: Counts, width: int) -> Text:
    return flowed(
        [
            Text.assemble(
                ("■ ", COUNT_STYLES.get(name, "dim")), f"{say(f'status.{name}')} {count:,}"
            )
            for name in COUNTS_SHOWN
            if (count := getattr(rows, name)) or name in COUNTS_ALWAYS_SHOWN
        ],
        width,
    )


def _pauses(status: SheetStatus) -> list[tuple[str, str]]:
    facts = []
    for pause in status.pauses:
        until = at_words(pause.until, seconds=True) if pause.until is not None else ""
        since = at_words(pause.since, seconds=True)
        words = say(_PAUSE_SENTENCES[pause.kind], since=since, until=until, cause=pause.cause)
        facts.append((say("status.pause"), words))
    for key, cause in status.dropped_keys:
        facts.append((say("status.keys"), say("status.key_dropped", key=key, cause=cause)))
    return facts


_PAUSE_SENTENCES = {
    "person": "status.pause_person",
    "outage": "status.pause_outage",
    "slow_down": "status.pause_slow",
}


def host_lines(hosts: "Sequence[HostStatus]", *, now: float) -> list[tuple[str, ...]]:
    """A line a host: those at work, then the last ones that are gone."""
    at_work = [host for host in hosts if host.state not in GONE]
    gone = sorted((host for host in hosts if host.state in GONE), key=lambda host: host.heard_at)
    lines = [_host_line(host, now) for host in (*at_work, *gone[-MAX_GONE_SHOWN:])]
    if more := len(gone) - MAX_GONE_SHOWN if len(gone) > MAX_GONE_SHOWN else 0:
        lines.append(("", "", "", "", "", "", say("status.hosts_more", count=f"{more:,}")))
    return lines


def _host_line(host: "HostStatus", now: float) -> tuple[str, ...]:
    heard = say("status.heard", time=format_duration(host.silent_seconds))
    return (
        f"  {HOST_MARKS[host.state]}",
        host.name,
        str(host.pid),
        host.program,
        say("status.since", at=_clock(host.since, now)),
        heard if host.state not in GONE else _clock(host.heard_at, now),
        " · ".join(_doing(host)),
    )


def _clock(at: float, now: float) -> str:
    """A time of today or last night without its day: a machine's line is narrow."""
    if now - at > SHORT_SECONDS:
        return at_words(at)
    return time.strftime("%H:%M", time.localtime(at))


def _doing(host: "HostStatus") -> Iterator[str]:
    """What a host does now, or how it ended."""
    if host.state in ("lost", "silent"):
        yield say(f"status.host_{host.state}")
        return
    if host.state == "left":
        how = format_ending(host.exit_code, pending=0) if host.exit_code is not None else ""
        yield say("status.host_left", how=how) if how else say("status.host_gone")
        return
    yield say("status.host_in_flight", count=f"{host.in_flight:,}")
    if host.rows_a_minute is not None:
        yield say("status.host_rate", rate=f"{host.rows_a_minute:,.0f}")
    if host.state == "leaving":
        yield say("status.host_leaving")
    if host.pause in PAUSES:
        until = at_words(host.until, seconds=True) if host.until is not None else ""
        yield say(f"status.host_{host.pause}", cause=host.cause, until=until)


def _pace(status: SheetStatus) -> list[tuple[str, str]]:
    facts = []
    if status.rate is not None:
        facts.append((say("status.rate"), say("status.rate_value", rate=f"{status.rate:,.1f}")))
    if status.seconds_left is not None:
        facts.append((say("status.left"), format_duration(status.seconds_left)))
    if (until := status.until) is not None:
        rows = {"low": f"{until.low:,}", "high": f"{until.high:,}", "total": f"{until.total:,}"}
        label = say("status.until", at=_clock(until.at, status.at))
        facts.append((label, say("status.until_rows", **rows)))
    if status.oldest is not None:
        age = format_duration(status.at - status.oldest.started_at)
        facts.append(
            (say("status.oldest"), say("status.oldest_value", time=age, row=status.oldest.row))
        )
    used = status.spent
    facts.append((say("status.calls"), f"{used.calls:,}"))
    if used.unknown_calls:
        facts.append(("", format_doubt(used)))
    if used.total_tokens is not None:
        facts.append((say("status.tokens"), f"{used.total_tokens:,}"))
    if used.calls:
        facts.append((say("status.cost"), format_cost(used)))
    return facts


def _failures(status: SheetStatus) -> list[tuple[str, str, str]]:
    rows = [
        (f"  {count:,}", str(kind), explain(kind, "").meaning) for kind, count in status.failures
    ]
    if status.rows.in_doubt:
        rows.append((f"  {status.rows.in_doubt:,}", "in_doubt", say("status.meaning_in_doubt")))
    return rows


command = options.command(
    "status",
    examples=(
        "rowmill status prompts.xlsx",
        "rowmill status --watch",
        "rowmill status --json",
    ),
)(_status)
