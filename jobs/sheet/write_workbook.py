"""Writes results as an Excel workbook in which every text is text, and nothing a formula."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from jobs.job import JSON
from jobs.sheet.cells import CLEAN_WORKBOOK, MOST_CHARACTERS, clean, is_long, open_book
from jobs.sheet.statistics import Fact, by_model
from jobs.sheet.write_texts import TextFiles, placeholder
from jobs.sheet.writers import (
    Grid,
    Kind,
    Record,
    Records,
    Tally,
    WriteError,
    cell_text,
    unique_names,
)

MOST_ROWS = 1_048_576  # of one tab, the header included
MOST_COLUMNS = 16_384
MOST_LINKS = 65_530  # of one tab
MEASURED = 200  # rows that decide the widths
_NARROWEST, _WIDEST = 8, 60

# A link opens a program: only plain relative paths to things that are looked at.
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
_NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER})
_FAILURES = (
    *("result_row", "result_key", "result_status", "result_error_class", "result_error"),
    *("result_attempts", "result_request_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a workbook needs beside its cells: a folder for long texts, lines for the summary."""

    folder: Path
    summary: Sequence[tuple[str, JSON]] = ()


class _Cell(NamedTuple):  # made for every cell of every row, and a tuple is made fastest
    """A value as Excel takes it: a number, or a text with perhaps a link."""

    value: str | int | float
    link: str | None = None


_EMPTY = _Cell("")


@dataclass(slots=True)
class _Sums:
    """What the summary tab counts while the rows go by."""

    statuses: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    unpriced: int = 0

    def add(self, named: dict[str, JSON]) -> None:
        status = str(named["result_status"])
        seconds, cost = (_number(named[name]) for name in ("result_seconds", "result_cost"))
        self.facts.append((str(named["result_model"] or ""), status, seconds, cost))
        self.statuses[status] = self.statuses.get(status, 0) + 1
        kind = named["result_error_class"]
        if isinstance(kind, str) and status == "failed":
            self.classes[kind] = self.classes.get(kind, 0) + 1
        self.unpriced += status == "done" and named["result_cost"] is None
        for name in _SUMMED:
            value = named[name]
            if isinstance(value, int | float):
                self.numbers[name] = self.numbers.get(name, 0) + value


_BY_MODEL = ("rows", "done", "failed", "median seconds", "p95 seconds", "cost")


def _number(value: JSON) -> float | None:
    return float(value) if isinstance(value, int | float) else None


_SUMMED = (
    *("result_cost", "result_prompt_tokens", "result_completion_tokens", "result_total_tokens"),
)


def write_workbook(file: BinaryIO, grid: Grid, records: Records, *, beside: Beside) -> Tally:
    """All records in the tab `results`; what failed again in `failures`; counts in `summary`."""
    if len(grid.columns) > MOST_COLUMNS:
        raise WriteError(f"an Excel tab holds {MOST_COLUMNS:,} columns; export as csv instead")
    with open_book(file, CLEAN_WORKBOOK) as workbook:
        return _Book(workbook, grid, beside).fill(records)


