"""Saves pictures whole or not at all."""

import hashlib
import mmap
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiofiles.os

from jobs.failpoints import reach
from jobs.filesystem import flush, flush_folder
from runner.protocol.drawings import inspect_any
from runner.protocol.pictures import Bytes

BUSY_ERRORS = frozenset(
    {5, 32, 33}
)  # Windows error codes: a scanner or viewer holds the file for a moment
BUSY_SECONDS = 2.5  # seconds to wait for it to be free


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A whole picture under its final name, synced together with its folder's entry."""

    path: Path
    size: int
    sha256: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTaken:
    """Another file has the final name; it was not touched."""

    path: Path


def part_of(target: Path) -> Path:
    """The path of the unfinished file, in the same folder so that the rename stays on one disk."""
    return target.with_name(f".{target.name}.part")


def exclusive(path: str, flags: int) -> int:
    """An opener for a new private file; removes what an earlier death left."""
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - openers are given text
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)  # each exists on one system
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | safe, 0o600)


def remove(part: Path) -> None:
    """Remove an unfinished file; one that cannot be removed now is replaced by the next try."""
    with suppress(OSError):
        part.unlink()


def write_now(data: bytes, target: Path) -> Saved | NameTaken:
    """Check the bytes, then write them as `target` plus the ending of their format.

    Raises NotAPictureError, CutPictureError, or OSError if the disk fails.
    """
    saved = _described(data, target)
    found = _existing(saved)
    if found is not None:
        return found
    part = part_of(target)
    try:
        with open(part, "wb", buffering=0, opener=exclusive) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            reach("file.part")
            flush(file.fileno())
        _replace(part, saved.path)
        reach("file.placed")
    finally:
        remove(part)
    flush_folder(target.parent)
    return saved


def finish_now(part: Path, target: Path) -> Saved | NameTaken:
    """The same for bytes that are already in `part`."""
    with part.open("r+b") as file:
        if not os.fstat(file.fileno()).st_size:
            saved = _described(b"", target)
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                saved = _described(data, target)
        found = _existing(saved)
        if found is not None:
            return found
        reach("file.part")
        flush(file.fileno())
    _replace(part, saved.path)
    reach("file.placed")
    flush_folder(target.parent)
    return saved


write = aiofiles.os.wrap(write_now)  # one hop to a thread for the whole file
finish = aiofiles.os.wrap(finish_now)


def _described(data: "Bytes | mmap.mmap", target: Path) -> Saved:
    with memoryview(data) as view:
        picture = inspect_any(view)
        return Saved(
            path=target.with_name(target.name + picture.ending),
            size=len(view),
            sha256=hashlib.sha256(view).hexdigest(),
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
        )


def _existing(saved: Saved) -> Saved | NameTaken | None:
    """What has the final name already: the same picture, another file, or nothing."""
    try:
        status = saved.path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISREG(status.st_mode) and status.st_size == saved.size:  # opening a pipe would block
        with saved.path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == saved.sha256:
                return saved
    return NameTaken(path=saved.path)


def _replace(part: Path, final: Path) -> None:
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            part.replace(final)
        except OSError as error:
            if getattr(error, "winerror", None) not in BUSY_ERRORS or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
