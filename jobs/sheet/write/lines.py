"""Writes results as jsonl: one object a line, values with their types."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import BinaryIO

from jobs.sheet.write.writers import (
    Record,
    RecordStream,
    ResultColumns,
    Tally,
    Utf8Writer,
    encoded,
    unique_names,
)

LINES_PER_WRITE = 100  # lines


def write_lines(file: BinaryIO, grid: ResultColumns, records: RecordStream) -> Tally:
    """Write all records, keys in column order. A repeated own header gets a number."""
    heads = line_heads(grid)
    lines = (json_line(heads, record) for record in records)
    return write_texts(file, iter(lambda: list(islice(lines, LINES_PER_WRITE)), []))


def write_texts(file: BinaryIO, pieces: Iterable[Sequence[str]]) -> Tally:
    """Write groups of finished lines, each with its line end."""
    out = Utf8Writer(file)
    rows = 0
    for lines in pieces:
        out.write("".join(lines))
        rows += len(lines)
    out.flush()
    return Tally(rows=rows, replaced=out.replaced)


def line_heads(grid: ResultColumns) -> list[str]:
    """The text before each value of a line."""
    return [f"{encoded(name)}:" for name in unique_names(grid)]


def json_line(heads: Sequence[str], record: Record) -> str:
    """One record as a line."""
    pairs = [
        f"{head}null" if value is None else head + encoded(value)
        for head, value in zip(heads, record, strict=True)
    ]
    return f"{{{','.join(pairs)}}}\n"
