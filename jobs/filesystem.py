"""Writes and renames that survive a power cut; detection of shared disks."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from jobs.failpoints import reach

SHARED_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse", "fuseblk", "drvfs"}
)
MOUNTS = Path("/proc/mounts")


def flush(descriptor: int) -> None:
    """Flush to the disk itself; on macOS a plain fsync stops at the drive's cache."""
    reach("disk.flush")
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - exists on Unix only

        with suppress(OSError):  # not every file system supports it
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


def on_shared_file_system(path: Path) -> bool:
    """True for a network or FUSE folder, where WAL is not safe; always False except on Linux."""
    if not MOUNTS.exists():
        return False
    target = str(path.parent.resolve())
    best, kind = "", ""
    for line in MOUNTS.read_text(errors="replace").splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        mount = fields[1].replace("\\040", " ")
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind in SHARED_FILE_SYSTEMS or kind.startswith("fuse.")
