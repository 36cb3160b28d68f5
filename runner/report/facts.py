"""Everything that a report tells of a sheet, read from its table at one moment."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from jobs.job import FailureClass
from jobs.sheet.figures import Fact, Figures, figures
from jobs.store import Store, Transaction
from jobs.store.gallery import Minute, PageRow, PastRun, call_minutes, page_rows, past_runs
from jobs.store.readings import (
    Batch,
    Counts,
    Spent,
    batch,
    counts,
    failed_by_class,
    failures,
    spent,
)
from runner.catalogue import say
from runner.exits import Refusal
from runner.overview import named, next_command
from runner.workspace import BATCH_ID, Workspace

MOST_ROWS = 50_000  # that a page holds; what failed comes first
FAILED = frozenset({"failed", "in_doubt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that failed for one cause, or are in doubt."""

    kind: str  # a failure class, or in_doubt
    cause: str
    count: int
    first: int  # row


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a report tells; `sheet_word` is what a person types for the sheet."""

    sheet: str
    sheet_word: str
    at: float
    running: bool
    rows: Counts
    spent: Spent
    groups: tuple[Group, ...]
    runs: tuple[PastRun, ...]
    minutes: tuple[Minute, ...]
    figures: Figures
    next_command: str | None
    shown: tuple[PageRow, ...] = field(repr=False)


def facts_of(workspace: Workspace, *, now: float, running: bool) -> Facts:
    """Look at the table once; a run that is going on is not disturbed. Raises Refusal."""
    store = Store.look(workspace.table)
    try:
        with store.read() as tx:
            return _read(tx, workspace, now=now, running=running)
    finally:
        store.close()


def _read(tx: Transaction, workspace: Workspace, *, now: float, running: bool) -> Facts:
    loaded = batch(tx, BATCH_ID)
    if loaded is None:
        raise Refusal(say("workspace.none", folder=str(workspace.folder)))
    facts: list[Fact] = []
    shown = _chosen(_counted(page_rows(tx, BATCH_ID), facts))
    standing = counts(tx, BATCH_ID)
    return Facts(
        sheet=loaded.sheet,
        sheet_word=named(workspace, loaded),
        at=now,
        running=running,
        rows=standing,
        spent=spent(tx, BATCH_ID),
        groups=tuple(
            Group(kind=kind, cause=cause, count=count, first=first)
            for kind, cause, count, first, _words in failures(tx, BATCH_ID)
        ),
        runs=tuple(past_runs(tx, BATCH_ID)),
        minutes=tuple(call_minutes(tx, BATCH_ID)),
        figures=figures(facts),
        next_command=None if running else _next(tx, workspace, loaded, standing),
        shown=shown,
    )


def _next(tx: Transaction, workspace: Workspace, loaded: Batch, standing: Counts) -> str:
    failed: dict[FailureClass, int] = failed_by_class(tx, BATCH_ID)
    ordered = sorted(failed.items(), key=lambda item: (-item[1], item[0]))
    return next_command(workspace, loaded, standing, ordered)


def _counted(rows: Iterator[PageRow], facts: list[Fact]) -> Iterator[PageRow]:
    """The same rows; each leaves what the charts count of it."""
    for row in rows:
        facts.append(
            Fact(
                status=row.status,
                kind=row.kind,
                model=row.model,
                seconds=row.seconds,
                cost=row.cost,
                finished_at=row.finished_at,
            )
        )
        yield row


def _chosen(rows: Iterator[PageRow]) -> tuple[PageRow, ...]:
    """As many rows as a page takes, in sheet order: first what failed, then all others."""
    failed: list[PageRow] = []
    others: list[PageRow] = []
    for row in rows:
        kept = failed if row.status in FAILED else others
        if len(kept) < MOST_ROWS:
            kept.append(row)
    return tuple(sorted([*failed, *others][:MOST_ROWS], key=lambda row: row.row))
