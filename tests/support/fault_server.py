"""A server on loopback that sends scripted bytes, for any fault of network or gateway."""

import asyncio
import gzip
import json
import socket
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

ANSWER = json.dumps({"id": "x", "choices": [{"message": {"content": "猫 " * 50}}]}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as received; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


class Stage:
    """One connection and the operations on it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.reader, self.writer, self.number = reader, writer, number

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close the connection with RST instead of FIN."""
        found = self.writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def request(self, *, head_only: bool = False) -> Seen | None:
        """Read one whole request, or its head; None if the connection has ended."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines if line)}
            length = 0 if head_only else int(headers.get("content-length", "0"))
            body = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        method, path, _ = first.split(" ", 2)
        return Seen(method=method, path=path, headers=headers, body=body, connection=self.number)


Play = Callable[[Stage, Seen], Awaitable[None]]


def answer(
    body: bytes = ANSWER, *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """A plain HTTP response; `length` overrides the Content-Length."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {size}", "", ""]
    return "\r\n".join(lines).encode() + body


def bare(*lines: str) -> bytes:
    """A head without Content-Length."""
    return "\r\n".join([*lines, "", ""]).encode()


def playing(*pieces: bytes, end: str = "keep", pause: float = 0.0) -> Play:
    """Send the pieces, pausing after each; then keep, close, reset or stay silent."""

    async def play(stage: Stage, seen: Seen) -> None:
        for piece in pieces:
            await stage.say(piece)
            await asyncio.sleep(pause)
        if end == "close":
            stage.writer.close()
        elif end == "reset":
            stage.reset()
        elif end == "silent":
            await asyncio.sleep(30)

    return play


CHUNKED = bare("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
STREAM = bare("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def packed(data: bytes, coding: str = "gzip") -> bytes:
    return answer(data, f"Content-Encoding: {coding}")


BAD_CRC = gzip.compress(ANSWER)[:-8] + b"\0\0\0\0" + gzip.compress(ANSWER)[-4:]
RAW_DEFLATE = zlib.compress(ANSWER)[2:-4]


@dataclass
class FaultServer:
    """Plays one answer to every request and records the requests."""

    play: Play = field(default_factory=lambda: playing(answer()))
    tls: ssl.SSLContext | None = None
    head_only: bool = False  # answers before the body has come
    before: str = ""  # "close" or "reset": does it at once, without reading
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    async def __aenter__(self) -> Self:
        self._open: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self.tls, limit=1 << 26
        )
        self.port = self._server.sockets[0].getsockname()[1]
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self._writers.append(writer)
        self.connections += 1
        stage = Stage(reader, writer, self.connections)
        try:
            if self.before == "reset":
                stage.reset()
            while not self.before and not writer.is_closing():
                seen = await stage.request(head_only=self.head_only)
                if seen is None:
                    break
                self.seen.append(seen)
                await self.play(stage, seen)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            self._open.discard(task)
            with suppress(ConnectionError, RuntimeError):
                writer.close()
