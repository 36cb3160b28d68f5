"""Copies a person's own workbook with columns added; all other parts stay byte for byte."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import IO, BinaryIO

from jobs.sheet.copy.insertion import inserted
from jobs.sheet.copy.parts import (
    UnfitWorkbookError,
    columns_under_drawings,
    is_strict,
    sheet_part,
)
from jobs.sheet.copy.pictures import LINK_COLUMN, PICTURE_COLUMN, TabFiles
from jobs.sheet.copy.sheet import AddedColumns, AddedRow, add_columns, used_columns
from jobs.sheet.copy.verify_files import verify_files
from jobs.sheet.result_names import result_name
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
    """The part of the tab, the index of our first column, and the files that the tab shows."""

    part: str
    first: int
    files: TabFiles | None = None


def copy_with_columns(
    source: Path,
    target: BinaryIO,
    place: SheetLocation,
    headers: Sequence[str],
    lines: Iterable[AddedRow],
) -> Copied:
    """Write the copy. Raises UnfitWorkbookError if columns cannot be added to this workbook.

    If the first header is that of pictures, the first two columns show each row's files.
    """
    try:
        with (
            zipfile.ZipFile(source) as old,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as new,
            tempfile.TemporaryFile() as sheet,
        ):
            part = sheet_part(old, place.tab)
            with old.open(part) as read:
                used = used_columns(read)  # type: ignore[arg-type]  # it reads bytes
            first = max(used, columns_under_drawings(old, part))
            added = AddedColumns(
                first=first,
                header_row=place.header_row,
                headers=headers,
                widths=[_width(name) for name in headers],
            )
            shows = result_name(headers[0]) == PICTURE_COLUMN and not is_strict(old, part)
            files = TabFiles(old, part) if shows else None
            with old.open(part) as read:
                add_columns(read, sheet.write, added, iter(lines), files=files)  # type: ignore[arg-type]  # as above
            sheet.seek(0)
            _write_parts(old, new, (part, sheet), files)
    except ARCHIVE_ERRORS as error:
        raise UnfitWorkbookError("copy_damaged", reason=error) from error
    return Copied(part=part, first=first, files=files)


def _write_parts(
    old: zipfile.ZipFile,
    new: zipfile.ZipFile,
    sheet: tuple[str, IO[bytes]],
    files: TabFiles | None,
) -> None:
    """Write all parts in their order, then the new ones."""
    changed = files.changed if files is not None else {}
    for entry in old.infolist():
        fresh = copy(entry)
        fresh.extra = b""
        with old.open(entry) as read, new.open(fresh, "w", force_zip64=True) as write:
            if entry.filename == sheet[0]:
                shutil.copyfileobj(sheet[1], write, CHUNK_BYTES)
            elif (insertion := changed.get(entry.filename)) is not None:
                write.write(inserted(read.read(), [insertion]))
            else:
                shutil.copyfileobj(read, write, CHUNK_BYTES)
    for name, content in (files.fresh if files is not None else {}).items():
        if isinstance(content, Path):
            new.write(content, name, zipfile.ZIP_STORED)
        else:
            new.writestr(name, content)
    new.comment = old.comment


def _width(name: str) -> int:
    return _WIDE if _is_wide(name) else _USUAL


def _is_wide(name: str) -> bool:
    return result_name(name) in {
        "result_text",
        "result_files",
        "result_urls",
        "result_error",
        LINK_COLUMN,
    }


def verify_copy(
    source: Path, copied: Path, what: Copied, place: SheetLocation, lines: Iterable[AddedRow]
) -> None:
    """Read the copy again. Raises UnfitWorkbookError if it is not as promised.

    All other parts must have the same bytes, every cell of the sheet must read as before, and our
    cells must read as the values that were to be written.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(copied) as new:
        changed = what.files.changed if what.files is not None else {}
        fresh = list(what.files.fresh) if what.files is not None else []
        if [*old.namelist(), *fresh] != new.namelist():
            raise UnfitWorkbookError("copy_other_parts")
        for before, after in zip(old.infolist(), new.infolist(), strict=False):
            insertion = changed.get(before.filename)
            if insertion is not None:
                same = new.read(after) == inserted(old.read(before), [insertion])
            else:
                same = before.filename == what.part or _same_bytes(old, before, new, after)
            if not same:
                raise UnfitWorkbookError("copy_other_part", part=before.filename)
        if what.files is not None:
            verify_files(old, new, what.files)
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
        if wanted is not None and wanted.number == number:
            values = ["" if value is None else value for value in wanted.values]
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
