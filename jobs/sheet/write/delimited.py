"""Writes results as csv or tsv that Excel reads on any system."""

import csv
from typing import BinaryIO

from jobs.sheet.formula import HARMLESS_STARTS, neutralise
from jobs.sheet.write.writers import (
    ColumnKind,
    RecordStream,
    ResultColumns,
    Tally,
    Utf8Writer,
    cell_text,
)

_CHANGED = frozenset({ColumnKind.LIST, ColumnKind.OBJECT})
"""Kinds that the csv module does not write as we want; texts, numbers and None it does."""

BOM = "\ufeff"  # without it, Excel on a Chinese Windows reads UTF-8 as GBK


def write_delimited(
    file: BinaryIO, grid: ResultColumns, records: RecordStream, *, delimiter: str, safe: bool
) -> Tally:
    """Write a header and all records. `safe` neutralises all columns, not only untrusted ones."""
    out = Utf8Writer(file)
    out.write(BOM)
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    if safe:
        # A header with every name quoted tells the reader that the file is a safe one.
        quoted = csv.writer(out, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
        quoted.writerow([neutralise(name) for name in grid.names])
    else:
        writer.writerow(grid.names)
    kinds = [column.kind for column in grid.columns]
    # Our numbers cannot be formulas and stay as they are.
    guarded = [
        place
        for place, column in enumerate(grid.columns)
        if column.foreign or (safe and column.kind in {ColumnKind.OWN, ColumnKind.TEXT})
    ]
    changed = [place for place, kind in enumerate(kinds) if kind in _CHANGED or grid.typed]
    rows = 0
    for rows, record in enumerate(records, 1):  # noqa: B007 - the count is used below
        cells = list(record)
        for place in changed:
            value = cells[place]
            if value is not None and type(value) is not str:
                cells[place] = cell_text(value, kinds[place])
        for place in guarded:
            text = cells[place]
            if text and text[0] not in HARMLESS_STARTS:  # type: ignore[index,operator]  # it is text by now
                cells[place] = neutralise(text)  # type: ignore[arg-type]  # as above
        writer.writerow(cells)
    out.flush()
    return Tally(rows=rows, replaced=out.replaced)
