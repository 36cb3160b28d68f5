"""Reads Excel and OpenDocument workbooks: one tab, cells as their shortest text."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from jobs.job import JSON
from jobs.sheet.archive import check_archive
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.header import TOP, find_header, header_findings
from jobs.sheet.layout import Layout, Row, Sheet
from jobs.sheet.names import ALIASES, normalise

T = TypeVar("T")


def open_workbook(path: Path, *, format: str, tab: str | None, zipped: bool) -> Sheet:  # noqa: A002 - as in reader.open_sheet
    """The tab that is named, else the first visible one with a prompt column."""
    if zipped:
        check_archive(path)
    book = _load(path)
    visible = [
        meta.name
        for meta in book.sheets_metadata
        if meta.visible == SheetVisibleEnum.Visible and meta.typ == SheetTypeEnum.WorkSheet
    ]
    name, chosen = (
        _named_tab(path, book, tab) if tab is not None else _best_tab(path, book, visible)
    )
    top = _top(chosen)
    header = find_header(top)
    if header is None:
        raise SheetError(path, [_empty_tab(name)])
    layout = Layout(
        format=format,
        tab=name,
        header_row=header + 1,
        headers=tuple(top[header]),
    )
    findings = header_findings(top, header)
    if tab is None:
        findings += _other_tabs(book, visible, name)
    return Sheet(
        path, layout, source=lambda _: _rows(chosen, layout.header_row), findings=tuple(findings)
    )


def _load(path: Path) -> CalamineWorkbook:
    try:
        return _guarded(lambda: CalamineWorkbook.from_path(path))
    except PasswordError as error:
        finding = Finding(
            kind="password",
            severity="error",
            message="the workbook is protected by a password; save a copy without one",
        )
        raise SheetError(path, [finding]) from error
    except CalamineError as error:
        book = _load_by_content(path)
        if book is None:
            raise SheetError(path, [_unreadable(error)]) from error
        return book


def _load_by_content(path: Path) -> CalamineWorkbook | None:
    """Whatever the ending says: an .xls may well hold an .xlsx."""
    try:
        with path.open("rb") as file:
            return _guarded(lambda: CalamineWorkbook.from_filelike(file))
    except CalamineError:
        return None


def _guarded(read: Callable[[], T]) -> T:
    """A panic inside the reader's Rust code is no Exception; here it becomes one."""
    try:
        return read()
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise CalamineError(str(error)) from error
        raise


def _unreadable(error: Exception) -> Finding:
    return Finding(
        kind="damaged_workbook",
        severity="error",
        found=excerpt(str(error)),
        message="the workbook cannot be read; open it in Excel and save it as a new .xlsx",
    )


def _tab(path: Path, book: CalamineWorkbook, name: str) -> CalamineSheet:
    try:
        return _guarded(lambda: book.get_sheet_by_name(name))
    except CalamineError as error:
        raise SheetError(path, [_unreadable(error)]) from error


def _named_tab(path: Path, book: CalamineWorkbook, name: str) -> tuple[str, CalamineSheet]:
    names = book.sheet_names
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        guess = f'did you mean "{near[0]}"? ' if near else ""
        finding = Finding(
            kind="unknown_tab",
            severity="error",
            found=excerpt(name),
            expected=" or ".join(f'"{excerpt(known, 40)}"' for known in names),
            message=f"{guess}--tab names no tab of this workbook",
        )
        raise SheetError(path, [finding])
    return name, _tab(path, book, name)


def _best_tab(path: Path, book: CalamineWorkbook, visible: list[str]) -> tuple[str, CalamineSheet]:
    """The first visible tab with a prompt column, else the first that holds anything."""
    first: tuple[str, CalamineSheet] | None = None
    for name in visible:
        sheet = _tab(path, book, name)
        top = _top(sheet)
        header = find_header(top)
        if header is None:
            continue
        if any(ALIASES.get(normalise(cell)) == "prompt" for cell in top[header]):
            return name, sheet
        first = first or (name, sheet)
    if first is None:
        raise SheetError(path, [_empty_tab(", ".join(visible) or "none")])
    return first


def _empty_tab(name: str) -> Finding:
    return Finding(
        kind="empty_sheet",
        severity="error",
        found=f"tab {excerpt(name)}",
        expected="a header row and at least one row below it",
        message="there is nothing in the visible tabs; name another one with --tab",
    )


def _other_tabs(book: CalamineWorkbook, visible: list[str], name: str) -> list[Finding]:
    others = [
        excerpt(meta.name, 40) + ("" if meta.name in visible else " (hidden)")
        for meta in book.sheets_metadata
        if meta.name != name and meta.typ == SheetTypeEnum.WorkSheet
    ]
    if not others:
        return []
    return [
        Finding(
            kind="other_tabs",
            severity="note",
            found=", ".join(others),
            message=f'only the tab "{excerpt(name, 40)}" is read; name another one with --tab',
        )
    ]


def _top(sheet: CalamineSheet) -> list[list[str]]:
    """The first rows, up to enough that are not blank to find a header among them."""
    top: list[list[str]] = []
    filled = 0
    for row in sheet.iter_rows():
        top.append([_text(cell) for cell in row])
        filled += any(top[-1])
        if filled > TOP:
            break
    return top


def _rows(sheet: CalamineSheet, header_row: int) -> Iterator[Row]:
    rows = islice(sheet.iter_rows(), header_row, None)
    for number, row in enumerate(rows, header_row + 1):
        cells: list[JSON] = [cell if type(cell) is str else _text(cell) for cell in row]
        if any(cells):
            yield number, cells


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else _TEXTS[type(cell)](cell)


def _number(value: float) -> str:
    """42.0 → 42, 0.1 → 0.1: the shortest text that means this number."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)


def _duration(value: timedelta) -> str:
    """Hours, minutes and seconds, as Excel's [h]:mm:ss shows them."""
    seconds = value.total_seconds()
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{hours:02}:{minutes:02}:{rest:09.6f}".removesuffix(".000000")
    return f"-{text}" if seconds < 0 else text


_TEXTS: Mapping[type, Callable[[Any], str]] = {
    float: _number,
    int: str,
    bool: lambda value: "TRUE" if value else "FALSE",
    date: date.isoformat,
    datetime: datetime.isoformat,
    time: time.isoformat,
    timedelta: _duration,
}
