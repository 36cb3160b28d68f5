"""What goes out, and what can come back: the values between endpoints and the transport."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from jobs.job import JSON

_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body; a file part has a file name and a media type."""

    name: str
    content: bytes = field(repr=False)
    filename: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBody:
    """The bytes of a request's body; both fields are empty if the call has no body."""

    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as an endpoint wants it: no host, no key; on POST, either `json` or `parts`.

    `path` is the full path below the normalised base URL (protocol.md 1.1). `timeout` is the total
    deadline in seconds, connecting included. `fresh` asks for a connection of its own. `encoded` is
    the body once it has been put into bytes.
    """

    path: str
    method: str = "POST"
    json: Mapping[str, JSON] | None = None
    parts: tuple[Part, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    timeout: float = 300.0
    fresh: bool = False
    encoded: EncodedBody | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete answer: its last byte was read, or it is whole by its own syntax.

    `body` is decompressed; of a streamed answer it is the whole event stream, which the dialect
    reads. `headers` have lower-case names.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float = 0.0

    @property
    def text(self) -> bytes:
        """The body in UTF-8, whatever charset its content type names; what is read goes by this.

        A charset that is unknown, or that the bytes contradict, does not count.
        """
        found = _CHARSET.search(self.headers.get("content-type", ""))
        if found is None or found[1].lower() in ("utf-8", "utf8", "us-ascii", "ascii"):
            return self.body
        for charset in ("utf-8", found[1]):
            with suppress(LookupError, ValueError):
                return self.body.decode(charset).encode()
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Wire class A: no request byte left, by the transport's own trace. Free to repeat."""

    cause: str  # dns, refused, connect_timeout, tls, proxy, http2_only, other
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Wire class D: bytes left, and no complete answer came back. It may have been billed."""

    cause: str  # timeout, reset, closed, cut, encoding, too_large, not_http
    detail: str = ""
    by_time: bool = False  # our own deadline cut it
    status: int | None = None  # where a status line came
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)  # what came of it
    seconds: float = 0.0


Delivery: TypeAlias = Reply | NotSent | Lost
