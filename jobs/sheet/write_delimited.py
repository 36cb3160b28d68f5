"""Writes results as csv or tsv, as Excel on any system reads them."""

import csv
from typing import BinaryIO

from jobs.sheet.formula import neutralise
from jobs.sheet.writers import Grid, Kind, Records, Tally, Utf8Writer, cell_text

BOM = "\ufeff"  # without it, Excel on a Chinese Windows reads UTF-8 as GBK


def write_delimited(
    file: BinaryIO, grid: Grid, records: Records, *, delimiter: str, safe: bool
) -> Tally:
    """All records below a header. `safe` neutralises all columns, not only our foreign text."""
    out = Utf8Writer(file)
    out.write(BOM)
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    if safe:
        # A header quoted throughout records for the reader how the file was written.
        quoted = csv.writer(out, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
        quoted.writerow([neutralise(name) for name in grid.names])
    else:
        writer.writerow(grid.names)
    kinds = [column.kind for column in grid.columns]
    # Numbers of ours cannot be formulas, and stay numbers.
    guarded = [
        place
        for place, column in enumerate(grid.columns)
        if column.foreign or (safe and column.kind in {Kind.OWN, Kind.TEXT})
    ]
    rows = 0
    for rows, record in enumerate(records, 1):  # noqa: B007 - the count is used below
        cells = [
            value if type(value) is str else cell_text(value, kind)
            for value, kind in zip(record, kinds, strict=True)
        ]
        for place in guarded:
            if cells[place]:
                cells[place] = neutralise(cells[place])
        writer.writerow(cells)
    out.flush()
    return Tally(rows=rows, replaced=out.replaced)
