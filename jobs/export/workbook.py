"""Writes the results of a sheet as a workbook: thumbnails, links and a summary beside the rows."""

from pathlib import Path
from typing import BinaryIO

from jobs.export.options import ExportOptions
from jobs.export.shown import ResultThumbnails
from jobs.job import JSON
from jobs.sheet.result_names import CHINESE_STATES
from jobs.sheet.write.summary import Label
from jobs.sheet.write.workbook import WorkbookExtras, write_workbook
from jobs.sheet.write.writers import RecordStream, ResultColumns, Tally
from jobs.store.queries.totals import Spent


def put_workbook(
    file: BinaryIO,
    columns: ResultColumns,
    lines: RecordStream,
    *,
    folder: Path,
    options: ExportOptions,
) -> Tally:
    """Write all lines; `folder` is that of the file."""
    pictures = ResultThumbnails(options.workspace, options.files_from(folder))
    beside = WorkbookExtras(
        folder=folder,
        summary=_summary(options.spent, options.label),
        label=options.label,
        states=CHINESE_STATES if options.headers == "zh" else {},
        picture=pictures.of if options.thumbs else None,
    )
    return write_workbook(file, columns, lines, beside=beside)


def _summary(spent: Spent | None, label: Label) -> list[tuple[str, JSON]]:
    """What the workspace has spent in total, including answers that are in no row any more."""
    if spent is None:
        return []
    lines: list[tuple[str, JSON]] = [(label("calls in all"), spent.calls)]
    if spent.cost is not None:
        least = "at least, " if spent.unpriced_calls or spent.unknown_calls else ""
        words = f"spent in all ({least}{spent.currency or 'no currency'})"
        lines.append((label(words), spent.cost))
    if spent.unpriced_calls:
        lines.append((label("calls without a known price"), spent.unpriced_calls))
    if spent.unknown_calls:
        lines.append((label("calls in doubt: perhaps billed, no answer"), spent.unknown_calls))
    return lines
