"""Room on the disk for answers that are paid for: watched before each call, and kept in reserve."""

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import ObstacleError

MB = 1 << 20
RESERVE_FILE = "reserve"
MAX_RESERVE_BYTES = 32 * MB  # of the reserve file …
RESERVE_SHARE = 20  # … and at most this part of what is free
MIN_ANSWER_BYTES = 64 * 1024  # bytes that any answer may have
COPIES_PER_ANSWER = 3  # an answer stands in the spool, in the table's log and in the table

DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
DISK_TROUBLE_ERRNOS = DISK_FULL_ERRNOS | {errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
"""What a disk says (or a process without descriptors) when it can keep nothing more."""


def is_disk_trouble(error: OSError) -> bool:
    """Is the disk at fault, and not what was asked of it?"""
    return error.errno in DISK_TROUBLE_ERRNOS


@dataclass(slots=True)
class DiskReserve:
    """A file that only takes up room. When the disk is full it goes, and what is bought fits in."""

    folder: Path
    largest: int = MIN_ANSWER_BYTES  # bytes of the largest answer so far
    spent: bool = field(default=False, init=False)

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / RESERVE_FILE

    def make(self) -> None:
        """Take up the room; a disk that has none is told by `trouble`."""
        size = min(MAX_RESERVE_BYTES, shutil.disk_usage(self.folder).free // RESERVE_SHARE)
        with suppress(OSError):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _fill(descriptor, size)
            finally:
                os.close(descriptor)

    def spend(self) -> None:
        """The disk is full: give the room back, and buy nothing more."""
        self.spent = True
        self.give_back()

    def give_back(self) -> None:
        """Take the file away."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def learn(self, size: int) -> None:
        """An answer of so many bytes came."""
        self.largest = max(self.largest, size)

    def trouble(self, calls: int) -> Exception | None:
        """Why no more of so many calls at once may start; None where their answers fit."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            return error
        needed = calls * self.largest * COPIES_PER_ANSWER
        if self.spent or free < needed:
            return ObstacleError("disk_low", free=f"{free / MB:,.1f}", needed=f"{needed / MB:,.1f}")
        return None


def _fill(descriptor: int, size: int) -> None:
    """Bytes that really lie on the disk: a file with holes would keep no room."""
    have = os.fstat(descriptor).st_size
    if have >= size:
        return
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    os.lseek(descriptor, 0, os.SEEK_END)
    while have < size:
        have += os.write(descriptor, bytes(min(MB, size - have)))
