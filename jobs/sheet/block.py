"""A group of rows of a sheet, handled together because work on whole columns is fast."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import cast

from jobs.job import JSON
from jobs.sheet.finding import Finding

MAX_BLOCK_ROWS = 250  # more would not stay in the processor's cache until they are in the table
MAX_BLOCK_CELLS = 10_000  # fewer rows of a sheet with very many columns
MAX_BLOCK_CHARACTERS = 1 << 20  # characters: a cell may hold a whole picture
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBlock:
    """Rows in sheet order, each cell also as JSON, which is encoded once.

    `columns` and `written` are empty when the rows differ in width or have no cells.
    """

    positions: Sequence[int]
    rows: Sequence[Sequence[JSON]]
    texts: Sequence[str]  # each row as a JSON list
    columns: Sequence[Sequence[JSON]] = ()
    written: Sequence[Sequence[str]] = ()  # each cell as JSON, by column
    errors: Mapping[int, Finding]  # the latest error of each row, by row number

    @classmethod
    def of(
        cls,
        positions: Sequence[int],
        rows: Sequence[Sequence[JSON]],
        errors: Mapping[int, Finding],
        *,
        typed: bool,
    ) -> "RowBlock":
        """Build a block from rows whose cells are text, or JSON values if `typed`."""
        if len(set(map(len, rows))) > 1 or not all(rows):
            texts = [_listed(_column(cells)) for cells in rows]
            return cls(positions=positions, rows=rows, texts=texts, errors=errors)
        columns = list(zip(*rows, strict=True))
        cell_json = _column if typed else _column_of_texts
        written = [cell_json(column) for column in columns]
        return cls(
            positions=positions,
            rows=rows,
            texts=[f"[{cells}]" for cells in map(",".join, zip(*written, strict=True))],
            columns=columns,
            written=written,
            errors=errors,
        )


def rows_per_block(width: int) -> int:
    """The number of rows in a block, for rows of `width` cells."""
    return max(1, min(MAX_BLOCK_ROWS, MAX_BLOCK_CELLS // max(width, 1)))


def count_characters(cells: Sequence[JSON]) -> int:
    """The number of characters in a row's texts, including texts in lists."""
    with suppress(TypeError):
        return len("".join(cast("Sequence[str]", cells)))  # nearly all rows hold only texts
    return sum(
        len(one)
        for cell in cells
        for one in (cell if isinstance(cell, list) else (cell,))
        if isinstance(one, str)
    )


def cell_json(cell: JSON) -> str:
    """One value as JSON. An object keeps the order of its names."""
    if type(cell) is str:
        return encode_basestring(cell)
    if cell is None:
        return "null"
    return repr(cell) if type(cell) is int else _encode(cell)


def _listed(written: Sequence[str]) -> str:
    return f"[{','.join(written)}]"


def _column(cells: Sequence[JSON]) -> list[str]:
    return list(map(cell_json, cells))


def _column_of_texts(cells: Sequence[JSON]) -> list[str]:
    return list(map(encode_basestring, cast("Sequence[str]", cells)))
