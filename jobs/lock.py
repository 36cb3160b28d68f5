"""One run per table, by an OS lock that ends with its process."""

import errno
import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from jobs.errors import ObstacleError, TableError, Trouble

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

HELD_ERRORS = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
"""Errors that mean another process holds the lock; any other means that locks do not work here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds the lock, as written in the file; zeros and blanks if unreadable."""

    pid: int = 0
    host: str = ""
    since: float = 0.0


class LockedError(ObstacleError):
    """Another run holds this table."""

    trouble = Trouble.BUSY

    def __init__(self, path: Path, holder: Holder) -> None:
        super().__init__("table_held", file=str(path), pid=holder.pid, host=holder.host)
        self.holder = holder


class Lock:
    """Held from `acquire` to `release`, or until the process ends in any way.

    The lock covers a byte far beyond the text, so that others can read the holder even where locks
    are mandatory (Windows). We never delete the file, since a lock on a deleted file protects
    nothing. If somebody deletes it anyway, the lock on its folder remains.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._folder: int | None = None

    def acquire(self) -> None:
        """Take the lock now or raise LockedError."""
        if not self._take_folder():
            raise LockedError(self.path, holder(self.path))
        try:
            self._take_file()
        except BaseException:
            self._leave_folder()
            raise

    def _take_folder(self) -> bool:
        """False if another process has it; True also where folders cannot be locked."""
        if sys.platform != "win32":
            self._folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._leave_folder()
                return error.errno not in HELD_ERRORS  # some network disks lock only files
        return True

    def _leave_folder(self) -> None:
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def _take_file(self) -> None:
        self.path.touch(mode=0o600, exist_ok=True)
        file = self.path.open("r+b", buffering=0)
        try:
            _lock_patiently(file)
        except OSError as error:
            file.close()
            if error.errno not in HELD_ERRORS:
                raise TableError("table_no_lock", file=str(self.path), reason=error) from error
            raise LockedError(self.path, holder(self.path)) from error
        if not self._still_there(file):
            file.close()
            raise LockedError(self.path, Holder())
        me = Holder(pid=os.getpid(), host=socket.gethostname(), since=time.time())
        file.truncate(0)
        file.seek(0)
        file.write(json.dumps(asdict(me)).encode())
        self._file = file
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_to_parent)

    def release(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None
        self._leave_folder()

    def _leave_to_parent(self) -> None:
        """Close it in a forked child, which would otherwise share the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._leave_folder()

    def held(self) -> bool:
        """True if the file we locked is still the one at this path."""
        return self._file is not None and self._still_there(self._file)

    def _still_there(self, file: IO[bytes]) -> bool:
        try:
            at_path = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(file.fileno())
        return (ours.st_ino, ours.st_dev) == (at_path.st_ino, at_path.st_dev)


def holder(path: Path) -> Holder:
    """The process that wrote itself into the lock file last."""
    try:
        found = json.loads(path.read_bytes())
        return Holder(pid=int(found["pid"]), host=str(found["host"]), since=float(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def claim(file: IO[bytes]) -> bool:
    """Mark an open file as in use until it is closed. False if another process has it."""
    try:
        _lock(file)
    except OSError:
        return False
    return True


def is_held(path: Path) -> bool:
    """True if some process holds the lock now. Takes it for an instant only."""
    if not path.exists():
        return False
    with path.open("r+b", buffering=0) as file:
        try:
            _lock(file)
        except OSError:
            return True
    return False


def hold_briefly(file: IO[bytes], *, patience: float) -> bool:
    """Lock an open file until it is closed. False if others hold it for `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in HELD_ERRORS:
                raise
        else:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.001)


def _lock_patiently(file: IO[bytes]) -> None:
    """Try three times within 0.2 s: another process's `is_held` holds it for an instant."""
    for wait in (0.05, 0.15):
        try:
            return _lock(file)
        except OSError:
            time.sleep(wait)
    return _lock(file)


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(1 << 30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
