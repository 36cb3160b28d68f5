"""Exports the rows that only an edit can help, as a workbook to be corrected."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.export.options import Written
from jobs.export.placing import checked_target, named_errors, part_beside, put
from jobs.export.records import error_words, problem_column
from jobs.export.traces import Traces
from jobs.job import JSON
from jobs.sheet.names import unique_headers
from jobs.sheet.write.fixes import FixRow, FixSheet, write_fixes
from jobs.sheet.write.writers import ColumnKind, cell_text
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.results import ResultRow

ReasonText = Callable[[ResultRow], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOptions:
    """What goes into the workbook besides the rows."""

    workspace: Path
    classes: Collection[str]  # of failures
    reason: ReasonText  # why a row failed, and what to do, in the person's language
    sent: frozenset[int]  # the own columns that make requests
    hints: tuple[str, ...]
    chinese: bool = False  # headers of ours, and tabs


def export_fixes(
    rows: Iterable[ResultRow], loaded: LoadedSheet, target: Path, *, options: FixOptions
) -> Written:
    """Write the rows of these classes; to a dated sibling if somebody changed the target."""
    real = checked_target(target)
    layout = FixSheet(
        headers=loaded.headers,
        sent=options.sent,
        hints=options.hints,
        folder=real.parent,
        chinese=options.chinese,
    )
    with named_errors(target), part_beside(real) as (_, file):
        count = write_fixes(file, layout, _fix_rows(rows, loaded, options))
        path, moved = put(file, real, traces=Traces(options.workspace), now=time.time())
    return Written(path=path if moved else target, rows=count, moved=moved)


def _fix_rows(
    rows: Iterable[ResultRow], loaded: LoadedSheet, options: FixOptions
) -> Iterator[FixRow]:
    for row in rows:
        kind = row.error_class
        if row.status == "failed" and kind is not None and kind in options.classes:
            yield FixRow(
                row=row.row,
                key=row.key,
                kind=kind,
                reason=options.reason(row),
                words=error_words(row) or "",
                wrong=problem_column(row.error or ""),
                cells=[cell_text(cell, ColumnKind.OWN) for cell in current_cells(row, loaded)],
            )


def current_cells(row: ResultRow, loaded: LoadedSheet) -> list[JSON]:
    """The row's cells as last requested: those of the sheet, with edits applied."""
    cells: list[JSON] = json.loads(row.cells)[: len(loaded.headers)]
    cells += [None] * (len(loaded.headers) - len(cells))
    edited = row.data.get("edited")
    if isinstance(edited, dict):
        for place, name in enumerate(unique_headers(loaded.headers)):
            if name in edited:
                cells[place] = edited[name]
    return cells
