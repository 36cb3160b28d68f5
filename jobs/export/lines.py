"""Lines of jsonl from what the database has built."""

from collections.abc import Iterator
from math import isfinite
from typing import BinaryIO

from jobs.export.records import HALF_A_MICROSECOND, Moments, records
from jobs.export.shape import grid, own_columns
from jobs.sheet.write_lines import heads_of, line_of, write_texts
from jobs.sheet.writers import Tally, unique_names
from jobs.store.batches import Batch
from jobs.store.result_json import Built, Shape, built_rows
from jobs.store.results import ResultRow, Results


def write_built(file: BinaryIO, rows: Results, batch: Batch, *, files_at: str) -> Tally:
    """All rows, each line as `write_lines` would write it."""
    return write_texts(file, _lines(rows, batch, files_at))


def _lines(rows: Results, batch: Batch, files_at: str) -> Iterator[str]:
    columns = grid(batch)
    shape = Shape(
        own=list(zip(unique_names(columns), own_columns(batch), strict=False)),
        width=len(batch.headers),
        files_at=files_at,
    )
    heads, moments = heads_of(columns), Moments()
    for row in built_rows(rows, shape):
        if isinstance(row, ResultRow):
            (record,) = records([row], batch, files_at=files_at)
            yield line_of(heads, record)
        else:
            yield _line(row, moments)


def _line(row: Built, moments: Moments) -> str:
    """The objects without their braces, and what stands between them. Runs for every row."""
    _, _, head, cost, seconds, middle, ended, tail = row
    cost = "null" if cost is None or not isfinite(cost) else repr(cost)
    seconds = "null" if seconds is None or not isfinite(seconds) else repr(round(seconds, 3))
    moment = "null" if ended is None else f'"{moments[int(ended + HALF_A_MICROSECOND)]}"'
    return (
        f'{head[:-1]},"result_cost":{cost},"result_seconds":{seconds}'
        f',{middle[1:-1]},"result_finished_at":{moment},{tail[1:]}\n'
    )
