"""A proxy before PostgreSQL that lets a COMMIT through and cuts off its answer."""

import asyncio
import re
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

CLAIM, SETTLE = b"INSERT INTO calls", b"UPDATE calls SET ended_at"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
PREPARES = re.compile(rb"P.{4}(_pg3_\d+)\x00([^\x00]*)", re.DOTALL)
USES = re.compile(rb"B.{4}\x00(_pg3_\d+)\x00", re.DOTALL)
ANSWER = b"C\x00\x00\x00\x0bCOMMIT\x00"


class CommitCutter:
    """Listens on loopback, and talks to the server over its socket.

    Of the commits of each kind every `every`-th loses its answer, until `most` have. A commit that
    settles and claims is of both kinds.
    """

    def __init__(self, server_folder: Path, *, every: int, most: int) -> None:
        self.cut: Counter[bytes] = Counter()
        self.port = 0
        self._socket = server_folder / ".s.PGSQL.5432"
        self._every = every
        self._most = most
        self._seen: Counter[bytes] = Counter()
        self._ready = threading.Event()
        self._open: set[asyncio.Task[None] | None] = set()

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
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        await asyncio.gather(*(task for task in self._open if task is not None))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(asyncio.current_task())
        ours, theirs = await asyncio.open_unix_connection(str(self._socket))
        line = _Line()
        ends = (
            asyncio.create_task(self._requests(reader, theirs, line)),
            asyncio.create_task(self._answers(ours, writer, line)),
            asyncio.create_task(self._over.wait()),
        )
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        for one in (writer, theirs):
            one.transport.abort()
            with suppress(OSError):
                await one.wait_closed()
        self._open.discard(asyncio.current_task())

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: "_Line"
    ) -> None:
        while data := await reader.read(1 << 16):
            line.see(data)
            if COMMIT in data:
                line.is_cut = self._is_to_cut(line.kinds)
                line.kinds.clear()
            writer.write(data)

    def _is_to_cut(self, kinds: set[bytes]) -> bool:
        self._seen.update(kinds)
        due = [kind for kind in kinds if self._seen[kind] % self._every == 0]
        if not any(self.cut[kind] < self._most for kind in due):
            return False
        self.cut.update(kinds)
        return True

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: "_Line"
    ) -> None:
        while data := await reader.read(1 << 16):
            if line.is_cut and ANSWER in data:
                raise ConnectionResetError
            writer.write(data)


class _Line:
    """What is known of one connection."""

    def __init__(self) -> None:
        self.kinds: set[bytes] = set()  # of its transaction
        self.is_cut = False  # the next answer to a COMMIT is
        self._prepared: dict[bytes, bytes] = {}  # kinds of prepared statements, by name

    def see(self, data: bytes) -> None:
        """Note what these messages of the client do."""
        for name, words in PREPARES.findall(data):
            for kind in (CLAIM, SETTLE):
                if kind in words:
                    self._prepared[name] = kind
        self.kinds |= {kind for kind in (CLAIM, SETTLE) if kind in data}
        named = {self._prepared[name] for name in USES.findall(data) if name in self._prepared}
        self.kinds |= named
