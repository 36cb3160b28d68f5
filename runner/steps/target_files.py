"""Puts saved files on the target of a run, each under a name that no other file has."""

import logging
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from jobs.failpoints import reach
from jobs.store.queue.file_names import Reservation, reserve_name
from jobs.store.writer import TableWriter
from runner.files.save import Saved
from runner.transport.off_loop import off_loop
from runner.workspace.answers import NotKeptError
from runner.workspace.target import FILES, FileTarget, FileTargetError

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 300.0  # with a target that takes nothing, before the run stops
STALE_SECONDS = 3600.0  # after which a part belongs to a process that died


class TargetFiles:
    """The files of one run on their way from the local disk to a target."""

    def __init__(self, target: FileTarget, writer: TableWriter, parts: Path) -> None:
        self.parts = parts
        self._target = target
        self._writer = writer
        self._away_since: float | None = None  # monotonic
        sweep(parts)

    def part_for(self, name: str) -> Path:
        """The local path for a file that is being saved; what an earlier try left is removed."""
        self.parts.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.parts.glob(f"{name}.*"):
            left.unlink(missing_ok=True)
        return self.parts / name

    async def put(self, saved: Saved, names: Iterable[str]) -> str | None:
        """Put a file under the first of these names that is free; None if none is.

        The name is reserved in the table before a byte is put. Raises FileTargetError.
        """
        try:
            for name in names:
                own = bytes.fromhex(saved.sha256)
                had = await self._writer.do(partial(reserve_name, name=name, sha256=own))
                if had is Reservation.TAKEN:
                    continue
                reach("target.reserved")
                place = f"{FILES}/{name}"
                if await off_loop(partial(self._target.put, saved.path, place)):
                    if had is Reservation.AGAIN:
                        await off_loop(partial(self._target.tidy, place))
                    self._away_since = None
                    return name
            return None
        finally:
            saved.path.unlink(missing_ok=True)

    def away(self, error: FileTargetError) -> None:
        """Note that the target cannot be used. Raises NotKeptError after minutes of that."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        log.warning("the target takes nothing: %s", error)
        if now - self._away_since > PATIENCE_SECONDS:
            raise NotKeptError(0, str(error), self._target.address) from error


def sweep(parts: Path) -> None:
    """Remove parts that a process left behind when it died."""
    old = time.time() - STALE_SECONDS
    for left in parts.glob("*"):
        try:
            if left.stat().st_mtime < old:
                left.unlink()
        except OSError:
            continue  # another process removed it
