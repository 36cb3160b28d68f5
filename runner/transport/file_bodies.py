"""Bodies that are too big for memory: sent from a file, received into one."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from io import FileIO
from pathlib import Path

import aiohttp.payload
import httpx
from aiohttp.abc import AbstractStreamWriter

from jobs.filesystem import flush, flush_folder
from runner.protocol.call import EncodedBody
from runner.transport.bodies import Unpacker

PIECE_BYTES = 1 << 18
MAX_SAVED_BYTES = 4 << 30  # of one answer, as it came and unpacked


class FileStream(httpx.AsyncByteStream):
    """A body of which the middle is a file."""

    def __init__(self, body: EncodedBody) -> None:
        assert body.file is not None
        self.head, self.file = body.content, body.file
        self.size = len(self.head) + self.file.size + len(self.file.tail)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.head
        with self.file.path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece
        yield self.file.tail

    @property
    def fault(self) -> str | None:
        """Why the file cannot be sent; None if it can be."""
        try:
            size = self.file.path.stat().st_size
        except OSError as error:
            return f"{self.file.path.name}: {type(error).__name__}"
        return None if size == self.file.size else f"{self.file.path.name} has changed"


class FilePieces(aiohttp.payload.Payload):
    """The same for aiohttp; `check_time` raises if it is too late for the first byte."""

    def __init__(self, stream: FileStream, check_time: Callable[[], None]) -> None:
        super().__init__(stream)
        self._check_time = check_time
        self._stream = stream
        self._size = stream.size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002 - aiohttp's
        """Never the whole body as text."""
        raise TypeError("the body is in a file")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body, unless it is too late."""
        self._check_time()
        async for piece in self._stream:
            await writer.write(piece)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write the body; its length is the one that was announced."""
        assert content_length in (None, self._size)
        await self.write(writer)


class SavedBody:
    """A body on its way into a file, which takes its name when it is whole.

    `clean` masks what must not be stored, in whole lines.
    """

    def __init__(self, target: Path, *, coding: str, clean: Callable[[bytes], bytes]) -> None:
        self._target, self._clean = target, clean
        self._part = target.with_name(f"{target.name}.part")
        self._unpacker = Unpacker(coding, received=MAX_SAVED_BYTES, unpacked=MAX_SAVED_BYTES)
        self._held = b""  # the line that has begun
        self._file: FileIO | None = None

    async def take(self, data: bytes) -> None:
        """Append a piece. Raises UndecodableError, TooLargeError or OSError."""
        await asyncio.to_thread(self._take, data)

    async def finish(self) -> None:
        """Make the file durable under its name. Raises UndecodableError or OSError."""
        self._unpacker.finish()
        await asyncio.to_thread(self._finish)

    def drop(self) -> None:
        """Remove what came, if it has not become the file."""
        if self._file is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)
            self._file = None

    def _take(self, data: bytes) -> None:
        whole, end, rest = (self._held + self._unpacker.feed(data)).rpartition(b"\n")
        self._held = rest
        if whole or end:
            self._write(self._clean(whole + end))

    def _finish(self) -> None:
        self._write(self._clean(self._held))
        assert self._file is not None
        flush(self._file.fileno())
        self._file.close()
        self._file = None
        self._part.replace(self._target)
        flush_folder(self._target.parent)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._part.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            flags |= getattr(os, "O_BINARY", 0)
            self._file = FileIO(os.open(self._part, flags, 0o600), "wb")
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
