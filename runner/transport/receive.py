"""Receives response bodies: unpacked, within caps and time limits, until they end or are whole."""

import asyncio
from dataclasses import dataclass

from runner.protocol.wholeness import is_whole, looks_like_json
from runner.transport.aiohttp_transport import MB, BrokenError, IncomingBody, Progress
from runner.transport.bodies import DataWatch, TooLargeError, UndecodableError, Unpacker
from runner.transport.off_loop import off_loop

MAX_OVERSIZED_BYTES = 1 * MB  # kept, for study, of an answer that exceeds its cap
END_MARK_SECONDS = 1.0  # for the transport to end after a stream's own end mark
QUIET_SECONDS = 5.0  # without a byte, after which a body is asked whether it is whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """Time limits in seconds and size limits in bytes."""

    connect: float = 10.0
    idle: float = 120.0  # between two data events of a stream
    body: int = 64 * MB
    unpacked: int = 256 * MB


class BodyReceiver:
    """Receives one body into its request's `progress`.

    A server that holds the connection open costs no answer: reading stops soon after a stream's
    end mark, and when a JSON value has closed and nothing more comes.
    """

    def __init__(
        self, progress: Progress, limits: ClientLimits, *, coding: str, streamed: bool
    ) -> None:
        self._pieces = progress.pieces
        self._limits = limits
        self._unpacker = Unpacker(coding, received=limits.body, unpacked=limits.unpacked)
        self._watch = DataWatch() if streamed else None
        self._is_json = False
        self._wait_until: float | None = None  # loop time; None: for ever

    async def receive(self, body: IncomingBody) -> None:
        """Read until the body has ended or is whole. Raises BrokenError; what came is kept."""
        try:
            while not await self._is_over(body):
                pass
        except UndecodableError as error:
            self._pieces.append(error.partial)
            raise BrokenError("encoding", str(error)) from error
        except TooLargeError as error:
            self._pieces[:] = [b"".join(self._pieces)[:MAX_OVERSIZED_BYTES]]
            raise BrokenError("too_large", str(error)) from error

    async def _is_over(self, body: IncomingBody) -> bool:
        """Receive one piece; True if there is nothing more to wait for."""
        try:
            if self._wait_until is None or body.has_arrived:
                data = await body.next_piece()
            else:
                async with asyncio.timeout_at(self._wait_until):
                    data = await body.next_piece()
        except TimeoutError as error:
            return await self._is_whole_in_silence(error)
        if data:
            self._take(self._unpacker.feed(data))
            return False
        self._unpacker.finish()
        return True

    def _take(self, piece: bytes) -> None:
        if not self._pieces:
            self._is_json = looks_like_json(piece)
        self._pieces.append(piece)
        now = asyncio.get_running_loop().time()
        if self._is_json:
            may_be_closed = piece.rstrip().endswith((b"}", b"]"))
            self._wait_until = now + QUIET_SECONDS if may_be_closed else None
        elif self._watch is not None and self._watch.feed(piece):
            wait = END_MARK_SECONDS if self._watch.has_ended else self._limits.idle
            self._wait_until = now + wait

    async def _is_whole_in_silence(self, error: TimeoutError) -> bool:
        """True if the body is whole although its transport has not ended."""
        if self._is_json:
            self._wait_until = None
            return await whole_off_loop(b"".join(self._pieces))
        if self._watch is not None and self._watch.has_ended:
            return True
        detail = f"the stream brought no data for {self._limits.idle:g} s"
        raise BrokenError("timeout", detail) from error


async def whole_off_loop(body: bytes) -> bool:
    """True if the body is whole by its own syntax; a big one is parsed in a thread."""
    if len(body) < MB:
        return is_whole(body)
    return await off_loop(lambda: is_whole(body))
