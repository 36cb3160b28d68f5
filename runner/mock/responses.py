"""Sends responses, whole or broken."""

import asyncio
import socket
import struct
import sys
from collections.abc import Iterable, Mapping

from aiohttp import web

from runner.mock.error_replies import Canned

_PIECE = 1021  # bytes in one write of a stream, so that events and characters are split anywhere
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_LINGER_0 = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_EVENTS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


def whole(body: bytes, headers: Mapping[str, str]) -> web.Response:
    """A JSON answer with 200."""
    return web.Response(body=body, headers={**_JSON, **headers})


def canned_response(canned: Canned, headers: Mapping[str, str]) -> web.Response:
    """An error body or a page; pages of front servers lack the gateway's headers."""
    own = {} if "Server" in canned.headers else headers
    return web.Response(
        status=canned.status,
        body=canned.body,
        headers={"Content-Type": canned.media, **own, **canned.headers},
    )


async def start_stream(request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """Start a chunked event stream."""
    response = web.StreamResponse(headers={**_EVENTS, **headers})
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


async def write_events(response: web.StreamResponse, events: Iterable[bytes]) -> None:
    """Write events in pieces that ignore event and character boundaries."""
    body = b"".join(events)
    for start in range(0, len(body), _PIECE):
        await response.write(body[start : start + _PIECE])


async def cut(
    request: web.BaseRequest, body: bytes, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send half of the declared length, then close."""
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return hang_up(request, response)


def hang_up(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection cleanly (FIN)."""
    if request.transport:
        request.transport.close()
    return response


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Close the connection with a real RST; unsent bytes are dropped."""
    if not isinstance(transport, asyncio.Transport):
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    transport.abort()
