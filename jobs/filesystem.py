"""Makes written bytes and renames survive a power cut."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from jobs.failpoints import reach


def flush(descriptor: int) -> None:
    """To the disk itself; macOS keeps a plain fsync in the drive's cache."""
    reach("disk.flush")
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - exists on Unix only

        with suppress(OSError):  # not every file system has it
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Makes a rename durable; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
