"""Detects a picture's format and checks that the file is complete, without decoding it."""

import base64
import re
import zlib
from dataclasses import dataclass, field
from typing import TypeAlias

Bytes: TypeAlias = "bytes | memoryview"

FILE_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
HEAD_BYTES = 16  # bytes that `media_type` needs

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # any marker except restart and fill
JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {
    0xC4,
    0xC8,
    0xCC,
}  # JPEG markers that hold the size


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """An input picture: a URL that the provider fetches, or the bytes of a file."""

    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFormat:
    """The format of a complete picture; width and height in pixels."""

    media_type: str
    width: int
    height: int

    @property
    def ending(self) -> str:
        """The file name ending by the bytes; the URL and the server's media type do not count."""
        return FILE_ENDINGS.get(self.media_type, ".svg")


def decode_base64(text: str) -> bytes:
    """The decoded bytes of base64 as services write it: either alphabet, with or without white
    space, padding, or the head of a data URI. Raises ValueError for anything else.
    """
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    written = text if text.isascii() else "".join(text.split())  # no-break spaces and the like
    if not written.isascii():
        raise ValueError("this is no base64")
    plain = written.encode().translate(_STANDARD_ALPHABET, _BLANKS).rstrip(b"=")
    if len(plain) % 4 == 1:
        raise ValueError("this is no base64")
    return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)


_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"  # what `str.split` splits at


class NotAPictureError(Exception):
    """The bytes are of no kind that is kept, or are damaged."""


class CutPictureError(Exception):
    """The bytes start as a file that is kept, but it is truncated."""


def media_type(head: bytes) -> str | None:
    """The media type of the picture that starts with these bytes, or None."""
    if head.startswith(PNG_SIGNATURE):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def inspect(data: Bytes) -> PictureFormat:
    """Parses the file's structure to its end. Raises NotAPictureError or CutPictureError.

    Most decoders open a truncated picture without complaint, so the end marker decides: PNG's IEND
    with all checksums, JPEG's EOI, GIF's trailer, WebP's RIFF length. Bytes after it are harmless:
    cameras and servers add some.
    """
    with memoryview(data) as view:  # released at once, so that a memory-mapped file can be closed
        kind = media_type(bytes(view[:HEAD_BYTES]))
        if kind is None:
            raise NotAPictureError(describe_bytes(bytes(view[:512])))
        try:
            width, height = WALKERS[kind](view)
        except IndexError as error:
            raise CutPictureError(f"{kind} ends too early, after {len(view):,} bytes") from error
    if not width or not height:
        raise NotAPictureError(f"{kind} without width or height")
    return PictureFormat(media_type=kind, width=width, height=height)


def describe_bytes(head: bytes) -> str:
    """What a file that is not a picture appears to be, in plain words."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "an empty file"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page"
    if text.startswith((b"<?xml", b"<error")):
        return "an XML document"
    if text.startswith(b"<svg"):
        return "an SVG drawing"
    if text.startswith((b"{", b"[")):
        return "JSON"
    return f"unknown bytes ({head[:8].hex(' ')})"


def _require(view: memoryview, end: int) -> None:
    if end > len(view):
        raise IndexError(end)


def _big_endian(view: memoryview, start: int, length: int) -> int:
    _require(view, start + length)
    return int.from_bytes(view[start : start + length], "big")


def _little_endian(view: memoryview, start: int, length: int) -> int:
    _require(view, start + length)
    return int.from_bytes(view[start : start + length], "little")


def _png(view: memoryview) -> tuple[int, int]:
    at, size, pixels = len(PNG_SIGNATURE), (0, 0), False
    while True:
        length = _big_endian(view, at, 4)
        end = at + 12 + length
        kind = bytes(view[at + 4 : at + 8])
        if at == len(PNG_SIGNATURE) and kind != b"IHDR":
            raise NotAPictureError("a PNG without its header")
        if _big_endian(view, end - 4, 4) != zlib.crc32(view[at + 4 : end - 4]):
            raise NotAPictureError(f"a PNG with a damaged {kind!r} part")
        if kind == b"IHDR":
            size = _big_endian(view, at + 8, 4), _big_endian(view, at + 12, 4)
        pixels = pixels or kind == b"IDAT"
        if kind == b"IEND":
            if not pixels:
                raise NotAPictureError("a PNG without pixels")
            return size
        at = end


def _jpeg(view: memoryview) -> tuple[int, int]:
    at, size, pixels = 2, (0, 0), False
    while True:
        if _big_endian(view, at, 1) != 0xFF:
            raise NotAPictureError("a damaged JPEG")
        marker = _big_endian(view, at + 1, 1)
        if marker == 0xFF:  # fill
            at += 1
        elif marker == 0xD9:
            if not pixels:
                raise NotAPictureError("a JPEG without pixels")
            return size
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            length = _big_endian(view, at + 2, 2)
            if marker in JPEG_FRAME_MARKERS:
                size = _big_endian(view, at + 7, 2), _big_endian(view, at + 5, 2)
            at += 2 + max(length, 2)
            if marker == 0xDA:
                pixels = True
                at = _end_of_scan(view, at)


def _end_of_scan(view: memoryview, start: int) -> int:
    found = JPEG_SCAN_END.search(view, start)
    if found is None:
        raise IndexError(start)
    return found.start()


def _gif(view: memoryview) -> tuple[int, int]:
    size = _little_endian(view, 6, 2), _little_endian(view, 8, 2)
    at, pixels = 13 + _colour_table_bytes(_big_endian(view, 10, 1)), False
    while True:
        block = _big_endian(view, at, 1)
        if block == 0x3B:
            if not pixels:
                raise NotAPictureError("a GIF without pixels")
            return size
        if block == 0x21:
            at = _skip_blocks(view, at + 2)
        elif block == 0x2C:
            pixels = True
            at = _skip_blocks(view, at + 11 + _colour_table_bytes(_big_endian(view, at + 9, 1)))
        else:
            raise NotAPictureError("a damaged GIF")


def _colour_table_bytes(flags: int) -> int:
    """Size in bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(view: memoryview, at: int) -> int:
    while True:
        length = _big_endian(view, at, 1)
        at += 1 + length
        if not length:
            return at


def _webp(view: memoryview) -> tuple[int, int]:
    _require(view, 8 + _little_endian(view, 4, 4))
    kind = bytes(view[12:16])
    if kind == b"VP8X":
        return _little_endian(view, 24, 3) + 1, _little_endian(view, 27, 3) + 1
    if kind == b"VP8L":
        bits = _little_endian(view, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return _little_endian(view, 26, 2) & 0x3FFF, _little_endian(view, 28, 2) & 0x3FFF
    raise NotAPictureError("a WebP of an unknown kind")


WALKERS = {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/webp": _webp}
