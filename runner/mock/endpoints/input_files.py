"""Checks the files inside a request, as strictly as the services that take them."""

import base64
import binascii
from typing import Any

from runner.mock.validation import wrong

_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"RIFF", "audio/wav"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)


def kind_of(content: bytes) -> str:
    """The media type of a file by its first bytes; empty if unknown."""
    if content[4:8] == b"ftyp":
        return "audio/mp4" if content[8:11] == b"M4A" else "video/mp4"
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), "")


def checked_data(data: Any, place: str, told: str = "") -> str:
    """A description of a file in base64, whose media type must be the one that its bytes show."""
    try:
        content = base64.b64decode(str(data), validate=True)
    except (binascii.Error, ValueError):
        wrong("The file data is not valid base64.", place, "invalid_value")
    kind = kind_of(content)
    if not kind or (told and told.replace("x-wav", "wav") != kind):
        wrong(f"The file is {kind or 'unknown'}, and was said to be {told!r}.", place)
    return f"{kind} of {len(content)} bytes"


def checked_file(part: dict[str, Any], place: str) -> str:
    """A description of a file part: data URI with a name, or an address."""
    if isinstance(url := part.get("file_url"), str) and url.startswith(("http://", "https://")):
        return "a file at an address"
    data, name = part.get("file_data"), part.get("filename")
    if not isinstance(data, str) or not data.startswith("data:") or not isinstance(name, str):
        wrong("A file needs 'file_data', a data URI, and 'filename'.", place, "invalid_value")
    head, _, coded = data.partition(",")
    return checked_data(coded, place, head.removeprefix("data:").removesuffix(";base64"))


def checked_sound(given: Any, place: str) -> str:
    """A description of a sound: base64 and the name of its format, which its bytes must show."""
    if not isinstance(given, dict) or not isinstance(given.get("format"), str):
        wrong("A sound needs 'data' and 'format'.", place, "invalid_value")
    if str(given.get("data")).startswith(("http://", "https://")):
        return "a sound at an address"
    told = _TYPE_BY_FORMAT.get(given["format"], f"audio/{given['format']}")
    return checked_data(given.get("data"), place, told)


def checked_address(given: Any, place: str) -> str:
    """A description of a film: an object with its address or data URI."""
    url = given.get("url") if isinstance(given, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "data:video/")):
        wrong("A film needs an object with a 'url'.", place, "invalid_value")
    if not url.startswith("data:"):
        return "a film at an address"
    head, _, coded = url.partition(",")
    return checked_data(coded, place, head.removeprefix("data:").removesuffix(";base64"))


_TYPE_BY_FORMAT = {"mp3": "audio/mpeg", "m4a": "audio/mp4"}
