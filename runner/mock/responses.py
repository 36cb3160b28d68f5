"""Puts answers on the wire, whole or broken."""

import asyncio
import socket
import struct
import sys
from collections.abc import Iterable, Mapping

from aiohttp import web

from runner.mock.error_replies import Canned

_PIECE = 1021  # bytes of a stream in one write: events and characters are split anywhere
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_LINGER_0 = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_EVENTS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


def whole(body: bytes, headers: Mapping[str, str]) -> web.Response:
    """A JSON answer with 200."""
    return web.Response(body=body, headers={**_JSON, **headers})


def canned_response(canned: Canned, headers: Mapping[str, str]) -> web.Response:
    """An error body or a page; servers in front of the gateway add nothing of the gateway's."""
    own = {} if "Server" in canned.headers else headers
    return web.Response(
        status=canned.status,
        body=canned.body,
        headers={"Content-Type": canned.media, **own, **canned.headers},
    )


async def start_stream(request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """The head of an event stream; chunked."""
    response = web.StreamResponse(headers={**_EVENTS, **headers})
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


async def write_events(response: web.StreamResponse, events: Iterable[bytes]) -> None:
    """Events in writes that do not care where an event or a character ends."""
    body = b"".join(events)
    for start in range(0, len(body), _PIECE):
        await response.write(body[start : start + _PIECE])


async def cut(
    request: web.BaseRequest, body: bytes, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Half of a body whose whole length was declared, then the end of the connection."""
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return hang_up(request, response)


def hang_up(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """Closes the connection in order (FIN) after what was written."""
    if request.transport:
        request.transport.close()
    return response


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Closes the connection with a real RST: what was not sent is thrown away."""
    if not isinstance(transport, asyncio.Transport):
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    transport.abort()
