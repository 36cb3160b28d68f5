"""Gives the live page local copies of pictures on a target: only of those that the table names."""

import hashlib
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path, PurePosixPath

from jobs.store.queue.refetch import kept_file
from runner.files.thumbnails import make_missing
from runner.workspace.target import FILES, FileTarget
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_COPIES = 500


class TargetCopies:
    """The copies of one server; `close` removes them. Its functions block."""

    def __init__(self, workspace: Workspace, target: FileTarget) -> None:
        self._workspace = workspace
        self._target = target
        self._folder = tempfile.TemporaryDirectory(prefix="rowmill-serve-")
        self._copies: OrderedDict[str, Path] = OrderedDict()
        self._lock = threading.Lock()
        self._decoding = threading.Lock()

    def close(self) -> None:
        """Remove all copies."""
        self._folder.cleanup()

    def of(self, name: str) -> Path | None:
        """A copy with the bytes that the table knows; None if there is no such file.

        Raises FileTargetError if the target cannot be read now.
        """
        with self._workspace.place.look() as store, store.read() as tx:
            known = kept_file(tx, SHEET_ID, name)
        if known is None:
            return None
        key = f"{known.sha256.hex()}{_ending(name)}"
        with self._lock:
            if key in self._copies:
                self._copies.move_to_end(key)
                return self._copies[key]
        copy = Path(self._folder.name) / key
        part = copy.with_name(f"{threading.get_ident()}.part")
        try:
            self._target.fetch(f"{FILES}/{name}", part)
        except FileNotFoundError:
            return None
        with part.open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != known.sha256:
                return None
        part.replace(copy)
        self._keep(key, copy)
        return copy

    def make_thumb(self, name: str) -> None:
        """Make the thumbnail of a file that the table names, if it has none."""
        with self._workspace.place.look() as store, store.read() as tx:
            known = kept_file(tx, SHEET_ID, name)
        if known is not None:
            with self._decoding:  # one decoder at a time
                make_missing(self._workspace.folder, [name], self._target)

    def _keep(self, key: str, copy: Path) -> None:
        with self._lock:
            self._copies[key] = copy
            while len(self._copies) > MAX_COPIES:
                _, old = self._copies.popitem(last=False)
                old.unlink(missing_ok=True)


def _ending(name: str) -> str:
    """The ending of a name, if it is a plain one."""
    ending = PurePosixPath(name).suffix.lower()
    return ending if ending[1:].isalnum() and len(ending) < 10 else ""
