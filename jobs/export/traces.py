"""Records the digests of results files that we wrote."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from jobs.job import JSON

TRACES_FILE = "results.digest"
KEPT_TRACES = 2  # versions of one file: the one in place, and the one about to replace it


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Size and digest of a file."""

    size: int
    digest: str


def trace(path: Path) -> Trace:
    """Size and digest of the file now."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        return Trace(size=file.tell(), digest=digest.hexdigest())


class Traces:
    """A workspace's record of all results files written from it."""

    def __init__(self, workspace: Path) -> None:
        self._folder = workspace.resolve()
        self._path = self._folder / TRACES_FILE

    def is_ours(self, target: Path) -> bool:
        """True if this file is byte for byte one that we wrote there."""
        known = self._read().get(self._key(target))
        if not known:
            return False
        size = target.stat().st_size
        return any(one.size == size for one in known) and trace(target) in known

    def add(self, target: Path, one: Trace) -> None:
        """Record what the file is about to hold.

        Called before the file is put in place: after a crash in between, the previous file is
        still there, and still recorded.
        """
        known = {key: kept for key, kept in self._read().items() if (self._folder / key).exists()}
        before = self._read().get(self._key(target), [])
        known[self._key(target)] = [one, *(old for old in before if old != one)][:KEPT_TRACES]
        written = {
            key: [{"size": old.size, "blake2b": old.digest} for old in kept]
            for key, kept in known.items()
        }
        part = self._path.with_suffix(".digest.part")
        with part.open("w", encoding="utf-8") as file:
            json.dump({"schema": 1, "written": written}, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)

    def _key(self, target: Path) -> str:
        """A relative path inside the workspace, which may be moved; an absolute path elsewhere."""
        whole = target.resolve()
        inside = whole.is_relative_to(self._folder)
        return (whole.relative_to(self._folder) if inside else whole).as_posix()

    def _read(self) -> dict[str, list[Trace]]:
        """The record; empty if it is unreadable, and then nothing is overwritten."""
        try:
            found: JSON = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        written = found.get("written") if isinstance(found, dict) else None
        if not isinstance(written, dict):
            return {}
        return {
            key: [one for one in map(_read_trace, kept) if one is not None]
            for key, kept in written.items()
            if isinstance(kept, list)
        }


def _read_trace(value: JSON) -> Trace | None:
    match value:
        case {"size": int(size), "blake2b": str(digest)}:
            return Trace(size=size, digest=digest)
        case _:
            return None
