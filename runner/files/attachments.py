"""Pictures and other files that a sheet sends with a row: checked at load, read when sent."""

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
from runner.protocol.file_types import file_type
from runner.protocol.pictures import HEAD_BYTES, Attachment, describe_bytes, media_type

MAX_PICTURE_BYTES = 20 * (1 << 20)  # bytes of one picture
MAX_FILE_BYTES = 50 * (1 << 20)  # bytes of one document, sound or film

CELL_PIECE = re.compile(r"data:[^,\s]*,[^;；|\s]*|[^;；|\r\n]+")  # a data URI contains a ; itself
WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
WORKBOOK_PICTURE = re.compile(r"(.+\.(?:xlsx|xlsm))#(xl/[^#]+)", re.IGNORECASE)
"""A picture inside a workbook, as the sheet's reader names it: `a.xlsx#xl/media/1.png`."""
URL_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
EXPECTED_PICTURE = "a picture: a path below the sheet's folder, an http(s) address, or a data URI"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedFiles:
    """What a column takes: media types by their beginnings, in words, and the most bytes."""

    types: tuple[str, ...]
    words: str
    expected: str
    max_bytes: int

    def type_of(self, data: bytes) -> str | None:
        """The media type of these bytes if the column takes it, else None."""
        kind = media_type(data[:HEAD_BYTES]) or file_type(data[:HEAD_BYTES])
        return kind if kind is not None and kind.startswith(self.types) else None


PICTURES_ONLY = AcceptedFiles(
    types=("image/",),
    words="PNG, JPEG, GIF or WebP",
    expected=EXPECTED_PICTURE,
    max_bytes=MAX_PICTURE_BYTES,
)
_WORD_BY_TYPE = {
    "application/pdf": "PDF",
    "audio/": "audio",
    "video/": "video",
    "image/": "pictures",
}


def accepted(types: Sequence[str]) -> AcceptedFiles:
    """What a column of files takes; a column without types takes pictures."""
    if not types:
        return PICTURES_ONLY
    words = " or ".join(_WORD_BY_TYPE.get(one, one) for one in types)
    expected = (
        f"a file ({words}): a path below the sheet's folder, an http(s) address, or a data URI"
    )
    return AcceptedFiles(
        types=tuple(types), words=words, expected=expected, max_bytes=MAX_FILE_BYTES
    )


ANYTHING = accepted(("image/", "application/pdf", "audio/", "video/"))
"""What is read when a row is sent: its column checked it at load, and the digest says it is it."""


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


def resolve(
    cell: JSON,
    *,
    folder: Path,
    allowed: Sequence[Path] = (),
    accepts: AcceptedFiles = PICTURES_ONLY,
) -> list[Reference]:
    """The pictures or files of one cell, all checked; separators are line breaks and ; ； |.

    A list (also as JSON in a text cell) is taken as it is. Raises AttachmentError.
    """
    return [_reference(text, folder, allowed, accepts) for text in _pieces(cell, accepts)]


def load(reference: Reference, *, folder: Path, allowed: Sequence[Path] = ()) -> Attachment:
    """Read the picture for sending. A file that changed since `resolve` is refused."""
    if reference.kind == "url":
        return Attachment(url=reference.value)
    if reference.kind == "data":
        data = _unpacked(reference.value, ANYTHING)
        return Attachment(data=data, media_type=_checked_type(data, "the data URI", ANYTHING))
    path, data, _ = _opened(reference.value, folder, allowed, ANYTHING)
    return checked_attachment(data, reference, name=path.name)


def checked_attachment(data: bytes, reference: Reference, *, name: str) -> Attachment:
    """The bytes of a local file for sending, if they are those that the sheet was read with."""
    if _digest(data) != reference.digest:
        raise AttachmentError(
            f"{reference.value!r}, which has changed since the sheet was read",
            "the same picture; load the sheet again to use the new one",
        )
    kind = _checked_type(data, repr(reference.value), ANYTHING)
    return Attachment(data=data, media_type=kind, name=name)


def _pieces(cell: JSON, accepts: AcceptedFiles) -> Iterator[str]:
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError) as error:
            raise AttachmentError(
                f"{_short(cell)}, which is no JSON list", accepts.expected
            ) from error
    if cell is None:
        return
    if isinstance(cell, str):
        yield from filter(None, (piece.strip() for piece in CELL_PIECE.findall(cell)))
        return
    if not isinstance(cell, list):
        raise AttachmentError(_short(cell), accepts.expected)
    for item in cell:
        if not isinstance(item, str) or not item.strip():
            raise AttachmentError(f"a list with {_short(item)} in it", accepts.expected)
        yield item.strip()