class _Book:
    """One workbook while it is written."""

    def __init__(self, workbook: Any, grid: Grid, beside: Beside) -> None:
        self.grid = grid
        self.kinds = [column.kind for column in grid.columns]
        self.beside = beside
        self.head = workbook.add_format({"bold": True, "bottom": 1})
        self.link = workbook.add_format({"font_color": "#0563C1", "underline": 1})
        self.colours = {
            status: workbook.add_format({"bg_color": colour}) for status, colour in _COLOURS.items()
        }
        self.texts = TextFiles(beside.folder)
        self.replaced = 0
        self.ours = {
            column.name: place
            for place, column in enumerate(grid.columns)
            if column.kind is not Kind.OWN
        }
        self.slugs = [_slug(name, place) for place, name in enumerate(unique_names(grid), 1)]
        again = [self.ours[name] for name in _FAILURES]
        self.results = _Tab(workbook.add_worksheet("results"), self, list(range(len(grid.columns))))
        self.failures = _Tab(workbook.add_worksheet("failures"), self, [*again, *range(grid.own)])
        self.summary = workbook.add_worksheet("summary")

    def fill(self, records: Records) -> Tally:
        sums = _Sums()
        for record in records:
            named = {name: record[place] for name, place in self.ours.items()}
            sums.add(named)
            cells = [self._cell(record, place) for place in range(len(record))]
            self.results.add(cells, str(named["result_status"]))
            if named["result_status"] in {"failed", "in_doubt"}:
                self.failures.add(cells, str(named["result_status"]))
        self.results.finish()
        self.failures.finish()
        tally = Tally(rows=self.results.rows, replaced=self.replaced, texts=self.texts.written)
        self._sum_up(sums, tally)
        return tally

    def clean(self, text: str) -> str:
        """The text without what a workbook cannot hold."""
        fit, replaced = clean(text)
        self.replaced += replaced
        return fit

    def _cell(self, record: Record, place: int) -> _Cell:
        value = record[place]
        if value is None or value == "":
            return _EMPTY
        kind = self.kinds[place]
        if kind in _NUMBERS and isinstance(value, int | float):
            return _Cell(value)
        text = cell_text(value, kind)
        if is_long(text):
            name = f"{record[self.ours['result_row']]}-{self.slugs[place]}"
            path = self.texts.keep(name, text)
            return _Cell(placeholder(text, path), path)
        if place == self.ours["result_files"]:
            first = text.partition("\n")[0]
            return _Cell(self.clean(text), first if SAFE_LINK.fullmatch(first) else None)
        return _Cell(self.clean(text))

    def _sum_up(self, sums: _Sums, tally: Tally) -> None:
        """One number a line; a cost is of the answers in this file, and may not be all of it."""
        lines: list[tuple[str, JSON]] = [("rows", tally.rows)]
        lines += sorted(sums.statuses.items())
        lines += [(f"failed: {name}", count) for name, count in sorted(sums.classes.items())]
        lines += [(name, sums.numbers[name]) for name in _SUMMED if name in sums.numbers]
        if sums.unpriced:
            lines.append(("done rows without a known cost", sums.unpriced))
        if tally.replaced:
            lines.append(("characters Excel cannot hold, replaced", tally.replaced))
        if tally.texts:
            lines.append(("texts too long for a cell, in files", tally.texts))
        lines += self.beside.summary
        for place, (name, value) in enumerate(lines):
            self.summary.write_string(place, 0, name)
            if isinstance(value, int | float):
                self.summary.write_number(place, 1, value)
            else:
                self.summary.write_string(place, 1, cell_text(value, Kind.TEXT))
        self._tell_models(sums, below=len(lines) + 1)
        self.summary.set_column(0, 0, 42)
        self.summary.set_column(1, len(_BY_MODEL), 16)

    def _tell_models(self, sums: _Sums, *, below: int) -> None:
        """A small table under the totals: how each model did."""
        for column, title in enumerate(("model", *_BY_MODEL)):
            self.summary.write_string(below, column, title)
        for place, line in enumerate(by_model(sums.facts), below + 1):
            self.summary.write_string(place, 0, cell_text(line.model, Kind.TEXT))
            numbers = (line.rows, line.done, line.failed)
            known = (line.median_seconds, line.p95_seconds, line.cost)
            for column, value in enumerate((*numbers, *known), 1):
                if value is not None:
                    self.summary.write_number(place, column, value)


class _Tab:
    """One tab of rows: a frozen header, then cells in the order of `places`."""

    def __init__(self, sheet: Any, book: _Book, places: list[int]) -> None:
        self.sheet = sheet
        self.book = book
        self.places = places
        self.rows = 0
        self.links = 0
        self.widths = [_NARROWEST] * len(places)
        self.status = places.index(book.ours["result_status"])
        for at, place in enumerate(places):
            name = book.clean(book.grid.columns[place].name)
            self._measure(at, name)
            sheet.write_string(0, at, name[: MOST_CHARACTERS // 2], book.head)

    def add(self, cells: list[_Cell], status: str) -> None:
        """One more row."""
        self.rows += 1
        if self.rows >= MOST_ROWS:
            raise WriteError(f"an Excel tab holds {MOST_ROWS - 1:,} rows; export as csv instead")
        for at, place in enumerate(self.places):
            cell = cells[place]
            if not isinstance(cell.value, str):
                self.sheet.write_number(self.rows, at, cell.value)
            elif at == self.status:
                style = self.book.colours.get(status)
                self.sheet.write_string(self.rows, at, cell.value, style)
            elif cell.link is not None and self.links < MOST_LINKS:
                self.links += 1
                self._write_link(at, cell.value, cell.link)
            elif cell.value:
                self.sheet.write_string(self.rows, at, cell.value)
            if self.rows <= MEASURED and isinstance(cell.value, str):
                self._measure(at, cell.value)

    def _write_link(self, at: int, text: str, path: str) -> None:
        self.sheet.write_url(self.rows, at, f"external:{path}", self.book.link, text)

    def finish(self) -> None:
        """What belongs to the tab as a whole."""
        self.sheet.freeze_panes(1, 0)
        self.sheet.autofilter(0, 0, self.rows, len(self.places) - 1)
        for at, width in enumerate(self.widths):
            self.sheet.set_column(at, at, width)

    def _measure(self, at: int, text: str) -> None:
        line = text[: _WIDEST * 2].partition("\n")[0]
        wide = sum(unicodedata.east_asian_width(character) in "WF" for character in line)
        self.widths[at] = min(max(self.widths[at], len(line) + wide + 2), _WIDEST)


def _slug(name: str, number: int) -> str:
    """A header as part of a file name."""
    words = re.sub(r"[^\w-]+", "_", name).strip("_")
    return words[:40] or f"column_{number}"
