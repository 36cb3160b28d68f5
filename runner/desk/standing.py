"""How a sheet stands, for the page: read from its table each time it asks."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from jobs.errors import ExpectedError
from jobs.job import JSON, RETRIABLE, FailureClass, State
from jobs.sheet.finding import excerpt
from jobs.store import Store
from jobs.store.log import last_run
from jobs.store.picks import rejected_rows
from jobs.store.queries.results import ResultRow, results
from runner.catalogue import say
from runner.catalogue.money import format_amount, format_cost, format_ending
from runner.report.facts import facts_of
from runner.report.story import Incident, timeline
from runner.views.failures import EDITABLE_CLASSES, FailureGroup, failures_of
from runner.views.status import Pause, SheetStatus, read_status
from runner.workspace.workspace import SHEET_ID, Workspace

SHOWN_RESULTS = 3
MAX_EVENTS = 40
SHOWN_NUMBERS = 8
MAX_TEXT_CHARACTERS = 400
PAUSE_FACTOR = 8  # pause until the events are read again, in multiples of what reading took
MIN_PAUSE_SECONDS = 1.5


@dataclass(slots=True)
class Story:
    """The events of one sheet, read at intervals that do not slow its run down."""

    workspace: Workspace
    _events: list[JSON] = field(default_factory=list)
    _again_at: float = 0.0
    _running: bool | None = None

    def events(self, *, running: bool) -> list[JSON]:
        """What happened, newest first."""
        now = time.monotonic()
        if now < self._again_at and running == self._running:
            return self._events
        with facts_of(self.workspace, now=time.time(), running=running) as facts:
            newest = timeline(facts)[::-1][:MAX_EVENTS]
        self._events = [_event(one) for one in newest]
        took = time.monotonic() - now
        self._again_at = time.monotonic() + max(MIN_PAUSE_SECONDS, PAUSE_FACTOR * took)
        self._running = running
        return self._events


def has_begun(workspace: Workspace, pid: int) -> bool:
    """True if the last run of the table is that of this process: its yes was taken."""
    try:
        with workspace.place.look() as store, store.read() as tx:
            last = last_run(tx, SHEET_ID)
    except ExpectedError:  # there is no table yet
        return False
    return last is not None and last.pid == pid


def _event(one: Incident) -> JSON:
    return {"at": one.at, "until": one.until, "text": one.text, "tone": one.tone}


def standing(workspace: Workspace, story: Story) -> dict[str, JSON]:
    """Everything that the page shows of a sheet that was loaded. Raises Refusal, TableError."""
    found = read_status(workspace, now=time.time())
    rows = found.rows
    running = found.run.kind == "running"
    first: list[JSON] = []
    if rows.done or rows.failed or rows.in_doubt:  # else the search would read every row
        with workspace.place.look() as store:
            first = list(_first_results(store))
    rejected = rejected_in(workspace) if rows.done else []
    has_failed = bool(rows.failed or rows.in_doubt)
    return {
        "running": running,
        "state": found.run.kind,
        "words": _ending(found),
        "rows": {
            "total": rows.total,
            "done": rows.done,
            "failed": rows.failed,
            "in_doubt": rows.in_doubt,
            "skipped": rows.skipped,
            "pending": rows.pending,
            "sending": rows.sending + rows.polling + rows.fetching,
        },
        "rate": found.rate,
        "done_at": found.at + found.seconds_left if found.seconds_left else None,
        "cost": format_cost(found.spent) if found.spent.calls else "",
        "calls": found.spent.calls,
        "pauses": [_pause(one) for one in found.pauses],
        "first": first,
        "rejected": {"count": len(rejected), "rows": list(rejected[:SHOWN_NUMBERS])},
        "failures": [_failure(one) for one in failures_of(workspace).groups] if has_failed else [],
        "events": story.events(running=running),
    }


def rejected_in(workspace: Workspace) -> list[int]:
    """The rows whose result a person rejected."""
    with workspace.place.look() as store, store.read() as tx:
        return rejected_rows(tx, SHEET_ID)


def _ending(found: SheetStatus) -> str:
    match found.run.kind:
        case "ended":
            return format_ending(found.run.exit_code, pending=found.rows.pending)
        case "died":
            return say("incident.died")
        case _:
            return ""


def _pause(one: Pause) -> JSON:
    return {"kind": one.kind, "since": one.since, "until": one.until}


def _first_results(store: Store) -> Iterator[JSON]:
    """The first rows that were run: what a trial made."""
    with store.read() as tx:
        begun = (row for row in results(tx, SHEET_ID) if row.status not in ("pending", "skipped"))
        for row in islice(begun, SHOWN_RESULTS):
            yield _result(row)


def _result(row: ResultRow) -> JSON:
    cost = f"{format_amount(row.cost)} {row.currency or ''}".strip() if row.cost is not None else ""
    return {
        "row": row.row,
        "status": row.status,
        "text": excerpt(row.text or "", MAX_TEXT_CHARACTERS),
        "error": excerpt(row.error or "", MAX_TEXT_CHARACTERS),
        "files": list(row.files[:4]),
        "cost": cost,
        "seconds": row.seconds,
    }


def _failure(group: FailureGroup) -> JSON:
    """Rows with one cause; `passing`: they may succeed unchanged."""
    name, is_edit = group.kind, group.kind in EDITABLE_CLASSES
    return {
        "kind": name,
        "cause": group.cause,
        "count": group.count,
        "rows": list(group.rows),
        "words": excerpt(group.words, MAX_TEXT_CHARACTERS),
        "title": say(f"class.{name}"),
        "meaning": group.explanation.meaning,
        "remedy": say("desk.remedy_edit") if is_edit else group.explanation.remedy,
        "by_us": name == FailureClass.BAD_INPUT,
        "passing": name != State.IN_DOUBT and name in RETRIABLE,
    }
