"""Opens an answer in whichever form it came: one JSON value, an event stream, or an error."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from jobs.job import JSON, Failure, FailureClass
from runner.endpoints.endpoint import Rejected
from runner.protocol.errors import is_error, one_line
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.sse import looks_like_events, payloads, text_outside_events

T = TypeVar("T")
Payloads: TypeAlias = Iterable[tuple[str, JSON | Undecodable]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Generic[T]):
    """How one dialect reads what is inside.

    `stream` gives None where no event came at all; `cut` stands for a stream without any.
    """

    stream: Callable[[Payloads], T | Rejected | None]
    whole: Callable[[Mapping[str, JSON]], T | Rejected]
    error: Callable[[JSON], Rejected]
    cut: T


def open_answer(body: bytes, reader: Reader[T]) -> T | Rejected:
    """What the body holds: gateways stream unasked, and the other way round."""
    if looks_like_events(body):
        streamed = reader.stream(payloads(body))
        if streamed is not None:
            return streamed
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


def unusable(cause: str, text: str) -> Rejected:
    """A complete answer that holds nothing of use."""
    failure = Failure(kind=FailureClass.NO_RESULT, cause=cause, detail=one_line(text))
    return Rejected(failure=failure)
