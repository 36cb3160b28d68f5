"""The values that pass between endpoints and the transport: a request and its outcomes."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from jobs.job import JSON

KEY_PLACE = "{key}"
"""Stands for the key in a header, of the settings or of a call."""
_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body; a file part has a file name and a media type."""

    name: str
    content: bytes = field(repr=False)
    filename: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyFile:
    """A file whose bytes are part of a body, too many for memory; `tail` comes after them.

    A file that has another size when it is sent is not sent. `digest` is of the file's bytes.
    """

    path: Path
    size: int
    digest: str
    tail: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBody:
    """The bytes of a request's body: `content`, then the file, if any.

    The first two fields are empty if the call has no body.
    """

    content: bytes = field(repr=False)
    media_type: str
    file: BodyFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as an endpoint builds it, without host and key; a POST has `json` or `parts`.

    `path` is the full path below the normalised base URL. A header with KEY_PLACE in it carries the
    key, instead of Authorization. `timeout` is the total deadline in seconds, including connecting.
    `fresh` asks for a new connection. `base_url` replaces the target's: another address of the same
    provider, by shipped data or the person's settings. `encoded` is the body once it has been
    serialised. After `leave_by`, by the clock that goes on in sleep, it is not sent.
    """

    path: str
    method: str = "POST"
    json: Mapping[str, JSON] | None = None
    parts: tuple[Part, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    timeout: float = 300.0
    fresh: bool = False
    base_url: str | None = None
    encoded: EncodedBody | None = None
    leave_by: float | None = None

    def with_body(self, body: EncodedBody) -> "Call":
        """The same call with its body in bytes; `dataclasses.replace` takes five times as long."""
        return Call(
            path=self.path,
            method=self.method,
            json=self.json,
            parts=self.parts,
            headers=self.headers,
            stream=self.stream,
            timeout=self.timeout,
            fresh=self.fresh,
            base_url=self.base_url,
            encoded=body,
            leave_by=self.leave_by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete response: its last byte was read, or its syntax shows that it is complete.

    `body` is decompressed; for a streamed response it is the entire event stream, which the dialect
    parses. Header names are in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float = 0.0

    @property
    def text(self) -> bytes:
        """The body converted to UTF-8 from the charset of its content type; parse this one.

        A charset that is unknown, or that the bytes contradict, is ignored.
        """
        kind = self.headers.get("content-type", "")
        found = _CHARSET.search(kind) if "=" in kind else None
        if found is None or found[1].lower() in ("utf-8", "utf8", "us-ascii", "ascii"):
            return self.body
        for charset in ("utf-8", found[1]):
            with suppress(LookupError, ValueError):
                return self.body.decode(charset).encode()
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Wire class A: by the transport's trace, no request byte was sent. Safe to retry."""

    cause: str  # dns, refused, connect_timeout, tls, proxy, http2_only, other, too_late
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Wire class D: bytes were sent, but no complete response came. It may have been billed."""

    cause: str  # timeout, reset, closed, cut, encoding, too_large, not_http
    detail: str = ""
    by_time: bool = False  # our own deadline expired
    status: int | None = None  # if a status line arrived
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)  # the part that arrived
    seconds: float = 0.0


TOO_LATE = "too_late"
"""The cause of a call that was ready only after its `leave_by`."""

Delivery: TypeAlias = Reply | NotSent | Lost
