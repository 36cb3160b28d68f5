"""Pictures that a sheet sends with a row: found and checked at load, read when sent."""

import base64
import binascii
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from jobs.job import JSON
from jobs.sheet.workbook.package import read_member
from runner.protocol.pictures import HEAD_BYTES, Attachment, describe_bytes, media_type

MAX_PICTURE_BYTES = 20 * (1 << 20)  # bytes of one picture

CELL_PIECE = re.compile(r"data:[^,\s]*,[^;；|\s]*|[^;；|\r\n]+")  # a data URI contains a ; itself
WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
WORKBOOK_PICTURE = re.compile(r"(.+\.(?:xlsx|xlsm))#(xl/[^#]+)", re.IGNORECASE)
"""A picture inside a workbook, as the sheet's reader names it: `a.xlsx#xl/media/1.png`."""
URL_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
EXPECTED_PICTURE = "a picture: a path below the sheet's folder, an http(s) address, or a data URI"


class AttachmentError(Exception):
    """A cell does not lead to a picture that may be sent."""

    def __init__(self, found: str, expected: str = EXPECTED_PICTURE) -> None:
        super().__init__(f"found {found}, expected {expected}")
        self.found = found
        self.expected = expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One picture as its cell names it. For a file, `digest` is the BLAKE2b of its bytes."""

    kind: Literal["url", "file", "data"]
    value: str = field(repr=False)
    digest: str | None = None
    size: int = 0
    mtime_ns: int = 0

    @property
    def is_inside(self) -> bool:
        """True for a part of a workbook, False for a file of its own."""
        return self.kind == "file" and WORKBOOK_PICTURE.fullmatch(self.value) is not None


def resolve(cell: JSON, *, folder: Path, allowed: Sequence[Path] = ()) -> list[Reference]:
    """The pictures of one cell, all checked; separators are line breaks and ; ； |.

    A list (also as JSON in a text cell) is taken as it is. Raises AttachmentError.
    """
    return [_reference(text, folder, allowed) for text in _pieces(cell)]


def load(reference: Reference, *, folder: Path, allowed: Sequence[Path] = ()) -> Attachment:
    """Read the picture for sending. A file that changed since `resolve` is refused."""
    if reference.kind == "url":
        return Attachment(url=reference.value)
    if reference.kind == "data":
        data = _unpacked(reference.value)
        return Attachment(data=data, media_type=_checked_type(data, "the data URI"))
    path, data, _ = _opened(reference.value, folder, allowed)
    if _digest(data) != reference.digest:
        raise AttachmentError(
            f"{reference.value!r}, which has changed since the sheet was read",
            "the same picture; load the sheet again to use the new one",
        )
    kind = _checked_type(data, repr(reference.value))
    return Attachment(data=data, media_type=kind, name=path.name)


def _pieces(cell: JSON) -> Iterator[str]:
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError) as error:
            raise AttachmentError(
                f"{_short(cell)}, which is no JSON list", EXPECTED_PICTURE
            ) from error
    if cell is None:
        return
    if isinstance(cell, str):
        yield from filter(None, (piece.strip() for piece in CELL_PIECE.findall(cell)))
        return
    if not isinstance(cell, list):
        raise AttachmentError(_short(cell))
    for item in cell:
        if not isinstance(item, str) or not item.strip():
            raise AttachmentError(f"a list with {_short(item)} in it")
        yield item.strip()


def _reference(text: str, folder: Path, allowed: Sequence[Path]) -> Reference:
    if text[:5].lower() == "data:":
        data = _unpacked(text)
        _checked_type(data, _short(text))
        return Reference(kind="data", value=text, size=len(data))
    if text[:7].lower() == "http://" or text[:8].lower() == "https://":
        _check_address(text)
        return Reference(kind="url", value=text)
    _, data, status = _opened(text, folder, allowed)
    _checked_type(data, repr(text))
    return Reference(
        kind="file",
        value=text,
        digest=_digest(data),
        size=len(data),
        mtime_ns=status.st_mtime_ns,
    )


def _opened(text: str, folder: Path, allowed: Sequence[Path]) -> tuple[Path, bytes, os.stat_result]:
    """An allowed file, or a picture in an allowed workbook."""
    inside = WORKBOOK_PICTURE.fullmatch(text)
    if inside is None:
        path = _allowed_path(text, folder, allowed)
        return path, *_read(path, text)
    path = _allowed_path(inside[1], folder, allowed)
    try:
        status = path.stat()
        _check_regular_file(status, text)
        data = read_member(path, inside[2], MAX_PICTURE_BYTES)
    except (OSError, ValueError) as error:
        raise AttachmentError(
            f"{_short(text)}, which is not in the workbook", EXPECTED_PICTURE
        ) from error
    if len(data) > MAX_PICTURE_BYTES:
        raise AttachmentError(
            f"{_short(text)}, which is too large", f"at most {MAX_PICTURE_BYTES >> 20} MB"
        )
    return Path(inside[2]), data, status


def _check_address(text: str) -> None:
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError as error:
        raise AttachmentError(_short(text), "a complete address") from error
    if not good or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise AttachmentError(
            f"{_short(text)}, which no server can be asked for",
            "an address with a host, without user name and without blanks",
        )


def _unpacked(text: str) -> bytes:
    head, _, packed = text.partition(",")
    if not head.lower().endswith(";base64"):
        raise AttachmentError(_short(text), "a data URI with ;base64,")
    if len(packed) > MAX_PICTURE_BYTES * 4 // 3 + 4:
        raise AttachmentError(
            "a data URI that is too large", f"at most {MAX_PICTURE_BYTES >> 20} MB"
        )
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AttachmentError(f"{_short(text)}, which is no base64", EXPECTED_PICTURE) from error


def _allowed_path(text: str, folder: Path, allowed: Sequence[Path]) -> Path:
    """The real path of a file that may be sent; other files are never opened."""
    if text.startswith(
        ("\\\\", "//", "/\\", "\\/")
    ):  # even a stat of \\host\share sends a Windows login
        raise AttachmentError(f"{_short(text)}, a network path", EXPECTED_PICTURE)
    if text.startswith("~") or "\0" in text:
        raise AttachmentError(_short(text), EXPECTED_PICTURE)
    if not WINDOWS_DRIVE.match(text) and (
        URL_SCHEME.match(text) or (os.name == "nt" and ":" in text)
    ):
        raise AttachmentError(f"{_short(text)}, which is neither http nor https", EXPECTED_PICTURE)
    roots = [folder, *allowed]
    wanted = os.path.normpath(folder.absolute() / text.replace("\\", "/"))
    if not any(_is_below(wanted, os.path.normpath(root.absolute())) for root in roots):
        raise _outside(text)
    try:
        real = os.path.realpath(wanted, strict=True)
    except (OSError, ValueError) as error:
        raise AttachmentError(f"{_short(text)}, which does not exist", EXPECTED_PICTURE) from error
    if not any(_is_below(real, os.path.realpath(root)) for root in roots):
        raise _outside(text)
    return Path(real)


def _is_below(path: str, root: str) -> bool:
    return Path(path).is_relative_to(root)


def _outside(text: str) -> AttachmentError:
    return AttachmentError(
        f"{_short(text)}, which lies outside the sheet's folder",
        "a path below it; --files-from DIR allows one more folder",
    )


def _read(path: Path, text: str) -> tuple[bytes, os.stat_result]:
    """The bytes of a regular file; pipes and devices are never opened."""
    try:
        _check_regular(path.stat(), text)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _check_regular(status, text)
            return _head_first(file.read(HEAD_BYTES), text) + file.read(MAX_PICTURE_BYTES), status
    except OSError as error:
        found = f"{_short(text)}, which cannot be read ({error.strerror})"
        raise AttachmentError(found, "a file that may be read") from error


def _head_first(head: bytes, text: str) -> bytes:
    _checked_type(
        head, repr(text)
    )  # before reading the rest: most files in a folder are not pictures
    return head


def _check_regular_file(status: os.stat_result, text: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise AttachmentError(f"{_short(text)}, which is no file", EXPECTED_PICTURE)


def _check_regular(status: os.stat_result, text: str) -> None:
    _check_regular_file(status, text)
    if status.st_size > MAX_PICTURE_BYTES:
        size = f"{status.st_size / (1 << 20):.1f} MB"
        raise AttachmentError(f"{_short(text)} of {size}", f"at most {MAX_PICTURE_BYTES >> 20} MB")


def _checked_type(data: bytes, name: str) -> str:
    kind = media_type(data[:HEAD_BYTES])
    if kind is None:
        raise AttachmentError(f"{name}: {describe_bytes(data[:512])}", "PNG, JPEG, GIF or WebP")
    return kind


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def _short(value: JSON) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= 80 else f"{text[:77]}…")
