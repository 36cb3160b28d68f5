"""Detects rows of a delimited sheet that are too short, or that span several lines by mistake."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from jobs.job import JSON
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.layout import Note

_BREAK = re.compile(r"\r\n|\r|\n")
_TIGHT = re.compile(r"[^\s,;|]{1,24}")  # an id, a number or a size, but no prose
_SHAPES = ((re.compile(r"\d"), "0"), (re.compile(r"[^\W\d_]"), "a"))


class ShortRows:
    """Counts the rows that have fewer cells than the header."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._first = 0
        self._count = 0

    def count(self, row: int) -> None:
        """Count one row."""
        self._first = self._first or row
        self._count += 1

    def findings(self) -> list[Finding]:
        """One finding for all short rows."""
        if not self._count:
            return []
        values = (("width", self._width), ("count", self._count))
        return [Finding(kind="short_row", severity="warning", row=self._first, values=values)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """A row of several lines, as the cells that each line would be by itself."""

    lines: list[list[str]]

    def agree(self) -> bool:
        """True if all lines look alike in some column of ids, numbers or sizes."""
        columns = list(zip(*self.lines, strict=True))
        return any(
            all(_TIGHT.fullmatch(cell.strip()) for cell in column)
            and len(shapes := {_shape(cell) for cell in column}) == 1
            and shapes != {"a"}  # all words look alike
            for column in columns
        )


class QuoteFolds:
    """Judges rows that span several lines: one row, or several that a stray quote joined.

    A stray quote at the start of a cell, closed by one in a later row, turns all between them into
    one cell. csv does not report that, but then each line has the width of the header.
    """

    def __init__(self, delimiter: str, width: int) -> None:
        self._delimiter = delimiter
        self._width = width
        self._first: tuple[int, int, int] | None = None
        self._count = 0

    def look(self, row: int, cells: Sequence[JSON], lines: tuple[int, int], note: Note) -> None:
        """Judge one row that spans these lines; note an error before the row is yielded."""
        self._count += 1
        self._first = self._first or (row, *lines)
        folded = _unfolded(cells, self._delimiter)
        # A quote at the end of a line is hardly a slip: it opens a text of several lines.
        meant = any(str(cell)[:1] in {"\n", "\r"} for cell in cells)
        alike = self._width > 1 and all(len(line) == self._width for line in folded) and not meant
        if not alike and not self._has_a_row_in_it(folded):
            return
        agree = alike and _Folded(lines=folded).agree()
        note(
            Finding(
                kind="swallowed_rows" if agree else "suspect_lines",
                severity="error" if agree else "warning",
                row=row,
                found=excerpt(" ⏎ ".join(self._delimiter.join(line) for line in folded)),
                expected="one row",
                values=(("line", lines[0]), ("end", lines[1])),
            )
        )

    def _has_a_row_in_it(self, folded: Sequence[list[str]]) -> bool:
        """True if one of the lines looks like a row: it starts as the row does and is wide enough.

        A narrower line may be a short row: if it starts with an id that is more than a number, or
        with the next number.
        """
        key = folded[0][0].strip()
        shape = _shape(key)
        if self._width < 2 or not _TIGHT.fullmatch(key) or shape == "a":
            return False
        after = str(int(key) + 1) if key.isdecimal() else ""
        return any(
            _shape(one[0]) == shape
            and (len(one) >= self._width or (len(one) > 1 and (shape != "0" or one[0] == after)))
            for one in folded[1:]
        )

    def findings(self) -> list[Finding]:
        """One note that there are such rows."""
        if self._first is None:
            return []
        row, line, end = self._first
        values = (("count", self._count), ("line", line), ("end", end))
        return [Finding(kind="line_breaks", severity="note", row=row, values=values)]


def lines_in(cells: Sequence[JSON]) -> int:
    """The number of physical lines that a row of texts spans."""
    texts = cast("Sequence[str]", cells)
    return 1 + sum(len(_BREAK.findall(one)) for one in texts if "\n" in one or "\r" in one)


def _unfolded(cells: Sequence[JSON], delimiter: str) -> list[list[str]]:
    """The cells of each physical line, as if quotes had no meaning."""
    lines: list[list[str]] = [[]]
    for cell in cells:
        first, *rest = _BREAK.split(str(cell))
        if not rest:
            lines[-1].append(first)
            continue
        lines[-1] += first.split(delimiter)
        lines += [line.split(delimiter) for line in rest]
    return lines


def _shape(cell: str) -> str:
    """The shape of a text: `SKU-07` and `SKU-12` have the same."""
    shape = cell.strip()
    for pattern, letter in _SHAPES:
        shape = pattern.sub(letter, shape)
    return re.sub(r"(.)\1+", r"\1", shape)
