"""Puts documents, sounds and films into requests, in each service's own form."""

import base64
from pathlib import PurePath

from jobs.job import JSON
from runner.protocol.file_types import FILE_TYPE_ENDINGS, file_type, type_by_address
from runner.protocol.pictures import Attachment

FILE_HELP = "documents (PDF), sounds or films to read: paths or addresses"
_SOUND_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3"}
"""The names of sound formats that differ from their endings, or that OpenAI documents."""


def type_of(item: Attachment) -> str:
    """The media type by the bytes, else as the file or the address says."""
    if item.data is None:
        return type_by_address(item.url or "")
    return file_type(item.data[:16]) or item.media_type or "application/pdf"


def name_of(item: Attachment) -> str:
    """A file name whose ending fits its bytes, since servers go by it."""
    ending = FILE_TYPE_ENDINGS.get(type_of(item), "")
    path = PurePath(item.name or "file")
    return path.name if path.suffix.lower() == ending else f"{path.stem}{ending}"


def base64_of(item: Attachment) -> str:
    """The bytes as base64; of an address, the address."""
    return item.url or "" if item.data is None else base64.b64encode(item.data).decode("ascii")


def _address_of(item: Attachment) -> str:
    """The address, or the file as a data URI."""
    if item.data is None:
        return item.url or ""
    return f"data:{type_of(item)};base64,{base64_of(item)}"


def chat_part(item: Attachment) -> JSON:
    """A file in a chat message. OpenAI documents PDFs and sounds, other services films too."""
    kind = type_of(item)
    if kind.startswith("audio/"):
        return _sound(item)
    if kind.startswith("video/"):
        return {"type": "video_url", "video_url": {"url": _address_of(item)}}
    return {"type": "file", "file": {"file_data": _address_of(item), "filename": name_of(item)}}


def responses_part(item: Attachment) -> JSON:
    """A file in the input of a responses request."""
    if item.data is None:
        return {"type": "input_file", "file_url": item.url or ""}
    if type_of(item) in _SOUND_FORMATS:
        return _sound(item)
    return {"type": "input_file", "file_data": _address_of(item), "filename": name_of(item)}


def document_block(item: Attachment) -> JSON:
    """A document in Anthropic's form."""
    if item.data is None:
        return {"type": "document", "source": {"type": "url", "url": item.url or ""}}
    source: JSON = {"type": "base64", "media_type": type_of(item), "data": base64_of(item)}
    return {"type": "document", "source": source}


def _sound(item: Attachment) -> JSON:
    kind = type_of(item)
    name = _SOUND_FORMATS.get(kind) or FILE_TYPE_ENDINGS.get(kind, ".wav")[1:]
    return {"type": "input_audio", "input_audio": {"data": base64_of(item), "format": name}}
