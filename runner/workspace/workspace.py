"""The folder that holds a sheet's table, files and results."""

import contextlib
import os
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.lock import Holder, Lock, LockedError, holder, is_held
from jobs.place import DatabasePlace, FolderPlace, Place
from jobs.store import EmptyTableError, OlderTableError, Store, TableError, Transaction
from jobs.store.at_work import hosts_at_work
from jobs.store.loaded_sheets import LoadedSheet, loaded_sheet
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.exits import Exit, Refusal

if TYPE_CHECKING:
    from runner.workspace.target import FileTarget

SUFFIX = ".rowmill"
REHEARSAL = ".rehearsal"
SHEET_ID = 1  # a workspace holds one sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One workspace folder; nothing in it needs to exist yet."""

    folder: Path
    database: DatabasePlace | None = None  # where its table is, if not in the folder
    aside: Path | None = None  # a copy of the table to read instead
    target: "FileTarget | None" = None  # where its files are, if not in the folder

    @property
    def table(self) -> Path:
        """The file of a job table that is in the folder."""
        return self.aside or self.folder / "jobs.db"

    @property
    def place(self) -> Place:
        """Where the job table is."""
        return self.database or FolderPlace(table=self.table)

    def place_of(self, origin: str) -> Place:
        """The same, where a table is made for a sheet of this origin."""
        if self.database is None:
            return self.place
        return replace(self.database, origin=origin)

    @property
    def name(self) -> str:
        """What to call it for people."""
        return str(self.folder) if self.database is None else self.database.name

    @property
    def spool(self) -> Path:
        """Answers that are not in the table yet."""
        return self.folder / "spool"

    @property
    def answers(self) -> Path:
        """Raw answers that are too large for the table."""
        return self.folder / "answers"

    @property
    def files(self) -> Path:
        """Pictures and other files of answers."""
        return self.folder / "files"

    @property
    def parts(self) -> Path:
        """Files on their way to the target."""
        return self.folder / "parts"

    @property
    def batches(self) -> Path:
        """Lines of provider batches on their way out, and results on their way in."""
        return self.folder / "batches"

    @property
    def report(self) -> Path:
        """The report page."""
        return self.folder / "report.html"

    @property
    def log(self) -> Path:
        """One line for each attempt."""
        return self.folder / "rowmill.log"

    @property
    def bill(self) -> Path:
        """What the mock gateway billed in a rehearsal."""
        return self.folder / "bill.jsonl"

    @property
    def lock_file(self) -> Path:
        """The file that a run locks."""
        return self.folder / "jobs.lock"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the table for one run. Raises Refusal if another run holds it.

        A shared table has many hosts at a time, which its database keeps apart.
        """
        if self.place.shared:
            yield
            return
        lock = self.hold()
        try:
            yield
        finally:
            lock.release()

    def hold(self) -> Lock:
        """Take the lock of a folder's table. Raises Refusal if another run holds it."""
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
        """Raise Refusal if a run holds the table now."""
        if self.is_running():
            raise _held_by(holder(self.lock_file))

    def is_running(self) -> bool:
        """True if a run is at work on the table now."""
        if self.place.shared:
            return _has_hosts(self.place)
        return is_held(self.lock_file)

    def make(self) -> None:
        """Make the folder, accessible to its owner only: prompts may be private."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            why = reason(error)
            raise Refusal(
                say("workspace.cannot_make", folder=str(self.folder), reason=why)
            ) from error

    def bring_forward(self) -> None:
        """Migrate an older table, after a backup copy; never while a run holds it."""
        try:
            self.place.look().close()
        except OlderTableError:
            with self.held():
                self.place.open().close()
        except TableError:
            return  # the reader of the table reports what is wrong

    @property
    def open_to_others(self) -> bool:
        """True if other users of this machine can read the folder. Always False on Windows."""
        return os.name == "posix" and bool(self.folder.stat().st_mode & 0o077)

    def loaded(self) -> LoadedSheet | None:
        """The sheet that was loaded here, or None."""
        if not self.place.shared and not self.place.exists():
            return None  # a database says so itself, when it is looked at
        try:
            store = self.place.look()
        except EmptyTableError:
            return None
        with store, store.read() as tx:
            return loaded_sheet(tx, SHEET_ID)

    def loaded_in(self, tx: Transaction) -> LoadedSheet:
        """The sheet in its table. Raises Refusal if none was loaded."""
        found = loaded_sheet(tx, SHEET_ID)
        if found is None:
            raise Refusal(say("workspace.none", folder=self.name))
        return found

    def sheet_of(self, loaded: LoadedSheet) -> Path:
        """The path of the loaded sheet when it was last read.

        A table that others can write chooses no path: there it is the sheet beside the folder.
        """
        if self.place.shared:
            return self.folder.parent / Path(loaded.sheet).name
        return Path(
            os.path.normpath(self.folder / str(loaded.options.get("sheet_path", loaded.sheet)))
        )


@contextlib.contextmanager
def readable(workspace: Workspace) -> Iterator[Workspace]:
    """For readers: the workspace; an older table is read from a migrated copy."""
    if workspace.place.shared:
        yield workspace
        return
    try:
        if workspace.table.exists():
            Store.look(workspace.table).close()
    except OlderTableError:
        from tempfile import TemporaryDirectory  # noqa: PLC0415 - an older table is rare

        with TemporaryDirectory(prefix="rowmill-") as folder:
            copy = Path(folder) / workspace.table.name
            Store.copy_forward(workspace.table, copy)
            yield replace(workspace, aside=copy)
        return
    except TableError:
        pass  # the reader of the table reports what is wrong
    yield workspace


def _has_hosts(place: Place) -> bool:
    """True if hosts are at work on a shared table."""
    try:
        store = place.look()
    except EmptyTableError:
        return False
    with store, store.read() as tx:
        return bool(hosts_at_work(tx))


def _held_by(other: Holder) -> Refusal:
    if not other.pid:  # the lock file was deleted, or is being written
        return Refusal(say("workspace.held_unnamed"), code=Exit.BUSY)
    since = time.strftime("%H:%M", time.localtime(other.since))
    message = say("workspace.held", pid=other.pid, host=other.host, since=since)
    return Refusal(message, code=Exit.BUSY)


def near(path: Path) -> str:
    """A path for people: relative if it is below the current folder."""
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
        return text  # Chinese names need no quotes
    return f'"{text}"' if os.name == "nt" else shlex.quote(text)
