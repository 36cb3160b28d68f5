"""Writes results as jsonl: one object a line, values with their types."""

from typing import BinaryIO

from jobs.sheet.writers import Grid, Records, Tally, Utf8Writer, encoded, unique_names


def write_lines(file: BinaryIO, grid: Grid, records: Records) -> Tally:
    """All records, their keys in column order. An own header that repeats gets a number."""
    out = Utf8Writer(file)
    heads = [f"{encoded(name)}:" for name in unique_names(grid)]
    rows = 0
    for rows, record in enumerate(records, 1):  # noqa: B007 - the count is used below
        pairs = [
            f"{head}null" if value is None else head + encoded(value)
            for head, value in zip(heads, record, strict=True)
        ]
        out.write(f"{{{','.join(pairs)}}}\n")
    out.flush()
    return Tally(rows=rows, replaced=out.replaced)
