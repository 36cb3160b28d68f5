"""Raw answers on their way to and from the table; big ones lie beside it as files of their own."""

import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.failpoints import reach
from jobs.filesystem import flush, flush_folder
from jobs.store.answers import StoredAnswer
from jobs.store.queue.settles import Answer
from runner.protocol.call import Lost, Reply

_encode = json.JSONEncoder(ensure_ascii=False).encode
MAX_INLINE_BYTES = 256 * 1024  # bytes; above, an answer becomes a file of its own
MAX_CUT_BYTES = 64 * 1024  # bytes of a cut answer that are worth studying


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFolder:
    """The folder of big answers of one workspace."""

    path: Path

    def keep(self, call_id: int, reply: Reply) -> Answer:
        """The answer as the table takes it; a big body is durable in its own file on return."""
        body = reply.body
        coding = "raw"
        if len(body) > MAX_INLINE_BYTES:
            self._write(call_id, body)
            coding = "file"
        return Answer(
            status=reply.status,
            headers=_encode(dict(reply.headers)),
            body=b"" if coding == "file" else body,
            size=len(body),
            digest=digest_of(body),
            coding=coding,
        )

    def load(self, stored: StoredAnswer) -> Reply:
        """The answer as it came. Raises OSError where its file is gone or damaged."""
        body = stored.body
        if body is None:
            body = gzip.decompress(self.file_of(stored.call_id).read_bytes())
        return Reply(status=stored.status, headers=stored.headers, body=body)

    def file_of(self, call_id: int) -> Path:
        """Where a big answer lies."""
        return self.path / f"{call_id}.gz"

    def slim(self, stored: StoredAnswer, pictures: Mapping[str, str]) -> Answer | None:
        """The answer with its saved pictures' SHA-256 in place of their base64; None: still big."""
        body = self.load(stored).body
        for base64, sha256 in pictures.items():
            body = body.replace(base64.encode(), f"sha256:{sha256}".encode())
        if len(body) > MAX_INLINE_BYTES:
            return None
        return Answer(
            status=stored.status,
            headers=_encode(stored.headers),
            body=body,
            size=stored.size,
            digest=stored.digest,
        )

    def drop(self, call_id: int) -> None:
        """Remove a big answer whose pictures are verified on disk."""
        self.file_of(call_id).unlink(missing_ok=True)

    def _write(self, call_id: int, body: bytes) -> None:
        self.path.mkdir(mode=0o700, exist_ok=True)
        target = self.file_of(call_id)
        part = target.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(gzip.compress(body, 1, mtime=0))
            file.flush()
            flush(file.fileno())
        reach("bulk.part")
        part.replace(target)
        reach("bulk.placed")
        flush_folder(self.path)


def cut_answer(lost: Lost) -> Answer | None:
    """What came of an answer that was cut, for study; None where no status line came."""
    if lost.status is None:
        return None
    body = lost.body[:MAX_CUT_BYTES]
    return Answer(
        status=lost.status,
        headers="{}",
        body=body,
        size=len(lost.body),
        digest=digest_of(lost.body),
        complete=False,
    )


def digest_of(body: bytes) -> bytes:
    """BLAKE2b, 16 bytes."""
    return hashlib.blake2b(body, digest_size=16).digest()
