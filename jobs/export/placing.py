"""Puts a results file in place, whole, and never over somebody's changes."""

import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import BinaryIO

from jobs.errors import ObstacleError, Trouble
from jobs.export.traces import Traces, trace
from jobs.failpoints import reach
from jobs.filesystem import flush, flush_folder
from jobs.lock import claim, hold_briefly
from jobs.sheet.write.writers import WriteError

REPLACE_RETRY_DELAYS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.5)
"""Seconds between attempts to replace a file that a virus scanner, say, holds."""

_STALE_SECONDS = 24 * 3600.0


class OutputError(ObstacleError, OSError):
    """The results cannot be written.

    `errno` is that of the underlying system error, else 0.
    """

    trouble = Trouble.OUTPUT

    def __init__(self, kind: str, /, *, errno: int = 0, **values: str | int | Exception) -> None:
        super().__init__(kind, **values)
        self.errno, self.strerror = errno, str(self)


@contextmanager
def part_beside(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file in the target's folder, removed at the end unless it was put in place."""
    sweep(target.parent)
    part, file = _new_part(target.parent)
    try:
        with file:
            yield part, file
    finally:
        part.unlink(missing_ok=True)


def _new_part(folder: Path) -> tuple[Path, BinaryIO]:
    """Create and claim a part file. Another process may sweep one away before it is claimed."""
    while True:
        part = folder / f".rowmill-{secrets.token_hex(6)}.part"
        file = part.open("x+b")
        with suppress(OSError):  # not every file system has locks
            hold_briefly(file, patience=1.0)
        if part.exists():
            return part, file
        file.close()


def put(file: BinaryIO, target: Path, *, traces: Traces, now: float) -> tuple[Path, bool]:
    """Flush a part and rename it to its target or a dated sibling.

    Returns where it went, and True if that is the sibling. The part stays open, because no process
    sweeps away a part that is claimed.
    """
    file.flush()
    flush(file.fileno())
    if sys.platform == "win32":
        file.close()  # Windows cannot rename an open file
    reach("results.part")
    part = Path(file.name)
    written = trace(part)
    if is_free(target, traces):
        _keep_mode(part, target)
        traces.add(target, written)
        if _replaced(part, target):
            reach("results.placed")
            flush_folder(target.parent)
            return target, False
    sibling = dated_sibling(target, now)
    traces.add(sibling, written)
    part.replace(sibling)
    flush_folder(target.parent)
    return sibling, True


def is_free(target: Path, traces: Traces) -> bool:
    """True if the target may be written: missing, or ours byte for byte and not open elsewhere."""
    if not target.exists():
        return True
    return not _is_open(target) and traces.is_ours(target)


def _is_open(target: Path) -> bool:
    """True if Excel, WPS or LibreOffice has the file open: they leave a lock file beside it."""
    locks = (f"~${target.name}", f".~lock.{target.name}#")
    return any((target.parent / lock).exists() for lock in locks)


def dated_sibling(target: Path, now: float) -> Path:
    """`results 2026-11-23 07-10.xlsx`, or the next such name that is free."""
    moment = datetime.fromtimestamp(now, UTC).astimezone()
    stem = f"{target.stem} {moment:%Y-%m-%d %H-%M}"
    names = (f"{stem}{f' ({number})' if number > 1 else ''}{target.suffix}" for number in count(1))
    return next(path for path in map(target.with_name, names) if not path.exists())


def checked_target(target: Path) -> Path:
    """The real path of a target. Raises OutputError for a folder, a device or a pipe."""
    real = target.resolve()
    if real.is_dir():
        raise OutputError("output_folder", file=str(target))
    if real.exists() and not real.is_file():
        raise OutputError("output_no_file", file=str(target))
    if not real.parent.is_dir():
        raise OutputError("output_nowhere", folder=str(real.parent))
    return real


@contextmanager
def named_errors(target: Path) -> Iterator[None]:
    """Turn errors of writing into OutputError."""
    try:
        yield
    except OutputError:
        raise
    except WriteError as error:
        raise OutputError("output_unfit", file=str(target), reason=error) from error
    except OSError as error:
        number = error.errno or 0
        raise OutputError("output_failed", errno=number, file=str(target), reason=error) from error


def sweep(folder: Path) -> None:
    """Remove part files that a killed process left behind."""
    for left in folder.glob(".rowmill-*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()
            else:
                _remove_orphan(left)


def _remove_orphan(part: Path) -> None:
    with part.open("r+b", buffering=0) as file:
        if not claim(file):
            return
        if sys.platform != "win32":
            part.unlink()  # while claimed: a process that has just created it sees it is gone
            return
    part.unlink()  # Windows cannot remove an open file


def _keep_mode(part: Path, target: Path) -> None:
    with suppress(OSError):  # not every file system has modes
        part.chmod(stat.S_IMODE(target.stat().st_mode))


def _replaced(part: Path, target: Path) -> bool:
    """Rename over the target; False if another program still holds it after all retries."""
    for pause in (*REPLACE_RETRY_DELAYS, None):
        try:
            part.replace(target)
        except PermissionError:
            if pause is None:
                break
            time.sleep(pause)
        else:
            return True
    return False
