"""Reads parquet sheets batch by batch; values keep their JSON types."""

import math
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

from jobs.job import JSON
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.layout import Layout, Note, Row, Sheet

BATCH_ROWS = 5_000  # rows in memory at a time


class _NotJSONError(Exception):
    """A value that has no JSON form."""


def open_parquet(path: Path) -> Sheet:
    """A parquet sheet; rows are numbered from 1."""
    import pyarrow as pa  # noqa: PLC0415 - costs 0.1 s and 40 MB, for this format only
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        with pq.ParquetFile(path) as file:
            headers = tuple(file.schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    layout = Layout(format="parquet", headers=headers, typed=True)
    return Sheet(path, layout, source=lambda note, _: _rows(path, headers, note))


def _unreadable(path: Path, error: Exception) -> SheetError:
    finding = Finding(
        kind="damaged_parquet",
        severity="error",
        found=excerpt(str(error)),
    )
    return SheetError(path, [finding])


def _rows(path: Path, headers: tuple[str, ...], note: Note) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415 - as in open_parquet
    import pyarrow.parquet as pq  # noqa: PLC0415 - as in open_parquet

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                columns = [column.to_pylist() for column in batch.columns]
                for row in zip(*columns, strict=True):
                    number += 1
                    cells = _cells(number, headers, row, note)
                    if any(cell is not None for cell in cells):
                        yield number, cells
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _cells(
    number: int, headers: tuple[str, ...], row: tuple[object, ...], note: Note
) -> list[JSON]:
    cells: list[JSON] = []
    for header, value in zip(headers, row, strict=True):
        try:
            cells.append(_json(value))
        except _NotJSONError:
            cells.append(None)
            note(_no_json(number, header, value))
    return cells


def _no_json(number: int, header: str, value: object) -> Finding:
    return Finding(
        kind="value_without_json",
        severity="error",
        row=number,
        column=header,
        found=excerpt(repr(value)),
        expected="text, a finite number, true or false, a list or a struct",
    )


def _json(value: object) -> JSON:
    """The JSON form of a value. NaN counts as missing, as pandas writes it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _finite(value)
        case list() | tuple():
            return [_json(item) for item in value]
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case _:
            return _scalar(value)


def _finite(value: float) -> float | None:
    if math.isinf(value):
        raise _NotJSONError
    return None if math.isnan(value) else value


def _scalar(value: object) -> JSON:
    match value:
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case timedelta():
            return str(value)
        case Decimal() if value == value.to_integral_value():
            return int(value)
        case Decimal():
            number = float(value)
            return number if Decimal(repr(number)) == value else str(value)
        case bytes():
            return _decoded(value)
        case _:
            raise _NotJSONError


def _decoded(value: bytes) -> str:
    """Bytes as text, since old writers store texts as bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _NotJSONError from error
