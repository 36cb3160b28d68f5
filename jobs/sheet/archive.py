"""Checks a workbook's zip directory before anything is unpacked."""

import zipfile
from pathlib import Path

from jobs.sheet.finding import Finding, SheetError, excerpt

LARGEST = 1_000_000_000  # bytes after unpacking
DENSEST = 200  # unpacked bytes for each packed byte
MOST = 10_000  # entries
SMALL = 10_000_000  # bytes; less cannot hurt, however densely it is packed


def check_archive(path: Path) -> None:
    """Raises SheetError for a damaged zip, and for one that would flood disk or memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise SheetError(path, [_damaged(error)]) from error
    total = sum(entry.file_size for entry in entries)
    packed = max(path.stat().st_size, 1)
    if len(entries) > MOST:
        _refuse(path, f"{len(entries):,} entries", f"at most {MOST:,} entries")
    if total > LARGEST:
        _refuse(path, f"{total:,} bytes unpacked", f"at most {LARGEST:,} bytes")
    if total > SMALL and total > DENSEST * packed:
        _refuse(path, f"packed {total // packed}:1", f"at most {DENSEST}:1")
    for entry in entries:
        if _leaves_folder(entry.filename):
            _refuse(path, f"an entry named {excerpt(entry.filename)}", "names inside the workbook")


def _leaves_folder(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return not parts[0] or parts[0].endswith(":") or ".." in parts


def _damaged(error: Exception) -> Finding:
    return Finding(
        kind="damaged_workbook",
        severity="error",
        found=excerpt(str(error)),
        message="the workbook is damaged or only half there; copy it again, or open it in Excel"
        " and save it as a new .xlsx",
    )


def _refuse(path: Path, found: str, expected: str) -> None:
    finding = Finding(
        kind="unsafe_workbook",
        severity="error",
        found=found,
        expected=expected,
        message="the workbook is refused because it is not built like one; open it in Excel and"
        " save the sheet as a new .xlsx, or as CSV UTF-8",
    )
    raise SheetError(path, [finding])
