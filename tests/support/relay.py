"""A relay before a server: it passes bytes on, and subclasses may look at them or withhold some."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PIECE_BYTES = 1 << 16


class Relay:
    """Listens at a host's own port, and talks to a port of loopback or to a socket file."""

    def __init__(self, *, to: int | Path, host: str = "127.0.0.1") -> None:
        self.port = 0
        self._to = to
        self._host = host
        self._ready = threading.Event()
        self._open: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, self._host, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        await asyncio.gather(*self._open)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._open.add(me)
        if isinstance(self._to, int):
            ours, theirs = await asyncio.open_connection("127.0.0.1", self._to)
        else:
            ours, theirs = await asyncio.open_unix_connection(str(self._to))
        ways = (*self.ways((reader, theirs), (ours, writer)), self._over.wait())
        ends = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        for one in (writer, theirs):
            one.transport.abort()
            with suppress(OSError):
                await one.wait_closed()
        self._open.discard(me)

    def ways(self, there: "Way", back: "Way") -> tuple[Coroutine[None, None, None], ...]:
        """What passes on the bytes of one connection, in each direction."""
        return copied(*there), copied(*back)


Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on everything until it ends."""
    while data := await reader.read(PIECE_BYTES):
        writer.write(data)
        await writer.drain()
