"""Checks a workbook's zip before it is read: its directory, and the start of its XML parts."""

import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from jobs.sheet.finding import Finding, SheetError, Term, excerpt

MAX_UNPACKED_BYTES = 1_000_000_000  # bytes after unpacking
MAX_PACKING_RATIO = 200  # unpacked bytes for each packed byte
MAX_ENTRIES = 10_000  # entries
HARMLESS_BYTES = 10_000_000  # unpacked; less does no harm, however densely it is packed
PROLOG_BYTES = 65_536  # the first element of an XML part must begin within these

_XML = (".xml", ".rels", ".vml")
# Parts that calamine reads whole and our own scan does not see.
_WHOLE = ("sharedStrings.xml", "content.xml")
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)

ARCHIVE_ERRORS = (
    zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError, EOFError, zlib.error,
)  # fmt: skip
"""What zipfile raises for an archive that is damaged, encrypted or packed in an unknown way."""


def check_archive(path: Path) -> None:
    """Raise SheetError for a damaged zip, and for one that would flood disk or memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_directory(path, archive.infolist())
            for entry in archive.infolist():
                if entry.filename.lower().endswith(_XML) and _declares(archive, entry):
                    found = excerpt(entry.filename)
                    raise SheetError(
                        path, [Finding(kind="unsafe_xml", severity="error", found=found)]
                    )
    except ARCHIVE_ERRORS as error:
        raise SheetError(path, [damaged_workbook(error)]) from error


def _check_directory(path: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    """Check names and sizes as the directory gives them."""
    size = max(path.stat().st_size, 1)
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES:
        _refuse_size(path, len(entries), MAX_ENTRIES, "entries")
    if total > MAX_UNPACKED_BYTES:
        _refuse_size(path, total, MAX_UNPACKED_BYTES, "bytes")
    if total > HARMLESS_BYTES and total > MAX_PACKING_RATIO * size:
        _refuse_size(path, total // size, MAX_PACKING_RATIO, "times")
    names = set()
    for entry in entries:
        name = entry.filename.lower().replace("\\", "/")
        # Packing does not make a part larger.
        understated = entry.compress_size > entry.file_size + 1_000
        if _leaves_folder(name) or name in names or understated:
            raise SheetError(path, [_unsafe(entry.filename)])
        names.add(name)


def _declares(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """True if a part declares entities: spreadsheet programs write none, and they can be traps."""
    with archive.open(entry) as file:
        head = file.read(PROLOG_BYTES).replace(b"\0", b"")  # so that UTF-16 reads like ASCII
        if entry.filename.endswith(_WHOLE):
            while file.read(PROLOG_BYTES * 16):
                pass  # raises if the part is larger than the directory says
    if _DECLARES.search(head):
        return True
    return entry.file_size > PROLOG_BYTES and re.search(rb"<\w", head) is None


def _leaves_folder(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return not parts[0] or parts[0].endswith(":") or ".." in parts


def damaged_workbook(error: Exception) -> Finding:
    """The finding for a workbook that cannot be read."""
    return Finding(
        kind="damaged_workbook",
        severity="error",
        found=excerpt(str(error)),
    )


def _unsafe(name: str) -> Finding:
    return Finding(kind="unsafe_workbook", severity="error", found=excerpt(name))


def _refuse_size(path: Path, count: int, most: int, unit: str) -> None:
    finding = Finding(
        kind="unsafe_size",
        severity="error",
        values=(("count", count), ("most", most), ("unit", Term(unit))),
    )
    raise SheetError(path, [finding])
