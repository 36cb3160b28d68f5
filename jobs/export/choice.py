"""Leaves out the columns of an export that were not asked for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.write.writers import Column, ColumnKind, Record, ResultColumns

TEXT_FORMATS = frozenset({"csv", "tsv"})
"""Formats that cannot hide a column: one that the sheet hides is written only if it is named."""


def unknown_fields(fields: Iterable[str], headers: Sequence[str]) -> list[str]:
    """The names that are neither a column of ours nor one of the sheet's."""
    known = {*RESULT_COLUMNS, *(header.strip().lower() for header in headers)}
    return [one for one in fields if one not in known and f"result_{one}" not in known]


def chosen(
    grid: ResultColumns,
    *,
    kind: str,
    fields: frozenset[str] | None,
) -> tuple[ResultColumns, list[int] | None]:
    """The columns to be written, and their places; None for all of them.

    `fields` chooses among our columns and names hidden ones of the sheet. A workbook hides what
    was not chosen, since its own summary reads it.
    """
    if kind == "xlsx":
        shown = [replace(one, hidden=one.hidden or not _named(one, fields)) for one in grid.columns]
        return (grid if fields is None else replace(grid, columns=tuple(shown))), None
    places = [
        place
        for place, column in enumerate(grid.columns)
        if _named(column, fields) and not _is_left_out(column, kind, fields)
    ]
    if len(places) == len(grid.columns):
        return grid, None
    return replace(grid, columns=tuple(grid.columns[place] for place in places)), places


def projected(records: Iterable[Record], places: Sequence[int]) -> Iterator[Record]:
    """The records with only these columns."""
    for record in records:
        yield [record[place] for place in places]


def _named(column: Column, fields: frozenset[str] | None) -> bool:
    """True if this column is not one of ours that was left unnamed."""
    if fields is None or column.kind is ColumnKind.OWN or column.name not in RESULT_COLUMNS:
        return True
    return column.name in fields or column.name.removeprefix("result_") in fields


def _is_left_out(column: Column, kind: str, fields: frozenset[str] | None) -> bool:
    hidden = column.hidden and column.kind is ColumnKind.OWN and kind in TEXT_FORMATS
    return hidden and column.name.strip().lower() not in (fields or ())
