"""Adds a column for each property of structured output, after all others."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from jobs.job import JSON
from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.write.writers import Column, ColumnKind, Record, ResultColumns
from jobs.store.queries.results import ResultRow

STRUCTURED_KEY = "structured"  # in `result_data`
MAX_PROPERTIES = 1_000  # columns; others stay in `result_data` only
PROPERTY_PREFIX = "result_data."
_DATA = RESULT_COLUMNS.index("result_data") - len(RESULT_COLUMNS)


def property_columns(rows: Iterable[ResultRow]) -> tuple[Column, ...]:
    """The columns for the properties in these rows, in order of first appearance."""
    kinds: dict[str, set[ColumnKind]] = {}
    for row in rows:
        found = row.data.get(STRUCTURED_KEY)
        if isinstance(found, dict):
            for name, value in found.items():
                if name not in kinds and len(kinds) >= MAX_PROPERTIES:
                    continue
                seen = kinds.setdefault(name, set())
                if value is not None:
                    seen.add(_kind_of(value))
    return tuple(
        Column(
            name=f"{PROPERTY_PREFIX}{name}", kind=_common(seen), foreign=not seen <= _NUMBER_KINDS
        )
        for name, seen in kinds.items()
    )


_NUMBER_KINDS = {ColumnKind.INTEGER, ColumnKind.NUMBER}


def _kind_of(value: JSON) -> ColumnKind:
    match value:
        case bool():
            return ColumnKind.OBJECT
        case int():
            return ColumnKind.INTEGER if abs(value) < 2**53 else ColumnKind.OBJECT
        case float():
            return ColumnKind.NUMBER
        case str():
            return ColumnKind.TEXT
        case _:
            return ColumnKind.OBJECT


def _common(seen: set[ColumnKind]) -> ColumnKind:
    if len(seen) == 1:
        return next(iter(seen))
    return ColumnKind.NUMBER if seen and seen <= _NUMBER_KINDS else ColumnKind.OBJECT


def with_properties(grid: ResultColumns, columns: tuple[Column, ...]) -> ResultColumns:
    """The grid with these columns appended."""
    return replace(grid, columns=(*grid.columns, *columns))


def property_records(records: Iterable[Record], columns: tuple[Column, ...]) -> Iterator[Record]:
    """Each record with the values of these columns appended."""
    names = [column.name.removeprefix(PROPERTY_PREFIX) for column in columns]
    for record in records:
        data = record[_DATA]
        found = data.get(STRUCTURED_KEY) if isinstance(data, dict) else None
        values = found if isinstance(found, dict) else {}
        yield [*record, *(values.get(name) for name in names)]
