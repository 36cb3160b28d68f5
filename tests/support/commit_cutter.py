"""A proxy before PostgreSQL that lets a COMMIT through and cuts off its answer."""

import asyncio
import re
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path

from tests.support.relay import PIECE_BYTES, Relay, Way

CLAIM, SETTLE = b"INSERT INTO calls", b"UPDATE calls SET ended_at"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
PREPARES = re.compile(rb"P.{4}(_pg3_\d+)\x00([^\x00]*)", re.DOTALL)
USES = re.compile(rb"B.{4}\x00(_pg3_\d+)\x00", re.DOTALL)
ANSWER = b"C\x00\x00\x00\x0bCOMMIT\x00"


class CommitCutter(Relay):
    """Listens on loopback, and talks to the server over its socket.

    Of the commits of each kind every `every`-th loses its answer, until `most` have. A commit that
    settles and claims is of both kinds.
    """

    def __init__(self, server_folder: Path, *, every: int, most: int) -> None:
        super().__init__(to=server_folder / ".s.PGSQL.5432")
        self.cut: Counter[bytes] = Counter()
        self._every = every
        self._most = most
        self._seen: Counter[bytes] = Counter()

    def ways(self, there: Way, back: Way) -> tuple[Coroutine[None, None, None], ...]:
        """Passes on requests and answers, and remembers what a connection has sent."""
        line = _Line()
        return self._requests(*there, line), self._answers(*back, line)

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: "_Line"
    ) -> None:
        while data := await reader.read(PIECE_BYTES):
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
        while data := await reader.read(PIECE_BYTES):
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
