"""Writes the workbook in which a person corrects failed rows."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from jobs.sheet.result_names import chinese_name
from jobs.sheet.write.cells import (
    MAX_CELL_CHARACTERS,
    SAFE_WORKBOOK_OPTIONS,
    clean,
    is_long,
    open_book,
)
from jobs.sheet.write.texts import TextFiles, placeholder

FIXES_TAB, HINTS_TAB = "fixes", "how"
CHINESE_TABS = {FIXES_TAB: "改正", HINTS_TAB: "说明"}
LEADING_COLUMNS = (
    *("result_row", "result_key", "result_error_class", "result_reason", "result_error"),
)
"""The columns before the user's own; the last two are only for reading."""
MARKER_COLUMN = "result_reason"
"""Only this workbook has this column."""

_WIDTHS = (8, 10, 12, 36, 16)  # so narrow that the cell to be corrected is on the screen
_LINE_POINTS, _MAX_LINES = 15, 12
_OWN_WIDTH, _MAPPED_WIDTH = 18, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FixSheet:
    """The layout of the workbook. `sent` are the indexes of own columns that requests use."""

    headers: Sequence[str]
    sent: frozenset[int]
    hints: Sequence[str]  # the second tab, a line each
    folder: Path  # of the workbook; long texts go beside it
    chinese: bool = False  # headers of ours, and tabs

    def tab(self, name: str) -> str:
        """The name of a tab in the person's language."""
        return CHINESE_TABS[name] if self.chinese else name

    def title(self, name: str) -> str:
        """The header of a column of ours in the person's language."""
        return chinese_name(name) if self.chinese else name

    def to_correct(self, wrong: str | None) -> int:
        """The index of the column to correct: the wrong one, else the first that requests use."""
        known = wrong is not None and wrong in self.headers
        own = self.headers.index(wrong) if known else min(self.sent, default=0)
        return len(LEADING_COLUMNS) + own


@dataclass(frozen=True, slots=True, kw_only=True)
class FixRow:
    """One row to be corrected, with its cells as text."""

    row: int
    key: str
    kind: str
    reason: str
    words: str
    cells: Sequence[str]
    wrong: str | None = None  # the header of the cell that is known to be wrong


def write_fixes(file: BinaryIO, layout: FixSheet, rows: Iterable[FixRow]) -> int:
    """Write all rows to the tab `fixes`; return their number."""
    with open_book(file, SAFE_WORKBOOK_OPTIONS) as book:
        page = book.add_worksheet(layout.tab(FIXES_TAB))
        _head(book, page, layout)
        given = book.add_format({"text_wrap": True, "valign": "top", "font_color": "#595959"})
        own = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        texts = TextFiles(layout.folder)
        count = 0
        for count, one in enumerate(rows, 1):
            if count == 1:
                at = layout.to_correct(one.wrong)
                page.set_selection(1, at, 1, at)
            page.write_number(count, 0, one.row, given)
            for place, text in enumerate((one.key, one.kind, one.reason, one.words), 1):
                page.write_string(count, place, clean(text)[0][: MAX_CELL_CHARACTERS // 2], given)
            cells = [
                _shown(text, texts, f"{one.row}-{place + 1}")
                for place, text in enumerate(one.cells)
            ]
            for place, shown in enumerate(cells, len(LEADING_COLUMNS)):
                page.write_string(count, place, shown, own)
            page.set_row(count, _LINE_POINTS * _lines(one, cells, layout.sent))
        page.autofilter(0, 0, count, len(LEADING_COLUMNS) + len(layout.headers) - 1)
        notes = book.add_worksheet(layout.tab(HINTS_TAB))
        notes.set_column(0, 0, 100)
        for place, line in enumerate(layout.hints):
            notes.write_string(place, 0, line)
    return count


def _lines(row: FixRow, cells: Sequence[str], sent: frozenset[int]) -> int:
    """The height of a row in lines; LibreOffice does not find it out by itself."""
    texts = [(row.reason, _WIDTHS[3]), (row.words, _WIDTHS[4])]
    texts += [
        (text, _MAPPED_WIDTH if place in sent else _OWN_WIDTH) for place, text in enumerate(cells)
    ]
    return max(
        min(_wrapped(text[: width * _MAX_LINES], width), _MAX_LINES) for text, width in texts
    )


def _wrapped(text: str, width: int) -> int:
    """How many lines a text takes in a column of this width."""
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return text.count("\n") + 1 + (len(text) + wide) // width


def _head(book: Any, page: Any, layout: FixSheet) -> None:
    plain = {"bold": True, "bottom": 1, "valign": "top", "text_wrap": True}
    given = book.add_format(plain | {"bg_color": "#E7E6E6"})
    own = book.add_format(plain)
    sent = book.add_format(plain | {"bg_color": "#FFF2CC"})
    for place, name in enumerate(LEADING_COLUMNS):
        page.write_string(0, place, layout.title(name), given)
        page.set_column(place, place, _WIDTHS[place])
    for place, name in enumerate(layout.headers):
        at = len(LEADING_COLUMNS) + place
        page.write_string(
            0, at, clean(name)[0][: MAX_CELL_CHARACTERS // 2], sent if place in layout.sent else own
        )
        page.set_column(at, at, _MAPPED_WIDTH if place in layout.sent else _OWN_WIDTH)
    page.freeze_panes(1, 1)


def _shown(text: str, texts: TextFiles, name: str) -> str:
    if not is_long(text):
        return clean(text)[0]
    return placeholder(text, texts.keep(f"fixes-{name}", text))
