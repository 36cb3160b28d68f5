"""Writes results as an Excel workbook in which every text is text and nothing is a formula."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from jobs.job import JSON
from jobs.sheet.write.cells import (
    MAX_CELL_CHARACTERS,
    SAFE_WORKBOOK_OPTIONS,
    clean,
    is_long,
    open_book,
)
from jobs.sheet.write.pictures import picture_size
from jobs.sheet.write.summary import Label, SummaryCounts, summary_lines, write_summary
from jobs.sheet.write.texts import TextFiles, placeholder
from jobs.sheet.write.writers import (
    ColumnKind,
    Record,
    RecordStream,
    ResultColumns,
    Tally,
    WriteError,
    cell_text,
    unique_names,
)

MAX_TAB_ROWS = 1_048_576  # including the header
MAX_TAB_COLUMNS = 16_384
MAX_TAB_LINKS = 65_530
MEASURED_ROWS = 200  # that decide the column widths
FITTING_CHARACTERS = MAX_CELL_CHARACTERS // 2
"""A text of at most this length fits a cell, whatever its characters are in UTF-16."""
_MIN_WIDTH_CHARACTERS, _MAX_WIDTH_CHARACTERS = 8, 60

# A link opens a program, so only plain relative paths to media and text files are linked.
SAFE_LINK = re.compile(
    r"(?:\.\./)*(?:[\w\-() ][\w\-(). ]*/)*[\w\-() ][\w\-(). ]*"
    r"\.(?:png|jpe?g|webp|gif|bmp|avif|mp4|webm|mp3|wav|pdf|txt|json)",
    re.IGNORECASE,
)
_COLOURS = {
    "done": "#C6EFCE",
    "failed": "#FFC7CE",
    "in_doubt": "#FFEB9C",
    "pending": "#DDEBF7",
    "skipped": "#E7E6E6",
    "parked": "#E7E6E6",
}
_NUMBER_KINDS = frozenset({ColumnKind.INTEGER, ColumnKind.NUMBER})
_FAILURE_COLUMNS = (
    *("result_row", "result_key", "result_status", "result_error_class", "result_error"),
    *("result_attempts", "result_request_id"),
)

SHOWN_EDGE_PIXELS = 96  # of a thumbnail as it is shown
PICTURE_ROW_PIXELS = SHOWN_EDGE_PIXELS + 28  # the height of a row with a thumbnail
_STATUS_LINE_PIXELS = 22  # for the status above the picture
_PICTURE_COLUMN_CHARACTERS = 16  # a little wider than a picture

ThumbnailLookup = Callable[[str], Path | None]
"""Path of a saved file from the workbook → its thumbnail (JPEG), or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkbookExtras:
    """What a workbook needs beside its cells: a folder for long texts, words, pictures."""

    folder: Path
    summary: Sequence[tuple[str, JSON]] = ()
    label: Label = str
    picture: ThumbnailLookup | None = None
    states: Mapping[str, str] = field(default_factory=dict)  # as people are to read them


def write_workbook(
    file: BinaryIO, grid: ResultColumns, records: RecordStream, *, beside: WorkbookExtras
) -> Tally:
    """Write records to the tab `results`, failed ones also to `failures`, counts to `summary`."""
    if len(grid.columns) > MAX_TAB_COLUMNS:
        raise WriteError("write_columns", most=f"{MAX_TAB_COLUMNS:,}")
    with open_book(file, SAFE_WORKBOOK_OPTIONS) as workbook:
        return _Book(workbook, grid, beside).fill(records)


class _Book:
    """A workbook that is being written."""

    def __init__(self, workbook: Any, grid: ResultColumns, beside: WorkbookExtras) -> None:
        self.grid = grid
        self.beside = beside
        tall: dict[str, object] = {"valign": "top", "text_wrap": True} if beside.picture else {}
        self.head = workbook.add_format({"bold": True, "bottom": 1})
        self.plain = workbook.add_format(tall) if tall else None
        self.link = workbook.add_format({"font_color": "#0563C1", "underline": 1} | tall)
        self.colours = {
            status: workbook.add_format({"bg_color": colour} | tall)
            for status, colour in _COLOURS.items()
        }
        self.texts = TextFiles(beside.folder)
        self.replaced = 0
        own = grid.own
        self.ours = {column.name: at for at, column in enumerate(grid.columns) if at >= own}
        self.slugs = [_slug(name, place) for place, name in enumerate(unique_names(grid), 1)]
        self.numeric = frozenset(
            place for place, column in enumerate(grid.columns) if column.kind in _NUMBER_KINDS
        )
        again = [self.ours[name] for name in _FAILURE_COLUMNS]
        self.results = _Tab(workbook.add_worksheet("results"), self, list(range(len(grid.columns))))
        self.failures = _Tab(workbook.add_worksheet("failures"), self, [*again, *range(own)])
        self.summary = workbook.add_worksheet("summary")

    def fill(self, records: RecordStream) -> Tally:
        sums = SummaryCounts(ours=self.ours, words=self.beside.states)
        status_at, files_at = self.ours["result_status"], self.ours["result_files"]
        row_at = self.ours["result_row"]
        for record in records:
            sums.add(record)
            links: dict[int, str] = {}
            values = self._values(record, links)
            status = str(record[status_at])
            self.results.add(values, status, links)
            if record[row_at] in self.grid.hidden_rows:
                self.results.hide()
            if self.beside.picture is not None and record[files_at]:
                self._show(self.beside.picture, record[files_at])
            if status in {"failed", "in_doubt"}:
                self.failures.add(values, status, links)
        self.results.finish()
        self.failures.finish()
        tally = Tally(rows=self.results.rows, replaced=self.replaced, texts=self.texts.written)
        lines = [*summary_lines(sums, tally, self.beside.label), *self.beside.summary]
        write_summary(self.summary, sums, lines, self.beside.label)
        return tally

    def clean(self, text: str) -> str:
        """The text without characters that a workbook cannot hold."""
        fit, replaced = clean(text)
        self.replaced += replaced
        return fit

    def _values(self, record: Record, links: dict[int, str]) -> list[str | int | float | None]:
        """The record as cell values: texts, numbers, None for an empty cell."""
        numeric, kinds = self.numeric, self.grid.columns
        values: list[str | int | float | None] = []
        for place, value in enumerate(record):
            if type(value) is str:
                text = value
            elif value is None or value == []:
                values.append(None)
                continue
            elif place in numeric and isinstance(value, int | float):
                values.append(value)
                continue
            else:
                text = cell_text(value, kinds[place].kind)
            if len(text) > FITTING_CHARACTERS and is_long(text):
                text, links[place] = self._apart(text, record, place)
            values.append(self.clean(text) if text else None)
        files = values[self.ours["result_files"]]
        if isinstance(files, str):
            first = files.partition("\n")[0]
            if SAFE_LINK.fullmatch(first):
                links[self.ours["result_files"]] = first
        return values

    def _apart(self, text: str, record: Record, place: int) -> tuple[str, str]:
        """Write a text that is too long for a cell to a file; return the cell's text and link."""
        path = self.texts.keep(f"{record[self.ours['result_row']]}-{self.slugs[place]}", text)
        return placeholder(text, path), path

    def _show(self, picture: ThumbnailLookup, files: JSON) -> None:
        """Show the first thumbnail that exists, under the row's status."""
        names = files if isinstance(files, list) else [files]
        found = next((path for name in names if (path := picture(str(name)))), None)
        if found is not None:
            self.results.show(found, self.ours["result_status"])


