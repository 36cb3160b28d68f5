"""Tells documents, sounds and films that a row may send by their first bytes."""

import mimetypes
from collections.abc import Mapping
from urllib.parse import urlsplit

FILE_TYPE_BYTES = 16  # bytes that `file_type` needs
FILE_TYPE_ENDINGS: Mapping[str, str] = {
    "application/pdf": ".pdf",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/aac": ".aac",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
}
"""The media types of such files, each with the ending of its file names."""
_STARTS = (
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_BRANDS = {b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime"}
_SAME_TYPES = {
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
    "audio/webm": "video/webm",
}


def file_type(head: bytes) -> str | None:
    """The media type of the document, sound or film that starts with these bytes, or None."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08:
        return "audio/aac" if head[1] & 0xF6 == 0xF0 else "audio/mpeg"
    return next((kind for start, kind in _STARTS if head.startswith(start)), None)


def type_by_address(address: str) -> str:
    """The media type that an address's ending stands for; a document's if it has none."""
    guessed = mimetypes.guess_type(urlsplit(address).path)[0] or "application/pdf"
    return _SAME_TYPES.get(guessed, guessed)
