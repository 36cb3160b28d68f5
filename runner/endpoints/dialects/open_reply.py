"""Opens an answer of any format: one JSON value, an event stream, or an error."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Generic, TypeAlias, TypeVar, cast

from jobs.job import JSON, Failure, FailureClass
from runner.endpoints.endpoint import Rejected
from runner.protocol.errors import is_error, one_line
from runner.protocol.json_text import Undecodable, decode, with_whole_characters
from runner.protocol.sse import looks_like_events, payloads, text_outside_events

T = TypeVar("T")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
Payloads: TypeAlias = Iterable[tuple[str, JSON | Undecodable]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Generic[T]):
    """How one dialect parses an answer.

    `stream` returns None if there were no events; `cut` is the value for a stream without any.
    """

    stream: Callable[[Payloads], T | Rejected | None]
    whole: Callable[[Mapping[str, JSON]], T | Rejected]
    error: Callable[[JSON], Rejected]
    cut: T


def open_answer(body: bytes, reader: Reader[T]) -> T | Rejected:
    """The content of a body. Its format is detected, since gateways may stream unasked, or not
    stream although asked.
    """
    if looks_like_events(body):
        streamed = reader.stream(payloads(body))
        if streamed is not None:
            return _with_whole_characters(streamed) if _SURROGATE_ESCAPE.search(body) else streamed
        body = text_outside_events(body).encode()
        if not body:
            return reader.cut
    value = decode(body)
    if isinstance(value, Undecodable):
        return unusable(value.reason, value.text)
    if is_error(value):
        return reader.error(value)
    if not isinstance(value, dict):
        return unusable("not_json", str(value))
    return reader.whole(value)


def _with_whole_characters(value: T) -> T:
    """The value with surrogate pairs joined in its texts: an event may end in half a pair."""
    if isinstance(value, str | list | dict):
        return cast("T", with_whole_characters(cast("JSON", value)))
    if isinstance(value, tuple):
        return cast("T", tuple(map(_with_whole_characters, value)))
    if is_dataclass(value) and not isinstance(value, type):
        members = {item.name: getattr(value, item.name) for item in fields(value)}
        changed = {name: _with_whole_characters(one) for name, one in members.items()}
        return cast("T", replace(value, **changed))
    return value


def unusable(cause: str, text: str) -> Rejected:
    """The failure of a complete answer without usable content."""
    failure = Failure(kind=FailureClass.NO_RESULT, cause=cause, detail=one_line(text))
    return Rejected(failure=failure)
