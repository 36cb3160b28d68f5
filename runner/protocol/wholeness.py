"""Decides from a body alone whether it is complete, however the transport ended or labelled it."""

import re

from runner.protocol.json_text import decode
from runner.protocol.sse import looks_like_events

_BLANK_BYTES = b"\xef\xbb\xbf \t\r\n"
_END_MARK = re.compile(
    rb"""(?:^|[\r\n])(?:data:\s*(?:\[DONE\]|\{\s*"type"\s*:\s*"message_stop")|event:\s*message_stop)"""
)


def is_whole(body: bytes) -> bool:
    """True for complete JSON, and for an event stream with its end mark."""
    if looks_like_json(body):
        return isinstance(decode(body), dict | list)
    return looks_like_events(body) and has_end_mark(body)


def looks_like_json(body: bytes) -> bool:
    """True if the body starts like a JSON object or list."""
    return body.lstrip(_BLANK_BYTES)[:1] in (b"{", b"[")


def has_end_mark(lines: bytes) -> bool:
    """True if these lines of an event stream contain `[DONE]` or Anthropic's `message_stop`.

    The mark ends the stream, not the answer: New API sends [DONE] even after an upstream abort.
    """
    return _END_MARK.search(lines) is not None


_TERMINAL_EVENT = re.compile(rb"response\.(?:completed|incomplete|failed)")


def ends_response(event: bytes, data_head: bytes) -> bool:
    """True if a whole event of this name, whose data starts like this, ends a responses stream.

    Its data is the whole answer: the name alone proves nothing, unlike `message_stop`.
    """
    name = event or data_head.partition(b'"type":')[2].lstrip()[1:30]
    return data_head.startswith(b"{") and _TERMINAL_EVENT.match(name) is not None
