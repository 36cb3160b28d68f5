"""Reads parquet sheets batch by batch; values keep their JSON types."""

import math
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from pathlib import Path

from jobs.job import JSON
from jobs.sheet.area import Area
from jobs.sheet.arrow_types import bytes_json, encoded_type
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.layout import Layout, NeededColumns, Note, Row, Sheet

BATCH_ROWS = 5_000  # rows in memory at a time


def open_parquet(path: Path) -> Sheet:
    """A parquet sheet; rows are numbered from 1."""
    import pyarrow as pa  # noqa: PLC0415 - costs 0.1 s and 40 MB, for this format only
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    headers = tuple(schema.names)
    Area().check(path, len(headers))
    layout = Layout(
        format="parquet",
        headers=headers,
        types=tuple(encoded_type(field.type) for field in schema),
        typed=True,
    )
    return Sheet(path, layout, source=lambda note, needed: _rows(path, headers, note, needed))


def _unreadable(path: Path, error: Exception) -> SheetError:
    finding = Finding(
        kind="damaged_parquet",
        severity="error",
        found=excerpt(str(error)),
    )
    return SheetError(path, [finding])


def _rows(path: Path, headers: tuple[str, ...], note: Note, needed: NeededColumns) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415 - as in open_parquet
    import pyarrow.parquet as pq  # noqa: PLC0415 - as in open_parquet

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                columns = [
                    # Python's times have microseconds only.
                    (
                        column.cast(pa.string()) if column.type == pa.time64("ns") else column
                    ).to_pylist()
                    for column in batch.columns
                ]
                for row in zip(*columns, strict=True):
                    number += 1
                    cells = [_json(value) for value in row]
                    _check(number, headers, row, note, needed)
                    if any(cell is not None for cell in cells):
                        yield number, cells
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _check(
    number: int,
    headers: tuple[str, ...],
    row: tuple[object, ...],
    note: Note,
    needed: NeededColumns,
) -> None:
    """Note an error for each needed cell that holds no JSON value."""
    for index, value in enumerate(row):
        if isinstance(value, float | bytes) and _has_no_json(value):  # noqa: SIM102 - the rarer last
            if needed is None or index in needed:
                note(_no_json(number, headers[index], value))


def _has_no_json(value: float | bytes) -> bool:
    if isinstance(value, float):
        return math.isinf(value)
    return not isinstance(bytes_json(value), str)


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
    """The JSON form of a value. NaN counts as missing, as pandas writes it.

    What has none is carried as text: infinity as `inf`, bytes that are no text as base64.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return None if math.isnan(value) else str(value) if math.isinf(value) else value
        case list() | tuple():
            return [_json(item) for item in value]
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case _:
            return _scalar(value)


def _scalar(value: object) -> JSON:
    match value:
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case Decimal() if value.is_finite() and value == value.to_integral_value():
            return int(value)
        case Decimal():
            number = float(value)
            return number if Decimal(repr(number)) == value else str(value)
        case bytes():
            return bytes_json(value)
        case _:
            return str(value)
