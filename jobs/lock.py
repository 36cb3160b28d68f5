"""One runner for one table: an OS lock that dies with its process."""

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

HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
"""What a system says when somebody else has the lock; anything else: there are no locks here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds the lock, as it wrote itself down; zeros and blanks where that cannot be read."""

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

    The lock lies on a byte far behind the text, so that others can read who holds it also where
    locks are mandatory (Windows). The file is never deleted: a lock on a deleted file protects
    nobody. Should somebody delete it all the same, the lock on its folder still stands.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._folder: int | None = None

    def acquire(self) -> None:
        """Take it at once or raise LockedError."""
        if not self._take_folder():
            raise LockedError(self.path, holder(self.path))
        try:
            self._take_file()
        except BaseException:
            self._leave_folder()
            raise

    def _take_folder(self) -> bool:
        """False where somebody else has it; true also where folders cannot be locked."""
        if sys.platform == "win32":
            return True
        self._folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._leave_folder()
            return error.errno not in HELD  # on some network disks only files can be locked
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
            if error.errno not in HELD:
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
        """Give it back; harmless when it is not held."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None
        self._leave_folder()

    def _leave_to_parent(self) -> None:
        """A forked child shares the lock as long as it keeps the file open."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._leave_folder()

    def held(self) -> bool:
        """Is the file we locked still the one at this path?"""
        return self._file is not None and self._still_there(self._file)

    def _still_there(self, file: IO[bytes]) -> bool:
        try:
            at_path = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(file.fileno())
        return (ours.st_ino, ours.st_dev) == (at_path.st_ino, at_path.st_dev)


def holder(path: Path) -> Holder:
    """Who wrote themselves into the lock file last."""
    try:
        found = json.loads(path.read_bytes())
        return Holder(pid=int(found["pid"]), host=str(found["host"]), since=float(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def claim(file: IO[bytes]) -> bool:
    """Mark an open file as in use until it is closed; False where another process has done so."""
    try:
        _lock(file)
    except OSError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Does some process hold the lock now? Asked without taking it for longer than the question."""
    if not path.exists():
        return False
    with path.open("r+b", buffering=0) as file:
        try:
            _lock(file)
        except OSError:
            return True
    return False


def hold_briefly(file: IO[bytes], *, patience: float) -> bool:
    """Lock an open file until it is closed; False where others keep it for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in HELD:
                raise
        else:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.001)


def _lock_patiently(file: IO[bytes]) -> None:
    """Three tries within 0.2 s: `is_held` of another process holds it for an instant."""
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
