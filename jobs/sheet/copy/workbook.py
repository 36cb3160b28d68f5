"""Copies a person's own workbook with columns added; all other parts stay byte for byte."""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from jobs.sheet.copy.parts import UnfitWorkbookError, columns_under_drawings, sheet_part
from jobs.sheet.copy.sheet import AddedColumns, AddedRow, add_columns, used_columns
from jobs.sheet.workbook.archive import ARCHIVE_ERRORS

CHUNK_BYTES = 1 << 20
_WIDE, _USUAL = 40, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLocation:
    """The tab of the sheet, and the row of its header as Excel counts."""

    tab: str
    header_row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The part that changed, and the index of our first column."""

    part: str
    first: int


def copy_with_columns(
    source: Path,
    target: BinaryIO,
    place: SheetLocation,
    headers: Sequence[str],
    lines: Iterable[AddedRow],
) -> Copied:
    """Write the copy. Raises UnfitWorkbookError if columns cannot be added to this workbook."""
    try:
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", allowZip64=True) as new:
            part = sheet_part(old, place.tab)
            with old.open(part) as sheet:
                used = used_columns(sheet)  # type: ignore[arg-type]  # it reads bytes
            first = max(used, columns_under_drawings(old, part))
            added = AddedColumns(
                first=first,
                header_row=place.header_row,
                headers=headers,
                widths=[_WIDE if _is_wide(name) else _USUAL for name in headers],
            )
            for entry in old.infolist():
                fresh = copy(entry)
                fresh.extra = b""
                with old.open(entry) as read, new.open(fresh, "w", force_zip64=True) as write:
                    if entry.filename == part:
                        add_columns(read, write.write, added, iter(lines))  # type: ignore[arg-type]  # as above
                    else:
                        while chunk := read.read(CHUNK_BYTES):
                            write.write(chunk)
            new.comment = old.comment
    except ARCHIVE_ERRORS as error:
        raise UnfitWorkbookError("copy_damaged", reason=error) from error
    return Copied(part=part, first=first)


def _is_wide(name: str) -> bool:
    return name in {"result_text", "result_files", "result_urls", "result_error"}


def verify_copy(
    source: Path, copied: Path, what: Copied, place: SheetLocation, lines: Iterable[AddedRow]
) -> None:
    """Read the copy again. Raises UnfitWorkbookError if it is not as promised.

    All other parts must have the same bytes, every cell of the sheet must read as before, and our
    cells must read as the values that were to be written.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(copied) as new:
        if old.namelist() != new.namelist():
            raise UnfitWorkbookError("copy_other_parts")
        for before, after in zip(old.infolist(), new.infolist(), strict=True):
            if before.filename != what.part and not _same_bytes(old, before, new, after):
                raise UnfitWorkbookError("copy_other_part", part=before.filename)
    _compare_cells(source, copied, what, place, iter(lines))


def _compare_cells(
    source: Path, copied: Path, what: Copied, place: SheetLocation, lines: Iterator[AddedRow]
) -> None:
    wanted = next(lines, None)
    both = zip_longest(_read(source, place.tab), _read(copied, place.tab), fillvalue=())
    for number, (one, other) in enumerate(both, 1):
        if _trimmed(one) != _trimmed(other[: what.first]):
            raise UnfitWorkbookError("copy_other_row", row=number)
        if number == place.header_row:
            continue
        values: Sequence[object] = ()
        if wanted is not None and wanted[0] == number:
            values = ["" if value is None else value for value in wanted[1]]
            wanted = next(lines, None)
        if _trimmed(other[what.first :]) != _trimmed(values):
            raise UnfitWorkbookError("copy_other_results", row=number)


def _same_bytes(
    old: zipfile.ZipFile, before: zipfile.ZipInfo, new: zipfile.ZipFile, after: zipfile.ZipInfo
) -> bool:
    with old.open(before) as one, new.open(after) as other:
        while True:
            left, right = one.read(CHUNK_BYTES), other.read(CHUNK_BYTES)
            if left != right:
                return False
            if not left:
                return True


def _read(path: Path, tab: str) -> Iterator[Sequence[object]]:
    """The rows of a tab, from row 1."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - for this check only

    with path.open("rb") as file:
        yield from CalamineWorkbook.from_filelike(file).get_sheet_by_name(tab).iter_rows()


def _trimmed(cells: Sequence[object]) -> list[object]:
    """Cells without blank ones at the end, with line breaks and numbers in one form."""
    plain = [_plain(cell) for cell in cells]
    while plain and plain[-1] == "":
        plain.pop()
    return plain


def _plain(cell: object) -> object:
    if isinstance(cell, str):
        return cell.replace("\r\n", "\n")
    return float(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell
