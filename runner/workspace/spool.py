"""Keeps answers safe until the table has them: one write() when the last byte arrives."""

import json
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from runner.protocol.call import Reply

RECORD_MAGIC = b"RWS1"
_HEAD = struct.Struct("<4sQII")  # magic, call id, length of the rest, its CRC-32
_META = struct.Struct("<Idd")  # length of the JSON that follows, seconds taken, Unix time
SEGMENT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolRecord:
    """An answer found in the spool after a crash."""

    call_id: int
    reply: Reply
    at: float


class _Segment:
    """One file of the spool, with the calls in it that are not durable elsewhere yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = 0
        self.waiting: set[int] = set()

    def drop(self) -> None:
        os.close(self.fd)
        self.path.unlink(missing_ok=True)


class Spool:
    """Append-only files in one folder: what is written survives kill -9 until it is forgotten."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._number = 1 + max((_number_of(path) for path in folder.glob("*.spool")), default=0)
        self._current = self._open()
        self._closed: list[_Segment] = []
        self._lock = threading.Lock()  # big answers are written by threads

    def _open(self) -> _Segment:
        segment = _Segment(self.folder / f"{self._number:08}.spool")
        self._number += 1
        return segment

    @property
    def current(self) -> Path:
        """The file that the next answer is written to."""
        return self._current.path

    def append(self, call_id: int, reply: Reply) -> None:
        """Write one answer with a single system call. Raises OSError if the disk takes less."""
        record = pack(call_id, reply)
        with self._lock:
            segment = self._current
            written = os.write(segment.fd, record)
            if written != len(record):  # a full disk may take a part; no record may follow it
                os.ftruncate(segment.fd, segment.size)
                raise OSError(f"the spool took {written} of {len(record)} bytes")
            segment.size += written
            segment.waiting.add(call_id)

    def flush(self) -> None:
        """Wait until the disk has what the table has not: a power cut cannot lose it any more."""
        with self._lock:
            waiting = [os.dup(one.fd) for one in (self._current, *self._closed) if one.waiting]
        for descriptor in waiting:  # unlocked: calls that end meanwhile need not wait
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def forget(self, call_id: int) -> None:
        """Release the answer of this call: it is durable in the table now."""
        with self._lock:
            self._forget(call_id)

    def _forget(self, call_id: int) -> None:
        for segment in (self._current, *self._closed):
            segment.waiting.discard(call_id)
        self._closed = [segment for segment in self._closed if not self._dropped(segment)]
        current = self._current
        if current.size and not current.waiting:
            os.ftruncate(current.fd, 0)
            current.size = 0
        elif current.size > SEGMENT_BYTES:
            self._closed.append(current)
            self._current = self._open()

    def _dropped(self, segment: _Segment) -> bool:
        if segment.waiting:
            return False
        segment.drop()
        return True

    def close(self) -> None:
        """Close the files; the next run replays what is still in them."""
        for segment in (self._current, *self._closed):
            if segment.waiting:
                os.close(segment.fd)
            else:
                segment.drop()


def pack(call_id: int, reply: Reply) -> bytes:
    """One record as bytes: head, meta, status and headers as JSON, body."""
    head = json.dumps({"status": reply.status, "headers": dict(reply.headers)}).encode()
    rest = _META.pack(len(head), reply.seconds, time.time()) + head + reply.body
    return _HEAD.pack(RECORD_MAGIC, call_id, len(rest), zlib.crc32(rest)) + rest


def replay(folder: Path) -> Iterator[SpoolRecord]:
    """The intact records of earlier runs, oldest first; torn and damaged ones are skipped."""
    for path in sorted(folder.glob("*.spool")):
        yield from _records(path.read_bytes())


def _records(content: bytes) -> Iterator[SpoolRecord]:
    at = 0
    while at + _HEAD.size <= len(content):
        magic, call_id, length, crc = _HEAD.unpack_from(content, at)
        rest = content[at + _HEAD.size : at + _HEAD.size + length]
        if magic == RECORD_MAGIC and len(rest) == length and zlib.crc32(rest) == crc:
            yield _record(call_id, rest)
            at += _HEAD.size + length
        elif (following := content.find(RECORD_MAGIC, at + 1)) > 0:
            at = following
        else:
            return


def _record(call_id: int, rest: bytes) -> SpoolRecord:
    head_size, seconds, at = _META.unpack_from(rest)
    body_at = _META.size + head_size
    head = json.loads(rest[_META.size : body_at])
    reply = Reply(
        status=head["status"], headers=head["headers"], body=rest[body_at:], seconds=seconds
    )
    return SpoolRecord(call_id=call_id, reply=reply, at=at)


def clear(folder: Path, *, keep: Path, unsettled: Set[int] = frozenset()) -> None:
    """Delete the files of earlier runs, but none with the answer of a call that is not settled."""
    for path in folder.glob("*.spool"):
        if path != keep and not (unsettled and _holds(path, unsettled)):
            path.unlink()


def _holds(path: Path, call_ids: Set[int]) -> bool:
    return any(record.call_id in call_ids for record in _records(path.read_bytes()))


def _number_of(path: Path) -> int:
    return int(path.stem) if path.stem.isdigit() else 0
