"""Notices rows that are not as wide, or not as high, as the rows of a delimited sheet should be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from jobs.job import JSON
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.layout import Note

_BREAK = re.compile(r"\r\n|\r|\n")
_TIGHT = re.compile(r"[^\s,;|]{1,24}")  # an id, a number, a size: no prose
_SHAPES = ((re.compile(r"\d"), "0"), (re.compile(r"[^\W\d_]"), "a"))


class ShortRows:
    """Counts the rows that end before the header does."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._first = 0
        self._count = 0

    def count(self, row: int) -> None:
        """One more."""
        self._first = self._first or row
        self._count += 1

    def findings(self) -> list[Finding]:
        """One for all of them."""
        if not self._count:
            return []
        values = (("width", self._width), ("count", self._count))
        return [Finding(kind="short_row", severity="warning", row=self._first, values=values)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """A row of several lines, and the cells that each of its lines would be alone."""

    lines: list[list[str]]

    def agree(self) -> bool:
        """Do all lines look alike in some column of ids, numbers or sizes?"""
        columns = list(zip(*self.lines, strict=True))
        return any(
            all(_TIGHT.fullmatch(cell.strip()) for cell in column)
            and len(shapes := {_shape(cell) for cell in column}) == 1
            and shapes != {"a"}  # any word is like any other
            for column in columns
        )


class QuoteFolds:
    """Looks at rows that span several lines: are they one row, or several that a quote joined?

    A cell that begins with a bare quote, closed by a bare quote in a later row, makes one cell of
    all between. csv has no word for that; the lines themselves tell: each is as wide as the header.
    """

    def __init__(self, delimiter: str, width: int) -> None:
        self._delimiter = delimiter
        self._width = width
        self._first: tuple[int, int, int] | None = None
        self._count = 0

    def look(self, row: int, cells: Sequence[JSON], lines: tuple[int, int], note: Note) -> None:
        """One row that spans these physical lines; an error is noted before the row is given."""
        self._count += 1
        self._first = self._first or (row, *lines)
        folded = _unfolded(cells, self._delimiter)
        # A quote and then nothing is hardly a slip: it opens a text of several lines.
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
        """Does one of the lines begin as the row does, and is it at least as wide as the header?

        One that is narrower may be a row that somebody left short: where it begins with an id that
        is more than a number, or with the very next number.
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
        """That there are such rows at all, once."""
        if self._first is None:
            return []
        row, line, end = self._first
        values = (("count", self._count), ("line", line), ("end", end))
        return [Finding(kind="line_breaks", severity="note", row=row, values=values)]


def lines_in(cells: Sequence[JSON]) -> int:
    """How many physical lines a row of texts spans."""
    texts = cast("Sequence[str]", cells)
    return 1 + sum(len(_BREAK.findall(one)) for one in texts if "\n" in one or "\r" in one)


def _unfolded(cells: Sequence[JSON], delimiter: str) -> list[list[str]]:
    """The cells of each physical line, had quotes no meaning."""
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
    """What kind of text it is: `SKU-07` and `SKU-12` are alike."""
    shape = cell.strip()
    for pattern, letter in _SHAPES:
        shape = pattern.sub(letter, shape)
    return re.sub(r"(.)\1+", r"\1", shape)
