"""One provider batch of the mock, and the files it comes from and ends in."""

import asyncio
import hashlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobs.job import JSON
from runner.mock.batch_script import Fate

FORMS = ("openai", "anthropic", "gemini", "openrouter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """One row as it was ordered: its id, the path it would go to, and its body."""

    row: str
    path: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """One row's answer."""

    row: str
    status: int
    body: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True)
class SoldBatch:
    """One batch. `state` is a word of the mock: validating, working, finalizing, then its end."""

    id: str
    form: str
    number: int
    model: str
    url: str
    fate: Fate
    input_file: str = ""
    label: dict[str, str] = field(default_factory=dict)  # metadata, or the display name
    rows: Sequence[Ordered] = field(default=(), repr=False)
    tokens: int = 0
    created: float = field(default_factory=time.time)
    ended: float | None = None
    state: str = "validating"
    problems: list[JSON] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    done: list[Worked] = field(default_factory=list, repr=False)
    result_files: list[str] = field(default_factory=list)
    is_removed: bool = False

    @property
    def is_cancelling(self) -> bool:
        """True from the cancel on."""
        return self.cancelled.is_set()

    @property
    def total(self) -> int:
        """The number of rows."""
        return len(self.rows)

    @property
    def has_ended(self) -> bool:
        """True in every final state."""
        return self.ended is not None

    @property
    def row_ids(self) -> list[str]:
        """The ids of its rows."""
        return [one.row for one in self.rows]

    def counts(self) -> tuple[int, int]:
        """Rows that succeeded, and rows that failed."""
        good = sum(one.status < 300 for one in self.done)
        return good, len(self.done) - good


class BatchFiles:
    """Files that were uploaded or written by batches, on disk and by name."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._known: dict[str, Path] = {}
        self.removed: list[str] = []

    def path(self, name: str) -> Path:
        """Where the bytes of a new file go."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="rowmill-mock-"))
        self._known[name] = self._folder / hashlib.sha256(name.encode()).hexdigest()[:24]
        return self._known[name]

    def find(self, name: str) -> Path | None:
        """A file that is still there."""
        return self._known.get(name)

    def remove(self, name: str) -> bool:
        """True if there was such a file."""
        path = self._known.pop(name, None)
        if path is None:
            return False
        path.unlink(missing_ok=True)
        self.removed.append(name)
        return True

    @property
    def names(self) -> list[str]:
        """The files that are still there."""
        return list(self._known)

    def close(self) -> None:
        """Remove all of them."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
