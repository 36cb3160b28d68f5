"""Makes sure that the disk has room for paid answers: checked before calls, and held in reserve."""

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import ObstacleError
from runner.workspace.answers import NotKeptError

MB = 1 << 20
RESERVE_FILE = "reserve"
MAX_RESERVE_BYTES = 32 * MB  # the reserve file has at most this size …
RESERVE_SHARE = 20  # … and takes at most one part in so many of the free space
MIN_ANSWER_BYTES = 64 * 1024  # every answer is assumed to need this much
COPIES_PER_ANSWER = 3  # in the spool, in the table's log and in the table, if all are here

DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
DISK_TROUBLE_ERRNOS = DISK_FULL_ERRNOS | {errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
"""Errors of a disk that stores nothing more, or of a process without descriptors."""


def is_disk_trouble(error: OSError) -> bool:
    """True if the disk is at fault, and not what it was asked to do."""
    return isinstance(error, NotKeptError) or error.errno in DISK_TROUBLE_ERRNOS


@dataclass(slots=True)
class DiskReserve:
    """A file that only takes up space, deleted when the disk is full and an answer must fit."""

    folder: Path
    largest: int = MIN_ANSWER_BYTES  # bytes of the largest answer so far
    copies: int = COPIES_PER_ANSWER
    spent: bool = field(default=False, init=False)

    @property
    def path(self) -> Path:
        """The reserve file."""
        return self.folder / RESERVE_FILE

    def make(self) -> None:
        """Take up the space; a disk that has none is reported by `trouble`."""
        size = min(MAX_RESERVE_BYTES, shutil.disk_usage(self.folder).free // RESERVE_SHARE)
        with suppress(OSError):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _fill(descriptor, size)
            finally:
                os.close(descriptor)

    def spend(self) -> None:
        """The disk is full: free the space and report trouble from now on."""
        self.spent = True
        self.give_back()

    def give_back(self) -> None:
        """Delete the file."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def learn(self, size: int) -> None:
        """Note the size in bytes of an answer."""
        self.largest = max(self.largest, size)

    def trouble(self, calls: int) -> Exception | None:
        """Why this many calls may not run at once; None if their answers fit on the disk."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            return error
        needed = calls * self.largest * self.copies
        if self.spent or free < needed:
            return ObstacleError("disk_low", free=f"{free / MB:,.1f}", needed=f"{needed / MB:,.1f}")
        return None


def _fill(descriptor: int, size: int) -> None:
    """Allocate real blocks: a sparse file would reserve nothing."""
    have = os.fstat(descriptor).st_size
    if have >= size:
        return
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    os.lseek(descriptor, 0, os.SEEK_END)
    while have < size:
        have += os.write(descriptor, bytes(min(MB, size - have)))