class _Tab:
    """One tab of rows: a frozen header, then cells in the order of `places`."""

    def __init__(self, sheet: Any, book: _Book, places: list[int]) -> None:
        self.sheet = sheet
        self.book = book
        self.places = list(enumerate(places))
        self.rows = 0
        self.links = 0
        self.hidden = 0  # the last hidden row
        self.widths = [_MIN_WIDTH_CHARACTERS] * len(places)
        self.status = book.ours["result_status"]
        for at, place in self.places:
            name = book.clean(book.grid.columns[place].header)
            self._measure(at, name)
            sheet.write_string(0, at, name[:FITTING_CHARACTERS], book.head)

    def add(
        self, values: list[str | int | float | None], status: str, links: dict[int, str]
    ) -> None:
        """Write one row."""
        self.rows = row = self.rows + 1
        if row >= MAX_TAB_ROWS:
            raise WriteError("write_rows", most=f"{MAX_TAB_ROWS - 1:,}")
        if row <= MEASURED_ROWS:
            self._measure_all(values)
        write_string, write_number = self.sheet.write_string, self.sheet.write_number
        status_at, plain = self.status, self.book.plain
        for at, place in self.places:
            value = values[place]
            if value is None:
                continue
            if not isinstance(value, str):
                write_number(row, at, value, plain)
            elif place == status_at:
                shown = self.book.beside.states.get(value, value)
                write_string(row, at, shown, self.book.colours.get(status))
            elif place in links and self.links < MAX_TAB_LINKS:
                self.links += 1
                self.sheet.write_url(row, at, f"external:{links[place]}", self.book.link, value)
            else:
                write_string(row, at, value, plain)

    def hide(self) -> None:
        """Hide the last added row, as it is in the sheet."""
        self.hidden = self.rows
        self.sheet.set_row(self.rows, None, None, {"hidden": True})

    def show(self, picture: Path, at: int) -> None:
        """Show a thumbnail in the last added row."""
        size = _thumbnail_scale(picture)
        if size is None or self.hidden == self.rows:
            return
        self.sheet.set_row_pixels(self.rows, PICTURE_ROW_PIXELS)
        self.sheet.insert_image(
            self.rows,
            at,
            str(picture),
            {
                "x_scale": size,
                "y_scale": size,
                "x_offset": 4,
                "y_offset": _STATUS_LINE_PIXELS,
                "object_position": 1,  # moves, sorts and hides with its row
                "decorative": True,
            },
        )
        self.widths[at] = max(self.widths[at], _PICTURE_COLUMN_CHARACTERS)

    def finish(self) -> None:
        """Write what belongs to the tab as a whole."""
        self.sheet.freeze_panes(1, 0)
        self.sheet.autofilter(0, 0, self.rows, len(self.places) - 1)
        columns = self.book.grid.columns
        for at, place in self.places:
            hidden = {"hidden": True} if columns[place].hidden else {}
            self.sheet.set_column(at, at, self.widths[at], None, hidden)

    def _measure_all(self, values: list[str | int | float | None]) -> None:
        for at, place in self.places:
            value = values[place]
            if isinstance(value, str):
                self._measure(at, value)

    def _measure(self, at: int, text: str) -> None:
        line = text[: _MAX_WIDTH_CHARACTERS * 2].partition("\n")[0]
        wide = sum(unicodedata.east_asian_width(character) in "WF" for character in line)
        self.widths[at] = min(max(self.widths[at], len(line) + wide + 2), _MAX_WIDTH_CHARACTERS)


def _thumbnail_scale(picture: Path) -> float | None:
    """The scale that brings a thumbnail to SHOWN_EDGE_PIXELS; None if it is unreadable."""
    size = picture_size(picture)
    return SHOWN_EDGE_PIXELS / max(size) if size is not None else None


def _slug(name: str, number: int) -> str:
    """A header as part of a file name."""
    words = re.sub(r"[^\w-]+", "_", name).strip("_")
    return words[:40] or f"column_{number}"
