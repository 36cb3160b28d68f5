"""The folder that holds a sheet's table, files and results: where it is, and whose it is."""

import contextlib
import os
import re
import shlex
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.lock import Holder, Lock, LockedError, holder, is_held
from jobs.store import EmptyTableError, OlderTableError, Store, TableError, Transaction
from jobs.store.batches import LoadedSheet, loaded_sheet
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.exits import Exit, Refusal

SUFFIX = ".rowmill"
REHEARSAL = ".rehearsal"
SHEET_ID = 1  # a workspace holds one sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One workspace folder; nothing in it needs to exist yet."""

    folder: Path
    aside: Path | None = None  # a copy of the table that is looked at instead

    @property
    def table(self) -> Path:
        """The job table."""
        return self.aside or self.folder / "jobs.db"

    @property
    def spool(self) -> Path:
        """Answers that are not in the table yet."""
        return self.folder / "spool"

    @property
    def answers(self) -> Path:
        """Raw answers too big for the table."""
        return self.folder / "answers"

    @property
    def files(self) -> Path:
        """Pictures and other files of answers."""
        return self.folder / "files"

    @property
    def report(self) -> Path:
        """The morning page."""
        return self.folder / "report.html"

    @property
    def log(self) -> Path:
        """One line for each attempt."""
        return self.folder / "rowmill.log"

    @property
    def bill(self) -> Path:
        """What the mock gateway charged, in a rehearsal."""
        return self.folder / "bill.jsonl"

    @property
    def lock_file(self) -> Path:
        """What a run locks."""
        return self.folder / "jobs.lock"

    def hold(self) -> Lock:
        """The lock of whoever runs this table, taken. Raises Refusal where another run has it."""
        lock = Lock(self.lock_file)
        try:
            lock.acquire()
        except LockedError as error:
            raise _held_by(error.holder) from error
        except OSError as error:
            why = reason(error)
            raise Refusal(
                say("workspace.cannot_write", folder=str(self.folder), reason=why)
            ) from error
        return lock

    def refuse_if_held(self) -> None:
        """Raise Refusal where a run holds the table now."""
        if self.is_running():
            raise _held_by(holder(self.lock_file))

    def is_running(self) -> bool:
        """Does a run hold the table now?"""
        return is_held(self.lock_file)

    def make(self) -> None:
        """Make the folder, for its owner alone: prompts may be private."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            why = reason(error)
            raise Refusal(
                say("workspace.cannot_make", folder=str(self.folder), reason=why)
            ) from error

    def bring_forward(self) -> None:
        """Bring an older table up to date, after a backup copy; never under a run that has it."""
        try:
            Store.look(self.table).close()
        except OlderTableError:
            lock = self.hold()
            try:
                Store.open(self.table).close()
            finally:
                lock.release()
        except TableError:
            return  # what is wrong is told by whoever reads it

    @property
    def open_to_others(self) -> bool:
        """Can other users of this machine look into the folder? Windows has no such bits."""
        return os.name == "posix" and bool(self.folder.stat().st_mode & 0o077)

    def loaded(self) -> LoadedSheet | None:
        """The sheet that was loaded here, or None."""
        if not self.table.exists() or self.table.stat().st_size == 0:
            return None
        try:
            store = Store.look(self.table)
        except EmptyTableError:
            return None
        try:
            with store.read() as tx:
                return loaded_sheet(tx, SHEET_ID)
        finally:
            store.close()

    def loaded_in(self, tx: Transaction) -> LoadedSheet:
        """The sheet that its table holds. Raises Refusal where none was loaded."""
        found = loaded_sheet(tx, SHEET_ID)
        if found is None:
            raise Refusal(say("workspace.none", folder=str(self.folder)))
        return found

    def sheet_of(self, loaded: LoadedSheet) -> Path:
        """Where the loaded sheet lay when it was last read."""
        return Path(
            os.path.normpath(self.folder / str(loaded.options.get("sheet_path", loaded.sheet)))
        )


@contextlib.contextmanager
def readable(workspace: Workspace) -> Iterator[Workspace]:
    """For whoever only looks: a table of an older rowmill as a copy, brought up to date."""
    try:
        if workspace.table.exists():
            Store.look(workspace.table).close()
    except OlderTableError:
        with tempfile.TemporaryDirectory(prefix="rowmill-") as folder:
            copy = Path(folder) / workspace.table.name
            Store.copy_forward(workspace.table, copy)
            yield replace(workspace, aside=copy)
        return
    except TableError:
        pass  # what is wrong is told by whoever reads it
    yield workspace


def _held_by(other: Holder) -> Refusal:
    if not other.pid:  # its lock file was deleted, or is being written
        return Refusal(say("workspace.held_unnamed"), code=Exit.BUSY)
    since = time.strftime("%H:%M", time.localtime(other.since))
    told = say("workspace.held", pid=other.pid, host=other.host, since=since)
    return Refusal(told, code=Exit.BUSY)


def near(path: Path) -> str:
    """A path as it is told to a person: from here, where it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def typed(path: Path) -> str:
    """A path as a person would type it from here."""
    return quoted(near(path))


def quoted(text: str) -> str:
    """A word as a person would type it."""
    if text and not re.search(r"[\s'\"$`&|;<>()*?#!\\~]", text):
        return text  # Chinese names too: a shell takes them as they are
    return f'"{text}"' if os.name == "nt" else shlex.quote(text)
