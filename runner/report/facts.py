"""Everything that a report shows of a sheet, read from its table in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from jobs.store import Transaction
from jobs.store.log import Run, last_run
from jobs.store.queries.figures import Figures, figures
from jobs.store.queries.gallery import (
    CallsPerMinute,
    PageRow,
    PastRun,
    call_minutes,
    page_rows,
    past_runs,
)
from jobs.store.queries.totals import Counts, FailedAlike, Spent, counts, failures, spent
from runner.views.next_command import named, next_command
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_PAGE_ROWS = 50_000  # rows on a page; failed rows come first
FAILED_STATUSES = frozenset({"failed", "in_doubt"})


class Shown(Protocol):
    """The rows of a page in sheet order; their number is known before they are read."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[PageRow]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The content of a report; `sheet_word` is what a person types for the sheet."""

    sheet: str
    sheet_word: str
    at: float
    running: bool
    rows: Counts
    spent: Spent
    groups: tuple[FailedAlike, ...]
    runs: tuple[PastRun, ...]
    minutes: tuple[CallsPerMinute, ...]
    figures: Figures
    next_command: str | None
    last: Run | None = None
    shown: Shown = field(repr=False)


@contextmanager
def facts_of(workspace: Workspace, *, now: float, running: bool) -> Iterator[Facts]:
    """Read the table in one transaction, open during the `with`, as rows are read while shown.

    A run in progress is not disturbed. Raises Refusal if there is nothing to report.
    """
    with workspace.place.look() as store, store.read() as tx:
        yield _read(tx, workspace, now=now, running=running)


def _read(tx: Transaction, workspace: Workspace, *, now: float, running: bool) -> Facts:
    loaded = workspace.loaded_in(tx)
    standing, last = counts(tx, SHEET_ID), last_run(tx, SHEET_ID)
    groups = failures(tx, SHEET_ID)
    command = None if running else next_command(workspace, loaded, standing, groups, last)
    return Facts(
        sheet=loaded.sheet,
        sheet_word=named(workspace, loaded),
        at=now,
        running=running,
        rows=standing,
        spent=spent(tx, SHEET_ID),
        groups=tuple(groups),
        runs=tuple(past_runs(tx, SHEET_ID)),
        minutes=tuple(call_minutes(tx, SHEET_ID)),
        figures=figures(tx, SHEET_ID),
        last=last,
        next_command=command,
        shown=TableRows(tx, standing),
    )


class TableRows:
    """The rows of the table that fit a page: failed rows first, then the others."""

    def __init__(self, tx: Transaction, standing: Counts) -> None:
        self._tx = tx
        self._failed = min(standing.failed + standing.in_doubt, MAX_PAGE_ROWS)
        self._total = min(standing.total, MAX_PAGE_ROWS)

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[PageRow]:
        left = {True: self._failed, False: self._total - self._failed}
        for row in page_rows(self._tx, SHEET_ID):
            failed = row.status in FAILED_STATUSES
            if left[failed]:
                left[failed] -= 1
                yield row
