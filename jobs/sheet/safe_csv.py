"""Takes the ' of --safe-csv off again when such a file is read.

Nothing in a csv file can say how it was written. But a results file is known by its columns, and in
one that was written safely no cell of text that a spreadsheet could run stands without a ': one
such cell proves the opposite. Where none does and some cells have the ', they get back what they
were; anywhere else a leading ' is the user's own.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from jobs.job import JSON
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.formula import neutralise, undo
from jobs.sheet.layout import Row

MARKS = frozenset({"result_status", "result_row", "result_key"})
"""Only a results file has all three: nobody gives a sheet of their own these columns."""


def safe_finding(headers: Sequence[str], rows: Callable[[], Iterator[Row]]) -> Finding | None:
    """Says that a file was written with --safe-csv; None where it was not."""
    names = [header.strip().lower() for header in headers]
    if not set(names) >= MARKS:
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
