"""Writes results as parquet, row group by row group."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any, BinaryIO, TypeAlias

from jobs.job import JSON
from jobs.sheet.arrow_types import arrow_array, decoded_type
from jobs.sheet.write.writers import (
    ColumnKind,
    Record,
    RecordStream,
    ResultColumns,
    Tally,
    WriteError,
    cell_text,
    encoded,
    unique_names,
    without_surrogates,
)

GROUP_ROWS = 5_000
CHECKED_ROWS = 1_000  # at once, against the types of the sheet
GROUP_CHARACTERS = 8 << 20  # answers can be long
MAX_EXACT_INTEGER = 1 << 53  # above it a float cannot hold every integer

_Seen: TypeAlias = set[str]
"""The sorts of values in an own column: bool, int, wide, huge, float, text, texts, other."""

_TYPES_OF_SORTS = {
    frozenset({"bool"}): "bool",
    frozenset({"int"}): "int",
    frozenset({"wide"}): "int",
    frozenset({"int", "wide"}): "int",
    frozenset({"float"}): "float",
    frozenset({"int", "float"}): "float",
    frozenset({"texts"}): "texts",
}
"""A column with any other mixture is written as text, other values in it as JSON."""


def write_parquet(file: BinaryIO, grid: ResultColumns, records: RecordStream) -> Tally:
    """Write all records. If own cells are typed, a first pass finds the type of each column."""
    if not grid.typed:
        return _write(file, grid, records, types=["text"] * grid.own)
    # Types must be known before the first row is written, and the rows can be read only once.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass") as kept:
        seen: list[_Seen] = [set() for _ in range(grid.own)]
        carried = _Carried(grid)
        for record in records:
            carried.look(record)
            for one, value in zip(seen, record, strict=False):
                if value is not None:
                    one.add(_sort(value))
            kept.write(f"{encoded(list(record))}\n")
        kept.seek(0)
        types = [_TYPES_OF_SORTS.get(frozenset(one), "text") for one in seen]
        for place, kind in carried.finish().items():
            types[place] = kind
        return _write(file, grid, _again(kept), types=types)


class _Carried:
    """Finds the own columns whose cells all fit the type that they have in the sheet."""

    def __init__(self, grid: ResultColumns) -> None:
        self._types: dict[int, Any] = {}
        for place, column in enumerate(grid.columns):
            with suppress(ValueError):
                if column.arrow:
                    self._types[place] = decoded_type(column.arrow)
        self._values: list[Record] = []

    def look(self, record: Record) -> None:
        """Take one row."""
        if self._types:
            self._values.append(record)
            if len(self._values) >= CHECKED_ROWS:
                self._check()

    def finish(self) -> dict[int, Any]:
        """The type of each such column."""
        self._check()
        return self._types

    def _check(self) -> None:
        for place, kind in list(self._types.items()):
            try:
                arrow_array([record[place] for record in self._values], kind)
            except ValueError:
                del self._types[place]
        self._values.clear()


def _again(kept: IO[str]) -> Iterator[Record]:
    for line in kept:
        yield json.loads(line)


def _sort(value: JSON) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return _size(value)
        case float():
            return "float"
        case str():
            return "text"
        case list() if all(type(entry) is str for entry in value):
            return "texts"
        case _:
            return "other"


def _size(value: int) -> str:
    if abs(value) <= MAX_EXACT_INTEGER:
        return "int"
    return "wide" if -(2**63) <= value < 2**63 else "huge"


def _write(
    file: BinaryIO, grid: ResultColumns, records: RecordStream, *, types: Sequence[Any]
) -> Tally:
    import pyarrow as pa  # noqa: PLC0415 - costs 0.1 s and 40 MB, for this format only
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    kinds = [*types, *(_RESULT_TYPES[column.kind] for column in grid.columns[grid.own :])]
    fields = zip(unique_names(grid), kinds, strict=True)
    schema = pa.schema([pa.field(_clean(name), _arrow(kind)) for name, kind in fields])
    rows = replaced = 0
    try:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in _groups(grid, records, kinds):
                arrays, changed = _arrays(group, schema, kinds)
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                rows += len(arrays[0])
                replaced += changed
    except pa.ArrowException as error:
        raise WriteError("write_no_parquet", reason=error) from error
    return Tally(rows=rows, replaced=replaced)


_RESULT_TYPES = {
    ColumnKind.TEXT: "text",
    ColumnKind.INTEGER: "int",
    ColumnKind.NUMBER: "float",
    ColumnKind.LIST: "texts",
    ColumnKind.OBJECT: "text",
}


def _arrow(kind: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - as above

    if not isinstance(kind, str):
        return kind
    types = {
        "bool": pa.bool_(),
        "int": pa.int64(),
        "float": pa.float64(),
        "texts": pa.list_(pa.string()),
    }
    return types.get(kind, pa.string())


def _groups(
    grid: ResultColumns, records: RecordStream, kinds: Sequence[Any]
) -> Iterator[list[list[JSON]]]:
    """Groups of some thousand rows, as columns of values."""
    columns: list[list[JSON]] = [[] for _ in kinds]
    wanted = [
        (isinstance(kind, str) and kind == "text", column.kind)
        for kind, column in zip(kinds, grid.columns, strict=True)
    ]
    characters = 0
    for record in records:
        for values, value, (as_text, kind) in zip(columns, record, wanted, strict=True):
            if type(value) is str:
                characters += len(value)
            elif as_text and value is not None:
                value = cell_text(value, kind)  # noqa: PLW2901 - the same value, as text
            values.append(value)
        if len(columns[0]) >= GROUP_ROWS or characters > GROUP_CHARACTERS:
            yield columns
            columns, characters = [[] for _ in kinds], 0
    if columns[0]:
        yield columns


def _arrays(group: list[list[JSON]], schema: Any, kinds: Sequence[Any]) -> tuple[list[Any], int]:
    import pyarrow as pa  # noqa: PLC0415 - as above

    arrays, replaced = [], 0
    for values, field, kind in zip(group, schema, kinds, strict=True):
        if not isinstance(kind, str):
            arrays.append(arrow_array(values, kind))
            continue
        try:
            arrays.append(pa.array(values, type=field.type))
        except UnicodeEncodeError:
            cleaned = [_cleaned(value) for value in values]
            replaced += sum(changed for _, changed in cleaned)
            arrays.append(pa.array([value for value, _ in cleaned], type=field.type))
    return arrays, replaced


def _clean(text: str) -> str:
    return without_surrogates(text)[0]


def _cleaned(value: JSON) -> tuple[JSON, int]:
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, list):
        cleaned = [_cleaned(entry) for entry in value]
        return [entry for entry, _ in cleaned], sum(changed for _, changed in cleaned)
    return value, 0
