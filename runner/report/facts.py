"""Everything that a report shows of a sheet, read from its table in one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from jobs.export.shape import grid, own_columns
from jobs.store import Transaction
from jobs.store.log import Run, last_run
from jobs.store.provider_batches.batch import has_batches
from jobs.store.queries.figures import Figures, figures
from jobs.store.queries.gallery import (
    CallsPerMinute,
    PageRow,
    PastRun,
    call_minutes,
    page_rows,
    past_runs,
    standing_within,
)
from jobs.store.queries.retry_cost import RetryCost, retry_costs
from jobs.store.queries.totals import Counts, FailedAlike, Spent, counts, failures, spent
from runner.views.next_command import named, next_command
from runner.workspace.workspace import SHEET_ID, Workspace

if TYPE_CHECKING:
    from runner.views.batches import BatchStatus

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
    retry_costs: Mapping[tuple[str, str], RetryCost] = field(default_factory=dict)
    columns: tuple[tuple[int, str], ...] = ()  # the sheet's own that it does not hide
    hidden_rows: frozenset[int] = frozenset()  # of the sheet, which are left out
    hidden: int = 0  # how many of them
    batches: "tuple[BatchStatus, ...]" = ()
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
    columns = grid(loaded)
    places = zip(own_columns(loaded), columns.columns[: columns.own], strict=True)
    shown = TableRows(tx, standing, columns.hidden_rows)
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
        retry_costs=retry_costs(tx, SHEET_ID),
        columns=tuple((place, one.name) for place, one in places if not one.hidden),
        hidden_rows=columns.hidden_rows,
        hidden=shown.hidden,
        batches=_batches(tx),
        shown=shown,
    )


def _batches(tx: Transaction) -> "tuple[BatchStatus, ...]":
    """The provider batches of the sheet."""
    if not has_batches(tx, SHEET_ID):
        return ()
    from runner.views.batches import read_batches  # noqa: PLC0415 - few sheets have any

    return read_batches(tx)


class TableRows:
    """The rows of the table that fit a page: failed rows first, then the others.

    Rows that the sheet hides are left out.
    """

    def __init__(self, tx: Transaction, standing: Counts, hidden: frozenset[int]) -> None:
        self._tx = tx
        self._hidden = hidden
        count = standing_within(tx, SHEET_ID, hidden)
        self.hidden = count.total
        failed = standing.failed + standing.in_doubt - count.failed
        self._failed = min(failed, MAX_PAGE_ROWS)
        self._total = min(standing.total - count.total, MAX_PAGE_ROWS)

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[PageRow]:
        left = {True: self._failed, False: self._total - self._failed}
        for row in page_rows(self._tx, SHEET_ID):
            if row.row in self._hidden:
                continue
            failed = row.status in FAILED_STATUSES
            if left[failed]:
                left[failed] -= 1
                yield row
