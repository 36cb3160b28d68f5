"""A TCP proxy on loopback that is slow, far away, cut into slices, or gone."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass
class ToxicProxy:
    """Forwards bytes to `port` over a simulated bad line; may be changed while it runs.

    `rate` is in bytes a second, `latency` in seconds for each direction, `slices` the most bytes
    that arrive together. `per_connection` closes each connection after that many requests.
    """

    port: int
    rate: float = float("inf")
    latency: float = 0.0
    slices: int = 65536
    per_connection: int = 0
    url: str = ""
    connections: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)

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
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def cut(self) -> None:
        """Cut the line: reset open connections and refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._go_down(), self._loop).result(10)

    def mend(self) -> None:
        """Restore the line."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def hold(self) -> None:
        """Hold back answers; requests pass."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def let_go(self) -> None:
        """Release held answers, and pass new ones."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    async def _go_down(self) -> None:
        self._server.close()
        self._abort()

    async def _listen(self) -> None:
        wanted = int(self.url.rpartition(":")[2] or 0)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", wanted)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        await self._listen()
        self._ready.set()
        await self._stop.wait()
        await self._go_down()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one side has gone, or the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._open |= {writer, far_writer}
        there = asyncio.create_task(self._pass_on(reader, far_writer))
        back = asyncio.create_task(self._pass_on(far_reader, writer, answers=True))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            back.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            self._open -= {writer, far_writer}
            far_writer.transport.abort()

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        seen = 0
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await asyncio.sleep(self.latency)
                if answers:
                    await self._flowing.wait()
                for start in range(0, len(data), self.slices):
                    piece = data[start : start + self.slices]
                    target.write(piece)
                    await target.drain()
                    await asyncio.sleep(len(piece) / self.rate)
                seen += data.count(b"HTTP/1.1 ") if answers else 0
                if answers and self.per_connection and seen >= self.per_connection:
                    await asyncio.sleep(0.02)
                    return
