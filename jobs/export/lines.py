"""Lines of jsonl from what the database has built."""

from collections.abc import Iterator
from math import isfinite
from typing import BinaryIO

from jobs.export.records import Moments, records
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
    _, _, *heads, cost, seconds, attempts, middle, ended, tail = row
    head = heads[0][1:-1] if len(heads) == 1 else ",".join([one[1:-1] for one in heads])
    return (
        f'{{{head},"result_cost":{_number(cost)}'
        f',"result_seconds":{_number(None if seconds is None else round(seconds, 3))}'
        f',"result_attempts":{attempts},{middle[1:-1]}'
        f',"result_finished_at":{"null" if ended is None else _text(moments, ended)},{tail[1:]}\n'
    )


def _number(value: float | None) -> str:
    return "null" if value is None or not isfinite(value) else repr(value)


def _text(moments: Moments, ended: float) -> str:
    return f'"{moments[ended]}"'
