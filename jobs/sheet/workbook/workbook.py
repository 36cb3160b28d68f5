"""Reads Excel and OpenDocument workbooks: one tab, cells as their shortest text."""

import difflib
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
from jobs.sheet.finding import Finding, Severity, SheetError, excerpt
from jobs.sheet.header import SEARCHED_ROWS, find_header, header_findings
from jobs.sheet.layout import Layout, NeededColumns, Note, Row, Sheet
from jobs.sheet.names import ALIASES, KnownHeader, is_known, letter, normalise
from jobs.sheet.workbook.archive import ARCHIVE_ERRORS, check_archive, damaged_workbook
from jobs.sheet.workbook.cell_pictures import NO_PICTURES, cell_pictures
from jobs.sheet.workbook.package import Package
from jobs.sheet.workbook.patches import Patches, ScannedTab, patches_of
from jobs.sheet.workbook.scan import CellPlace, TabScan, scan_tab
from jobs.sheet.workbook.scan_ods import CONTENT_PART, areas, scan_ods
from jobs.sheet.workbook.scan_xls import OldBook, old_book

T = TypeVar("T")
MAX_AREA_CELLS = (
    50_000_000  # of a tab's used area, which calamine allocates whole (32 bytes a cell)
)
MAX_SEARCHED_TABS = 100  # for a prompt column
MAX_SPARSE_CELLS = 4_000_000  # an area of this size does no harm, however empty it is


def open_workbook(
    path: Path,
    *,
    format: str,  # noqa: A002 - as in reader.open_sheet
    tab: str | None,
    zipped: bool,
    known: KnownHeader = is_known,
) -> Sheet:
    """Open the tab named `tab`, else the first visible one with a prompt column."""
    old = None
    if zipped:
        check_archive(path)
        _check_ods(path)
    else:
        old = _old_book(path)
    book = _Book(path=path, reader=_load(path), zipped=zipped, old=old)
    visible = [
        meta.name
        for meta in book.reader.sheets_metadata
        if meta.visible == SheetVisibleEnum.Visible and meta.typ == SheetTypeEnum.WorkSheet
    ]
    chosen = _named_tab(book, tab) if tab is not None else _best_tab(book, visible, known)
    top = _top(chosen.cells)
    header = find_header(top, known)
    if header is None:
        raise SheetError(path, [_empty_tab(chosen.name)])
    layout = Layout(
        format=format,
        tab=chosen.name,
        header_row=header + 1,
        headers=tuple(top[header]),
        hidden_columns=_hidden_columns(chosen, len(top[header])),
    )
    findings = header_findings(top, header, known)
    if tab is None:
        findings += _other_tabs(book.reader, visible, chosen.name)
    patches = patches_of(book.path, chosen.scanned, _merged(chosen), layout)
    if chosen.scanned is None:
        findings.append(
            _unseen(
                "unscanned_xlsx" if format in {"xlsx", "xlsm"} else "unscanned", format, "warning"
            )
        )
    findings += patches.findings(lambda row: _row_text(chosen.cells, row))
    return Sheet(
        path,
        layout,
        source=lambda note, needed: _rows(chosen.cells, patches, note, needed),
        findings=tuple(findings),
        hidden_rows=_hidden_rows(chosen, layout),
    )


def _hidden_columns(tab: "_Tab", width: int) -> tuple[int, ...]:
    hidden = tab.scanned.scan.hidden_columns if tab.scanned is not None else ()
    return tuple(sorted({column for column in hidden if column < width}))


def _hidden_rows(tab: "_Tab", layout: Layout) -> frozenset[int]:
    hidden = tab.scanned.scan.hidden_rows if tab.scanned is not None else ()
    return frozenset(row for row in hidden if row > layout.header_row)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    path: Path
    reader: CalamineWorkbook
    zipped: bool
    old: OldBook | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tab:
    """A tab as calamine gives it, and the scan of its own XML or records."""

    name: str
    cells: CalamineSheet
    scanned: ScannedTab | None


def _old_book(path: Path) -> OldBook | None:
    """The records of an .xls, checked first because calamine allocates every tab on opening."""
    try:
        book = old_book(path)
        for area in book.areas() if book is not None else ():
            _check_area(path, area)
    except (ValueError, struct.error, IndexError) as error:
        raise SheetError(path, [damaged_workbook(error)]) from error
    return book


def _check_ods(path: Path) -> None:
    """Check the areas of an .ods before calamine, which allocates every tab on opening."""
    try:
        with zipfile.ZipFile(path) as archive:
            package = Package(archive)
            for area in areas(package) if CONTENT_PART in package else ():
                _check_area(path, area)
    except ARCHIVE_ERRORS as error:
        raise SheetError(path, [damaged_workbook(error)]) from error


def _load(path: Path) -> CalamineWorkbook:
    try:
        return _guarded(lambda: CalamineWorkbook.from_path(path))
    except PasswordError as error:
        raise SheetError(path, [Finding(kind="password", severity="error")]) from error
    except CalamineError as error:
        book = _load_by_content(path)
        if book is None:
            raise SheetError(path, [damaged_workbook(error)]) from error
        return book


def _load_by_content(path: Path) -> CalamineWorkbook | None:
    """Open it by content: a file named .xls may hold an .xlsx."""
    try:
        with path.open("rb") as file:
            return _guarded(lambda: CalamineWorkbook.from_filelike(file))
    except CalamineError:
        return None


def _guarded(read: Callable[[], T]) -> T:
    """Turn a panic in calamine's Rust code, which is no Exception, into a CalamineError."""
    try:
        return read()
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise CalamineError(str(error)) from error
        raise


