"""Stores raw answers: small ones go into the table, big ones into files beside it or elsewhere."""

import gzip
import hashlib
import json
import logging
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import ExpectedError, Trouble
from jobs.failpoints import reach
from jobs.filesystem import flush, flush_folder
from jobs.store.answers import StoredAnswer
from jobs.store.queue.settles import Answer
from runner.protocol.call import Lost, Reply
from runner.protocol.pictures import decode_base64
from runner.workspace.target import ANSWERS, FileTarget, FileTargetError
from runner.workspace.workspace import Workspace

log = logging.getLogger(__name__)
_encode = json.JSONEncoder(ensure_ascii=False).encode
MAX_INLINE_BYTES = 256 * 1024  # a bigger answer becomes a file of its own
MAX_CUT_BYTES = 64 * 1024  # kept, for study, of an answer that was cut


class NotKeptError(ExpectedError, OSError):
    """An answer could not be stored, whatever the reason; the spool still has it."""

    trouble = Trouble.OUTPUT


class DamagedAnswerError(OSError):
    """The file of an answer on a target holds other bytes than were stored."""


def _name(call_id: int) -> str:
    return f"{ANSWERS}/{call_id}.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFolder:
    """The big answers of one workspace: in its folder, on its target, or in its table."""

    path: Path
    target: FileTarget | None = None
    all_in_table: bool = False  # a folder would hide them from the other hosts

    @classmethod
    def of(cls, workspace: Workspace) -> "AnswerFolder":
        """That of a workspace."""
        alone = workspace.place.shared and workspace.target is None
        return cls(path=workspace.answers, target=workspace.target, all_in_table=alone)

    def keep(self, call_id: int, reply: Reply) -> Answer:
        """The answer as the table stores it; a big body is durable in its own file on return.

        A target that cannot be written now leaves it to the table. Raises NotKeptError if the file
        cannot be written.
        """
        body = reply.body
        is_big = len(body) > MAX_INLINE_BYTES and not self.all_in_table
        is_apart = is_big and self._put_apart(call_id, body)
        return Answer(
            status=reply.status,
            headers=_encode(dict(reply.headers)),
            body=b"" if is_apart else body,
            size=len(body),
            digest=digest_of(body),
            coding="file" if is_apart else "raw",
        )

    def load(self, stored: StoredAnswer) -> Reply:
        """The answer as it came. Raises OSError if its file is missing or damaged."""
        body = stored.body
        if body is None:
            body = self._apart(stored)
        return Reply(status=stored.status, headers=stored.headers, body=body)

    def file_of(self, call_id: int) -> Path:
        """The file of a big answer."""
        return self.path / f"{call_id}.gz"

    def slim(self, stored: StoredAnswer, pictures: Mapping[str, str]) -> Answer | None:
        """The answer with SHA-256 digests in place of the base64 of saved pictures.

        A body that is a saved file itself becomes its digest. None if the answer is still too big
        for the table.
        """
        body = self.load(stored).body
        for base64, sha256 in pictures.items():
            digest = f"sha256:{sha256}".encode()
            body = digest if _is_file(body, base64) else body.replace(base64.encode(), digest)
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
        """Delete the file of an answer whose pictures are verified on disk."""
        self.file_of(call_id).unlink(missing_ok=True)
        if self.target is not None:
            try:
                self.target.remove(_name(call_id))
            except FileTargetError as error:
                log.warning("an answer that is no longer needed stays: %s", error)

    def _put_apart(self, call_id: int, body: bytes) -> bool:
        """Write a big body to its own file; False if the table has to take it."""
        if self.target is None:
            try:
                self._write(call_id, body)
            except OSError as error:
                raise NotKeptError(error.errno, error.strerror, str(self.path)) from error
            return True
        packed = gzip.compress(body, 1, mtime=0)
        try:
            return self.target.put_bytes(
                packed, _name(call_id), scratch=self.path.with_name("parts")
            )
        except OSError as error:  # what is paid for waits for no other machine
            log.warning("a big answer goes into the table: %s", error)
            return False

    def _apart(self, stored: StoredAnswer) -> bytes:
        """A big body from its own file; one that another machine may have changed is checked."""
        path = self.file_of(stored.call_id)
        if self.target is None or path.exists():
            return gzip.decompress(path.read_bytes())
        packed = self.target.read(_name(stored.call_id), most=stored.size + (1 << 16))
        try:
            body = zlib.decompressobj(wbits=31).decompress(packed, stored.size + 1)
        except zlib.error as error:
            raise DamagedAnswerError(str(stored.call_id)) from error
        if digest_of(body) != stored.digest:
            raise DamagedAnswerError(str(stored.call_id))
        return body

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


def _is_file(body: bytes, base64: str) -> bool:
    """True if the body is the file of this base64, with or without a head that was added to it."""
    if not 0 < len(body) <= len(base64) * 3 // 4:
        return False
    return decode_base64(base64).endswith(body)


def cut_answer(lost: Lost) -> Answer | None:
    """What arrived of an answer that was cut, for study; None if no status line came."""
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
    """The BLAKE2b digest, 16 bytes."""
    return hashlib.blake2b(body, digest_size=16).digest()
