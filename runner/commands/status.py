"""`rowmill status`: how far a run is, on one screen."""

import json
import sys
import time
from pathlib import Path

from rich.cells import cell_len
from rich.text import Text

from jobs.store.queries.totals import Counts
from runner.catalogue import explain, say
from runner.catalogue.durations import at_words, format_duration
from runner.catalogue.money import format_cost, format_doubt, format_ending
from runner.console import options
from runner.console.layout import Page, flowed
from runner.console.screen import print_data
from runner.settings.settings import Settings
from runner.views.status import RunState, SheetStatus, read_status, status_record
from runner.workspace.lookup import find
from runner.workspace.workspace import Workspace

WATCH_SECONDS = 2.0
BAR = 60  # columns at most
SHARES = (
    ("done", "█", "green"),
    ("failed", "×", "red"),
    ("in_doubt", "?", "yellow"),
    ("skipped", "-", "dim"),
    ("fetching", "+", "cyan"),
)
"""What the bar is made of, in its order; the rest is waiting."""

PLACES = (
    *("done", "failed", "in_doubt", "skipped", "waiting", "sending", "polling", "fetching"),
    "parked",
)
ALWAYS = frozenset({"done", "failed", "waiting"})
STYLES = {name: style for name, _, style in SHARES} | {"sending": "blue", "polling": "cyan"}


@options.argument("sheet", required=False)
def _status(sheet: str | None) -> None:
    named_sheet = Path(sheet) if sheet is not None else None
    settings = options.settings(folder=options.sheet_folder(named_sheet))
    workspace = find(named_sheet, settings.workspace)
    standing = _show(workspace, settings)
    while settings.watch and standing.run.kind == "running":
        time.sleep(WATCH_SECONDS)
        standing = _show(workspace, settings)


def _show(workspace: Workspace, settings: Settings) -> SheetStatus:
    """The screen as it is now; watched, JSON is one line each time."""
    standing = read_status(workspace, now=time.time())
    if settings.json:
        record = status_record(standing)
        print_data(json.dumps(record, ensure_ascii=False, indent=None if settings.watch else 2))
        sys.stdout.flush()
        return standing
    page = Page(color=settings.color)
    if settings.watch:
        page.clear()
    _draw(standing, page)
    if settings.watch and standing.run.kind == "running":
        page.gap()
        page.text(say("status.watching"), style="dim")
    return standing


def _draw(standing: SheetStatus, page: Page) -> None:
    page.title(standing.sheet)
    page.text(run_words(standing.run, now=standing.at))
    page.gap()
    page.drawn(_bar(standing.rows, min(page.width - 1, BAR)))
    page.drawn(_counts(standing.rows, page.width - 1))
    page.gap()
    page.facts([*_pauses(standing), *_pace(standing)])
    if standing.failures or standing.rows.in_doubt:
        page.heading(say("status.failures"))
        page.table(_failures(standing))
    if standing.next_command is not None:
        page.gap()
        page.code(f"{say('status.next')}  {standing.next_command}")


def run_words(run: RunState, *, now: float) -> str:
    """What the last run does or did, in one sentence."""
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
            how = format_ending(run.exit_code)
            ended_at = run.ended_at or run.since
            at, time_ = at_words(ended_at), format_duration(ended_at - run.since)
            return say("status.ended", at=at, time=time_, how=how)


def _bar(rows: Counts, width: int) -> Text:
    ended = rows.total - rows.pending
    share = ended / rows.total if rows.total else 1.0
    # Rounded down: 100 % is said when there is nothing left.
    tail = f" {int(100 * share)} %  {ended:,} / {rows.total:,}"
    room = max(width - cell_len(tail), 10)
    bar = Text(no_wrap=True)
    for name, mark, style in SHARES:
        count = getattr(rows, name)
        cells = max(round(room * count / rows.total), 1) if count else 0
        bar.append(mark * min(cells, room - len(bar)), style=style)
    bar.append("░" * (room - len(bar)), style="dim")
    return bar.append(tail)


def _counts(rows: Counts, width: int) -> Text:
    return flowed(
        [
            Text.assemble(("■ ", STYLES.get(name, "dim")), f"{say(f'status.{name}')} {count:,}")
            for name in PLACES
            if (count := getattr(rows, name)) or name in ALWAYS
        ],
        width,
    )


def _pauses(standing: SheetStatus) -> list[tuple[str, str]]:
    facts = []
    for pause in standing.pauses:
        until = at_words(pause.until, seconds=True) if pause.until is not None else ""
        since = at_words(pause.since, seconds=True)
        words = say(_PAUSES[pause.kind], since=since, until=until, cause=pause.cause)
        facts.append((say("status.pause"), words))
    for key, cause in standing.dropped_keys:
        facts.append((say("status.keys"), say("status.key_dropped", key=key, cause=cause)))
    return facts


_PAUSES = {
    "person": "status.pause_person",
    "outage": "status.pause_outage",
    "slow_down": "status.pause_slow",
}


def _pace(standing: SheetStatus) -> list[tuple[str, str]]:
    facts = []
    if standing.rate is not None:
        facts.append((say("status.rate"), say("status.rate_value", rate=f"{standing.rate:,.1f}")))
    if standing.seconds_left is not None:
        facts.append((say("status.left"), format_duration(standing.seconds_left)))
    if standing.oldest is not None:
        age = format_duration(standing.at - standing.oldest.started_at)
        facts.append(
            (say("status.oldest"), say("status.oldest_value", time=age, row=standing.oldest.row))
        )
    used = standing.spent
    facts.append((say("status.calls"), f"{used.calls:,}"))
    if used.unknown_calls:
        facts.append(("", format_doubt(used)))
    if used.total_tokens is not None:
        facts.append((say("status.tokens"), f"{used.total_tokens:,}"))
    if used.calls:
        facts.append((say("status.cost"), format_cost(used)))
    return facts


def _failures(standing: SheetStatus) -> list[tuple[str, str, str]]:
    rows = [
        (f"  {count:,}", str(kind), explain(kind, "").meaning) for kind, count in standing.failures
    ]
    if standing.rows.in_doubt:
        rows.append((f"  {standing.rows.in_doubt:,}", "in_doubt", say("status.meaning_in_doubt")))
    return rows


command = options.command(
    "status",
    examples=(
        "rowmill status prompts.xlsx",
        "rowmill status --watch",
        "rowmill status --json",
    ),
)(_status)
