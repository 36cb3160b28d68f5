"""Recognises by its first bytes what a file really is."""

import zipfile
from pathlib import Path

from jobs.sheet.workbook.archive import ARCHIVE_ERRORS

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"PAR1", "parquet"),
    (b"%PDF-", "pdf"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
    (b"\x89PNG\r\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_WEB = (b"<!doctype html", b"<html", b"<head", b"<table", b"<meta")
_WORKBOOK_PARTS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
_BOMS = (b"\xef\xbb\xbf",)
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TEXT_BYTES = bytes({*b"\t\n\v\f\r\x1b", *range(32, 256)})


def real_kind(path: Path) -> str:
    """`text`, `zip workbook`, `ole`, `parquet`, `web page`, `xml`, or a kind that is no sheet.

    Each kind, also `pdf`, `zip` and so on, is a term of the catalogue.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(_ZIP):
        return "zip workbook" if _holds_workbook(path) else "zip"
    for bom in _BOMS:
        head = head.removeprefix(bom)
    text = head.lstrip().lower()
    if text.startswith(b"<?xml"):
        return "web page" if b"<html" in text else "xml"
    if text.startswith(_WEB):
        return "web page"
    return "binary" if _is_binary(head) else "text"


def _is_binary(head: bytes) -> bool:
    """True if no text holds such bytes. UTF-16 and UTF-32 have NULs, but then at regular places."""
    controls = head.translate(None, _TEXT_BYTES)
    if head.startswith(_WIDE_MARKS) or not controls.strip(b"\0"):
        return False  # with no other control bytes than NUL it is for the encoding to decide
    return len(controls) * 50 > len(head)


def _holds_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.replace("\\", "/").lstrip("/").lower() for name in archive.namelist()}
    except ARCHIVE_ERRORS:
        return True  # damaged: the workbook reader explains it better
    return any(part in names for part in _WORKBOOK_PARTS)
