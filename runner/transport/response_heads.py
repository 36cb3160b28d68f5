"""Repairs response heads that aiohttp's parser refuses although they can be read."""

import asyncio
import functools
import re
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

MAX_HEAD_BYTES = 256 * 1024  # a longer head is left to the parser, which refuses it
HEAD_START = b"HTTP/"
_INTERIM = re.compile(rb"HTTP/\d\.\d 1\d\d")


class Http2OnlyError(aiohttp.ClientError):
    """The server speaks HTTP/2 only: it did not understand the request."""


class LenientResponseHandler(ResponseHandler):
    """aiohttp's protocol, with each response head repaired before it is parsed.

    A head is held back until it is complete. What is not HTTP is passed on for the parser to judge.
    """

    _head: bytearray | None = None  # of the next response; None while a body is received

    def set_response_params(self, **params: Any) -> None:
        """Expect a response head next: aiohttp calls this for each request of a connection."""
        self._head = bytearray()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Pass data to the parser, a head in one piece."""
        if self._head is None:
            super().data_received(data)
            return
        searched = max(len(self._head) - 3, 0)
        self._head += data
        if is_http2(self._head):
            self._refuse_http2()
        elif (end := end_of_head(self._head, searched)) is not None:
            self._pass_head_on(*end)
        elif not _may_become_head(self._head):
            self._pass_all_on()

    def eof_received(self) -> None:
        """Pass on what came of a head that never ended."""
        if self._head:
            self._pass_all_on()
        super().eof_received()

    def _pass_head_on(self, head_end: int, body_start: int) -> None:
        assert self._head is not None
        received = bytes(self._head)
        # An interim response (100 Continue) is followed by another head.
        self._head = bytearray() if _INTERIM.match(received) else None
        head = received[:head_end]
        mended = repaired(head)
        if mended is head and self._head is None:
            super().data_received(received)
            return
        super().data_received(mended + received[head_end:body_start])
        if rest := received[body_start:]:
            self.data_received(rest)

    def _pass_all_on(self) -> None:
        assert self._head is not None
        received, self._head = bytes(self._head), None
        super().data_received(received)

    def _refuse_http2(self) -> None:
        self._head = None
        self.set_exception(Http2OnlyError("the server speaks HTTP/2 only"))
        if self.transport is not None:
            self.transport.close()


def response_handlers(
    loop: asyncio.AbstractEventLoop,
) -> "functools.partial[ResponseHandler]":
    """A factory of protocols, as aiohttp's connector wants it."""
    handler: type[ResponseHandler] = LenientResponseHandler
    return functools.partial(handler, loop=loop)


def end_of_head(received: bytes | bytearray, searched: int) -> tuple[int, int] | None:
    """Where the head ends and its body starts; lines may end without a carriage return."""
    full = received.find(b"\n\r\n", searched)
    bare = received.find(b"\n\n", searched, full + 1 if full >= 0 else len(received))
    if full < 0 and bare < 0:
        return None
    at, body = (full, full + 3) if bare < 0 else (bare, bare + 2)
    return at - received.startswith(b"\r", max(at - 1, 0), at), body


def is_http2(start: bytes | bytearray) -> bool:
    """True for a SETTINGS frame, with which every HTTP/2 server begins (RFC 9113, 3.4)."""
    return len(start) >= 9 and start[3] == 4 and not any(start[5:9])


def repaired(head: bytes) -> bytes:
    """The head without Content-Length if the body is chunked: that is what counts (RFC 9112, 6.3).

    Of several equal Content-Lengths one is kept; different ones stay, for the parser to refuse.
    """
    lowered = head.lower()
    if b"chunked" not in lowered and lowered.count(b"content-length") < 2:
        return head
    lines = [line.rstrip(b"\r") for line in head.split(b"\n")]
    lengths = [line for line in lines[1:] if _name(line) == b"content-length"]
    others = [line for line in lines if line not in lengths]
    if lengths and any(_name(one) == b"transfer-encoding" and _is_chunked(one) for one in others):
        return b"\r\n".join(others)
    values = {value.strip() for line in lengths for value in line.partition(b":")[2].split(b",")}
    if len(lengths) > 1 and len(values) == 1:
        return b"\r\n".join([*others, lengths[0]])
    return head


def _may_become_head(start: bytearray) -> bool:
    return HEAD_START.startswith(bytes(start[:5])) and len(start) < MAX_HEAD_BYTES


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].strip().lower()


def _is_chunked(line: bytes) -> bool:
    return b"chunked" in line.lower()
