"""Removes the ' of --safe-csv when such a file is read.

Only a results file written with --safe-csv has every name of its header in quotes. A program that
quotes all cells may have rewritten another results file; then a cell that a spreadsheet could run
has no ', which proves that the file is not a safe one. In any other file a leading ' is the user's
own.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from jobs.job import JSON
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.formula import neutralise, undo
from jobs.sheet.layout import Row
from jobs.sheet.result_names import chinese_name, result_name

MARKER_COLUMNS = frozenset({"result_status", "result_row", "result_key"})
"""Only a results file has all three columns."""
_STATUS_HEADERS = ("result_status", chinese_name("result_status"))


def is_marked(text: str, delimiter: str | None) -> bool:
    """True if a file that begins with `text` has the header of --safe-csv."""
    return bool(delimiter) and any(
        f'{delimiter}"{name}"{delimiter}"' in text for name in _STATUS_HEADERS
    )


def safe_finding(headers: Sequence[str], rows: Callable[[], Iterator[Row]]) -> Finding | None:
    """The note that cells of a marked file have a leading '; None if no cell has one."""
    names = [result_name(header) for header in headers]
    if not set(names) >= MARKER_COLUMNS:
        return None
    own = [index for index, name in enumerate(names) if not name.startswith("result_")]
    first: tuple[int, int, str] | None = None
    count = 0
    for number, cells in rows():
        for index in own:
            cell = str(cells[index]) if index < len(cells) else ""
            if neutralise(cell) != cell and undo(cell) == cell:
                return None
            if undo(cell) != cell:
                first = first or (number, index, cell)
                count += 1
    if first is None:
        return None
    number, index, cell = first
    return Finding(
        kind="safe_csv",
        severity="note",
        row=number,
        column=headers[index],
        found=excerpt(cell),
        values=(("count", count),),
    )


def unsafed(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows as they were before --safe-csv."""
    for number, cells in rows:
        yield number, cast("list[JSON]", [undo(str(cell)) for cell in cells])
