"""Runs commands in processes of their own, which go on when page, desk or browser end."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from runner.catalogue import language

MAX_WORDS_BYTES = 20_000  # of what a command said, from its end
GOES_ON = -1
_WINDOWS_FLAGS = 0x00000008 | 0x00000200  # detached, in a group of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A command that goes on by itself. Its words go into a file that no folder shows."""

    process: subprocess.Popen[bytes] = field(repr=False)
    said: IO[bytes] = field(repr=False)

    def code(self) -> int | None:
        """Its exit code, or None while it is at work."""
        return self.process.poll()

    def words(self) -> str:
        """The last of what it said. Read without moving the place where the command writes."""
        size = os.fstat(self.said.fileno()).st_size
        start = max(size - MAX_WORDS_BYTES, 0)
        if hasattr(os, "pread"):
            found: bytes = os.pread(self.said.fileno(), MAX_WORDS_BYTES, start)
        elif self.code() is None:
            return ""  # Windows: the two share one place in the file
        else:
            self.said.seek(start)
            found = self.said.read()
        return found.decode("utf-8", errors="replace")

    def let_go(self) -> None:
        """Forget it; it goes on if it has not ended."""
        self.said.close()
        if self.process.poll() is None:
            self.process.returncode = GOES_ON  # else Python warns of a process that nobody awaits


def finish(words: Sequence[str], folder: Path) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(  # noqa: S603 - our own program, without a shell
        _line(words), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return Ended(
        code=done.returncode,
        out=done.stdout.decode("utf-8", errors="replace"),
        err=done.stderr.decode("utf-8", errors="replace"),
    )


def start(words: Sequence[str], folder: Path) -> Started:
    """Start a command that outlives this process: of another session, and without a pipe to it."""
    said = tempfile.TemporaryFile()  # noqa: SIM115 - the command writes to it longer than we live
    process = subprocess.Popen(  # noqa: S603 - as above
        _line(words),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
        creationflags=_WINDOWS_FLAGS if os.name == "nt" else 0,
    )
    return Started(process=process, said=said)


def _line(words: Sequence[str]) -> list[str]:
    """-P: a folder of sheets that holds a folder `runner` is not the program."""
    return [sys.executable, "-P", "-m", "runner.cli", "--lang", language(), *words]
