"""The spool folders of the processes that work on one shared table from this machine."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from jobs.lock import claim
from runner.workspace.spool import SpoolRecord, replay

LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True)
class SpoolFolder:
    """A folder that this process holds until it closes it, or ends in any way."""

    path: Path
    _lock: IO[bytes]

    @classmethod
    def new(cls, root: Path) -> Self:
        """A new folder below `root`, locked before any other process can see it."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        hidden = root / f".{os.getpid()}-{secrets.token_hex(4)}"
        hidden.mkdir(mode=0o700)
        lock = (hidden / LOCK_NAME).open("wb")
        if not claim(lock):
            lock.close()
            raise OSError(f"files in {root} cannot be locked")
        return cls(hidden.rename(root / hidden.name[1:]), lock)

    def records(self) -> list[SpoolRecord]:
        """The intact records in it, oldest first."""
        return list(replay(self.path))

    def remove(self) -> None:
        """Delete it: everything that was in it is in the table."""
        for file in self.path.glob("*.spool"):
            file.unlink()
        self.close()  # an empty one goes whole

    def close(self) -> None:
        """Leave it; an empty one is deleted, others can take over what is in it."""
        empty = not any(file.stat().st_size for file in self.path.glob("*.spool"))
        if empty:
            for file in self.path.glob("*"):
                file.unlink()
        self._lock.close()
        if empty:
            with suppress(OSError):
                self.path.rmdir()


def abandoned(root: Path) -> Iterator[SpoolFolder]:
    """Take over, one after the other, the folders of processes that have ended."""
    for path in sorted(root.glob("[!.]*/")) if root.exists() else ():
        try:
            lock = (path / LOCK_NAME).open("r+b")
        except OSError:  # its process has just deleted it
            continue
        if claim(lock):
            yield SpoolFolder(path, lock)
        else:
            lock.close()
