"""Finds what Excel did to cells, in the columns that requests are made of."""

import re
from collections.abc import Iterator, Sequence

from jobs.job import JSON
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.layout import Note, Row
from jobs.sheet.names import ALIASES, normalise

ERROR_TEXTS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
)
"""The texts of error cells, in a workbook and in a csv file that Excel wrote."""

ROUNDED_NUMBER = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,3}")
"""How Excel shows a number of more than eleven digits, and writes it to csv."""

_EXACT = frozenset({"id", "seed"})  # fields where every digit counts


def exact_columns(headers: Sequence[str]) -> frozenset[int]:
    """The columns in which rounding changes the meaning of a number."""
    return frozenset(
        index for index, name in enumerate(headers) if ALIASES.get(normalise(name)) in _EXACT
    )


def noting_damage(
    rows: Iterator[Row], headers: Sequence[str], needed: frozenset[int] | None, note: Note
) -> Iterator[Row]:
    """Yield the same rows; note an error before a row with damage in a needed cell."""
    looked_at = sorted(needed if needed is not None else range(len(headers)))
    exact = exact_columns(headers)
    for number, cells in rows:
        for index in looked_at:
            if index < len(cells) and (kind := _damage(cells[index], exact=index in exact)):
                note(damage_finding(kind, number, headers[index], str(cells[index])))
        yield number, cells


def damage_finding(kind: str, row: int, column: str, found: str) -> Finding:
    """The error for a cell whose value was lost."""
    expected = "all digits, as text" if kind == "rounded" else "a value"
    return Finding(
        kind=kind,
        severity="error",
        row=row,
        column=column,
        found=excerpt(found),
        expected=expected,
    )


def _damage(cell: JSON, *, exact: bool) -> str:
    if not isinstance(cell, str):
        return ""
    if cell[:1] == "#" and cell.strip() in ERROR_TEXTS:
        return "error_cell"
    if cell[:2] == "??" and not cell.strip().strip("?"):
        return "lost_characters"
    if exact and "E+" in cell and ROUNDED_NUMBER.fullmatch(cell.strip()):
        return "rounded"
    return ""