def _tab(book: _Book, name: str) -> _Tab:
    """Open a tab. Its XML is scanned first, because calamine allocates the whole used area."""
    try:
        scanned = _scan(book, name)
        return _Tab(
            name=name,
            cells=_guarded(lambda: book.reader.get_sheet_by_name(name)),
            scanned=scanned,
        )
    except (*ARCHIVE_ERRORS, CalamineError, struct.error, IndexError) as error:
        raise SheetError(book.path, [damaged_workbook(error)]) from error


def _scan(book: _Book, name: str) -> ScannedTab | None:
    if not book.zipped:
        old = book.old
        if old is None or name not in old.tabs:
            return None
        unseen = [_unseen("formats_unseen", "xls", "note")]
        unseen += _pictures_unseen("xls", any_=old.pictured)
        return ScannedTab(scan=old.scan(name), pictures=NO_PICTURES, unseen=tuple(unseen))
    with zipfile.ZipFile(book.path) as archive:
        package = Package(archive)
        if package.has(CONTENT_PART):
            unseen = _pictures_unseen("ods", any_=package.has("Pictures/"))
            scan = scan_ods(package, name)
            return ScannedTab(scan=scan, pictures=NO_PICTURES, unseen=tuple(unseen))
        part = package.tab(name)
        if part is None or not part.endswith(".xml"):
            return None
        scan = scan_tab(package, part)
        _check_area(book.path, scan)
        return ScannedTab(
            scan=scan,
            pictures=cell_pictures(package, part, scan),
            linked=package.has("xl/externalLinks/"),
        )


def _check_area(path: Path, scan: TabScan) -> None:
    area = scan.height * scan.width
    if area <= MAX_SPARSE_CELLS or (area <= MAX_AREA_CELLS and area <= 50 * scan.cells):
        return
    finding = Finding(
        kind="far_cell",
        severity="error",
        values=(("cell", f"{letter(scan.width - 1)}{scan.height}"), ("most", MAX_AREA_CELLS)),
    )
    raise SheetError(path, [finding])


def _named_tab(book: _Book, name: str) -> _Tab:
    names = book.reader.sheet_names
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        finding = Finding(
            kind="unknown_tab_near" if near else "unknown_tab",
            severity="error",
            found=excerpt(name),
            expected=", ".join(f'"{excerpt(known, 40)}"' for known in names),
            values=(("near", excerpt(near[0], 40)),) if near else (),
        )
        raise SheetError(book.path, [finding])
    return _tab(book, name)


def _best_tab(book: _Book, visible: list[str], known: KnownHeader) -> _Tab:
    """The first visible tab with a prompt column, else the first that is not empty."""
    first: _Tab | None = None
    for name in visible[:MAX_SEARCHED_TABS]:
        tab = _tab(book, name)
        top = _top(tab.cells)
        header = find_header(top, known)
        if header is None:
            continue
        if any(ALIASES.get(normalise(cell)) == "prompt" for cell in top[header]):
            return tab
        first = first or tab
    if first is None:
        raise SheetError(book.path, [_empty_tab(", ".join(visible) or "-")])
    return first


def _empty_tab(name: str) -> Finding:
    return Finding(kind="empty_tab", severity="error", found=excerpt(name))


def _other_tabs(book: CalamineWorkbook, visible: list[str], name: str) -> list[Finding]:
    others = [
        meta.name
        for meta in book.sheets_metadata
        if meta.name != name and meta.typ == SheetTypeEnum.WorkSheet
    ]
    if not others:
        return []
    shown = ", ".join(excerpt(other, 40) for other in others if other in visible)
    hidden = ", ".join(excerpt(other, 40) for other in others if other not in visible)
    kind = "other_tabs" if shown else "hidden_tabs"
    return [
        Finding(
            kind="other_tabs_hidden" if shown and hidden else kind,
            severity="note",
            values=(("tab", excerpt(name, 40)), ("visible", shown), ("hidden", hidden)),
        )
    ]


def _top(sheet: CalamineSheet) -> list[list[str]]:
    """The first rows, enough of them not blank to find the header."""
    top: list[list[str]] = []
    filled = 0
    for row in sheet.iter_rows():
        top.append([_text(cell) for cell in row])
        filled += any(top[-1])
        if filled > SEARCHED_ROWS:
            break
    return top


def _merged(tab: _Tab) -> list[tuple[CellPlace, CellPlace]]:
    """Merged areas as first and last cell; from the scan if calamine has none for this format."""
    scanned = tab.scanned.scan.merged if tab.scanned is not None else []
    return list(tab.cells.merged_cell_ranges or scanned)


def _unseen(kind: str, format: str, severity: Severity) -> Finding:  # noqa: A002 - as in reader.open_sheet
    """The finding that something is not looked for in this format."""
    return Finding(kind=kind, severity=severity, values=(("format", format),))


def _pictures_unseen(format: str, *, any_: bool) -> list[Finding]:  # noqa: A002 - as above
    return [_unseen("pictures_unseen", format, "warning")] if any_ else []


def _row_text(sheet: CalamineSheet, row: int) -> list[str]:
    """The texts of one row, for a finding about it."""
    return [_text(cell) for cell in next(islice(sheet.iter_rows(), row, None), ())]


def _rows(
    sheet: CalamineSheet, patches: Patches, note: Note, needed: NeededColumns
) -> Iterator[Row]:
    header_row = patches.header_row
    rows = islice(sheet.iter_rows(), header_row, None)
    for number, row in enumerate(rows, header_row + 1):
        cells: list[JSON] = [cell if type(cell) is str else _text(cell) for cell in row]
        if number in patches.rows:
            patches.apply(number, cells, note, needed)
        if any(cells):
            yield number, cells


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else _TEXTS[type(cell)](cell)


def _number(value: float) -> str:
    """The shortest text of a number: 42.0 → 42, 0.1 → 0.1."""
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
