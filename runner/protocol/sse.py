"""Parses Server-Sent Events from the bytes of a response."""

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.job import JSON
from runner.protocol.json_text import Undecodable, decode_alone, decode_with_halves

_FIELD_NAMES = frozenset({b"data", b"event", b"id", b"retry"})
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event; `name` is empty if the server sent none."""

    name: str
    data: str


def events(body: bytes) -> Iterator[ServerSentEvent]:
    """The events that carry data, parsed as the WHATWG standard says.

    One exception: the last event counts even without the blank line after it, because the body is
    known to be complete.
    """
    name, data = b"", list[bytes]()
    for line in _lines(body):
        if not line:
            if data:
                yield _event(name, data)
            name, data = b"", []
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    if data:
        yield _event(name, data)


def text_outside_events(body: bytes) -> str:
    """The lines that are neither comment nor field: an error after pings, or no stream at all."""
    lines = (line for line in _lines(body) if line and line.partition(b":")[0] not in _FIELD_NAMES)
    return b"\n".join(line for line in lines if not line.startswith(b":")).decode(
        "utf-8", "replace"
    )


def payloads(body: bytes) -> Iterator[tuple[str, JSON | Undecodable]]:
    """Name and JSON of each event, without empty events and the `[DONE]` mark.

    A surrogate pair may be split across two events; see `decode_with_halves`. Some servers leave
    out the blank lines between events; then each data line is parsed on its own.
    """
    for event in events(body):
        text = event.data.strip()
        if not text or text.startswith("[DONE]"):
            continue
        value = decode_alone(text) if "\n" in text else decode_with_halves(text)
        if not isinstance(value, Undecodable) or "\n" not in text:
            yield event.name, value
            continue
        for line in text.split("\n"):
            if line.strip() and not line.startswith("[DONE]"):
                yield event.name, decode_with_halves(line)


def looks_like_events(body: bytes) -> bool:
    """True if the body starts like an event stream; the content type does not count."""
    head = body[:4096].removeprefix(_BOM).lstrip()
    return head.startswith((b":", b"data:", b"event:", b"id:", b"retry:"))


def _lines(body: bytes) -> list[bytes]:
    # bytes.splitlines splits at LF, CR and CRLF only, as the standard says
    return body.removeprefix(_BOM).splitlines()


def _event(name: bytes, data: list[bytes]) -> ServerSentEvent:
    return ServerSentEvent(
        name=name.decode("utf-8", "replace"), data=b"\n".join(data).decode("utf-8", "replace")
    )