def _reference(
    text: str, folder: Path, allowed: Sequence[Path], accepts: AcceptedFiles
) -> Reference:
    if text[:5].lower() == "data:":
        data = _unpacked(text, accepts)
        _checked_type(data, _short(text), accepts)
        return Reference(kind="data", value=text, size=len(data))
    if text[:7].lower() == "http://" or text[:8].lower() == "https://":
        _check_address(text)
        return Reference(kind="url", value=text)
    _, data, status = _opened(text, folder, allowed, accepts)
    _checked_type(data, repr(text), accepts)
    return Reference(
        kind="file",
        value=text,
        digest=_digest(data),
        size=len(data),
        mtime_ns=status.st_mtime_ns,
    )


def _opened(
    text: str, folder: Path, allowed: Sequence[Path], accepts: AcceptedFiles
) -> tuple[Path, bytes, os.stat_result]:
    """An allowed file, or a picture in an allowed workbook."""
    inside = WORKBOOK_PICTURE.fullmatch(text)
    if inside is None:
        path = _allowed_path(text, folder, allowed, accepts.expected)
        return path, *_read(path, text, accepts)
    from jobs.sheet.workbook.package import read_member  # noqa: PLC0415 - for workbooks only

    path = _allowed_path(inside[1], folder, allowed, accepts.expected)
    try:
        status = path.stat()
        _check_regular_file(status, text, accepts)
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


def _unpacked(text: str, accepts: AcceptedFiles) -> bytes:
    head, _, packed = text.partition(",")
    if not head.lower().endswith(";base64"):
        raise AttachmentError(_short(text), "a data URI with ;base64,")
    if len(packed) > accepts.max_bytes * 4 // 3 + 4:
        raise AttachmentError(
            "a data URI that is too large", f"at most {accepts.max_bytes >> 20} MB"
        )
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AttachmentError(f"{_short(text)}, which is no base64", accepts.expected) from error


def _allowed_path(text: str, folder: Path, allowed: Sequence[Path], expected: str) -> Path:
    """The real path of a file that may be sent; other files are never opened."""
    if text.startswith(
        ("\\\\", "//", "/\\", "\\/")
    ):  # even a stat of \\host\share sends a Windows login
        raise AttachmentError(f"{_short(text)}, a network path", expected)
    if text.startswith("~") or "\0" in text:
        raise AttachmentError(_short(text), expected)
    if not WINDOWS_DRIVE.match(text) and (
        URL_SCHEME.match(text) or (os.name == "nt" and ":" in text)
    ):
        raise AttachmentError(f"{_short(text)}, which is neither http nor https", expected)
    roots = [folder, *allowed]
    wanted = os.path.normpath(folder.absolute() / text.replace("\\", "/"))
    if not any(_is_below(wanted, os.path.normpath(root.absolute())) for root in roots):
        raise _outside(text)
    try:
        real = os.path.realpath(wanted, strict=True)
    except (OSError, ValueError) as error:
        raise AttachmentError(f"{_short(text)}, which does not exist", expected) from error
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


def _read(path: Path, text: str, accepts: AcceptedFiles) -> tuple[bytes, os.stat_result]:
    """The bytes of a regular file; pipes and devices are never opened."""
    try:
        _check_regular(path.stat(), text, accepts)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _check_regular(status, text, accepts)
            head = _head_first(file.read(HEAD_BYTES), text, accepts)
            return head + file.read(accepts.max_bytes), status
    except OSError as error:
        found = f"{_short(text)}, which cannot be read ({error.strerror})"
        raise AttachmentError(found, "a file that may be read") from error


def _head_first(head: bytes, text: str, accepts: AcceptedFiles) -> bytes:
    _checked_type(
        head, repr(text), accepts
    )  # before reading the rest: most files in a folder are not pictures
    return head


def _check_regular_file(status: os.stat_result, text: str, accepts: AcceptedFiles) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise AttachmentError(f"{_short(text)}, which is no file", accepts.expected)


def _check_regular(status: os.stat_result, text: str, accepts: AcceptedFiles) -> None:
    _check_regular_file(status, text, accepts)
    if status.st_size > accepts.max_bytes:
        size = f"{status.st_size / (1 << 20):.1f} MB"
        raise AttachmentError(f"{_short(text)} of {size}", f"at most {accepts.max_bytes >> 20} MB")


def _checked_type(data: bytes, name: str, accepts: AcceptedFiles) -> str:
    kind = accepts.type_of(data)
    if kind is None:
        known = media_type(data[:HEAD_BYTES]) or file_type(data[:HEAD_BYTES])
        raise AttachmentError(f"{name}: {known or describe_bytes(data[:512])}", accepts.words)
    return kind


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def _short(value: JSON) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= 80 else f"{text[:77]}…")
