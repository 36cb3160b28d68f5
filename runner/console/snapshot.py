"""The state of a run at one moment, as a value and as one line of text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, TypedDict

from runner.catalogue import say
from runner.catalogue.durations import format_duration
from runner.catalogue.money import format_rounded
from runner.catalogue.safe_text import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """One line of recent news; `mark` is ✓, ✗ or ↻, `text` may be untrusted."""

    at: float  # Unix seconds
    row: int
    mark: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of a run at one moment. Counts are rows, taken from the table."""

    title: str
    started_at: float  # Unix seconds, as all times here
    now: float
    done: int = 0
    failed: int = 0
    in_doubt: int = 0
    pending: int = 0
    fetching: int = 0
    running: int = 0
    rate: float | None = None  # ended rows a minute
    eta: float | None = None  # seconds
    until: float | None = None  # Unix; the time of --until, if rows will be left then
    until_rows: tuple[int, int] | None = None  # finished by then, at least and at most
    in_flight: int = 0
    limit: int = 0  # of calls in flight
    paused_until: float | None = None
    reason: str = ""
    held: bool = False  # paused by a person, until they resume it
    tokens: int | None = None
    cost: float | None = None
    cost_known: bool = True  # False: some calls have no price, the cost is a lower bound
    cost_estimated: bool = False
    currency: str = ""
    files: int = 0
    bytes: int = 0
    p50: float | None = None
    p95: float | None = None
    oldest: float | None = None  # age in seconds of the oldest call in flight
    failures: Mapping[str, int] = field(default_factory=dict)  # by class
    events: tuple[ProgressEvent, ...] = ()  # the newest first

    @property
    def ended(self) -> int:
        """Rows that are finished in this run."""
        return self.done + self.failed + self.in_doubt

    @property
    def total(self) -> int:
        """All rows of this run."""
        return self.ended + self.pending + self.fetching + self.running


def line_of(snapshot: Snapshot) -> str:
    """The run in one key=value line, for logs."""
    share = 100 * snapshot.ended // snapshot.total if snapshot.total else 100
    words = {
        "rows": f"{snapshot.ended}/{snapshot.total}",
        "percent": str(share),
        "done": str(snapshot.done),
        "failed": str(snapshot.failed),
        "in_doubt": str(snapshot.in_doubt),
        "in_flight": str(snapshot.in_flight),
        "rate": f"{snapshot.rate:.1f}/min" if snapshot.rate is not None else "",
        "eta": format_duration(snapshot.eta) if snapshot.eta is not None else "",
        "until": "-".join(map(str, snapshot.until_rows or ())),
        "cost": cost_of(snapshot) if snapshot.cost is not None else "",
        "paused": _pause_of(snapshot).replace(" ", "_"),
    }
    return "progress " + " ".join(f"{key}={value}" for key, value in words.items() if value)


def _pause_of(snapshot: Snapshot) -> str:
    if snapshot.held:
        return "by hand"
    return plain(snapshot.reason, 80) if snapshot.paused_until is not None else ""


class NoteLine(TypedDict):
    """A sentence for people, as `--progress json` prints it."""

    schema: Literal[1]
    type: Literal["note"]
    text: str


class NewsLine(TypedDict):
    """One line of recent news."""

    at: float
    row: int
    mark: str
    text: str


class ProgressLine(TypedDict):
    """The state of a run, as `--progress json` prints it. Counts are rows, times Unix seconds."""

    schema: Literal[1]
    type: Literal["progress"]
    total: int
    title: str
    started_at: float
    now: float
    done: int
    failed: int
    in_doubt: int
    pending: int
    fetching: int
    running: int
    rate: float | None
    eta: float | None
    until: float | None
    until_rows: list[int] | None
    in_flight: int
    limit: int
    paused_until: float | None
    reason: str
    held: bool
    tokens: int | None
    cost: float | None
    cost_known: bool
    cost_estimated: bool
    currency: str
    files: int
    bytes: int
    p50: float | None
    p95: float | None
    oldest: float | None
    failures: dict[str, int]
    events: list[NewsLine]


PROGRESS_LINES: Mapping[str, tuple[type, ...]] = {"progress": (ProgressLine, NoteLine)}
"""The records of `--progress json`."""


def json_of(snapshot: Snapshot) -> str:
    """The run as one JSON line."""
    bare = replace(snapshot, failures=dict(snapshot.failures))
    record = {"schema": 1, "type": "progress", "total": snapshot.total, **asdict(bare)}
    return json.dumps(record, ensure_ascii=True)


def note_of(text: str) -> str:
    """A sentence as one JSON line."""
    line: NoteLine = {"schema": 1, "type": "note", "text": text}
    return json.dumps(line)


def cost_of(snapshot: Snapshot) -> str:
    """The cost for people; "at least" if some calls have no price."""
    if snapshot.cost is None:
        return say("progress.unknown")
    amount = format_rounded(snapshot.cost, snapshot.currency)
    amount = amount if snapshot.cost_known else say("progress.at_least", amount=amount)
    return say("money.estimate", amount=amount) if snapshot.cost_estimated else amount
