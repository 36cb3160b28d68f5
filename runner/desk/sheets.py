"""The sheets of the desk's folder: which there are, how they stand, and storing a new one."""

import hashlib
import os
import re
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from jobs.errors import ExpectedError
from jobs.job import JSON
from jobs.sheet.reader import FORMATS
from jobs.store.queries.totals import Counts, counts
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.exits import Refusal
from runner.settings.database_place import database_place
from runner.settings.known_database import known_database
from runner.workspace.lookup import of_sheet
from runner.workspace.workspace import SHEET_ID, Workspace, readable

MAX_SHEETS = 300  # listed, the newest first
MAX_NAME_CHARACTERS = 120
OLDER_SHEETS = "older-sheets"
"""The folder in a workspace that keeps what a new version of its sheet replaced."""

FORBIDDEN_SIGNS = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


class NoSuchSheetError(Exception):
    """The desk's folder has no sheet of this name."""


class SameName(StrEnum):
    """What to do with a dropped sheet whose name is taken by one with other bytes."""

    ASK = "ask"
    VERSION = "version"
    ANOTHER = "another"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where a dropped sheet went. `is_taken`: nowhere yet, its name belongs to another."""

    name: str
    is_taken: bool = False


def sheet_named(folder: Path, name: object) -> Path:
    """The sheet of that name directly in the folder. Raises NoSuchSheetError for any other."""
    if not isinstance(name, str) or not name or Path(name).name != name or "\x00" in name:
        raise NoSuchSheetError
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve()) and path.is_file()
    except OSError:  # a name that no file system holds
        inside = False
    if not inside or not _is_sheet(name):
        raise NoSuchSheetError
    return path


def workspace_of(sheet: Path) -> Workspace:
    """The workspace of a sheet, with the database that holds its table if one does."""
    workspace = of_sheet(sheet, None)
    url = known_database(workspace.folder)
    if url is None:
        return workspace
    url = url if url.name is not None else url.named(sheet.name)
    return Workspace(folder=workspace.folder, database=database_place(url, os.environ))


def listed(folder: Path) -> list[dict[str, JSON]]:
    """The sheets of the folder with how each stands, the last changed first."""
    found = sorted(_sheets(folder), key=_changed_at, reverse=True)
    return [_standing(path) for path in found[:MAX_SHEETS]]


def _sheets(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if _is_sheet(entry.name) and entry.is_file():
            yield Path(entry.path)


def _is_sheet(name: str) -> bool:
    hidden = name.startswith((".", "~$"))
    return not hidden and Path(name).suffix.lower().removeprefix(".") in FORMATS


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _standing(path: Path) -> dict[str, JSON]:
    """One sheet: its name, whether a run is at work, and its rows by state."""
    record: dict[str, JSON] = {"name": path.name, "running": False, "rows": None}
    try:
        workspace = workspace_of(path)
        record["running"] = workspace.is_running()
        rows = _counts(workspace, path.name)
    except Refusal as error:
        return {**record, "trouble": error.message}
    except ExpectedError as error:
        return {**record, "trouble": reason(error)}
    return record if rows is None else {**record, "rows": _numbers(rows)}


def _counts(workspace: Workspace, name: str) -> Counts | None:
    with readable(workspace) as known:
        loaded = known.loaded()
        if loaded is None or loaded.sheet != name:
            return None
        with known.place.look() as store, store.read() as tx:
            return counts(tx, SHEET_ID)


def _numbers(rows: Counts) -> dict[str, JSON]:
    names = ("total", "done", "failed", "in_doubt", "skipped", "pending")
    return {name: getattr(rows, name) for name in names}


# --- a dropped sheet ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file on its way into the folder, under a name that no list shows."""

    path: Path
    out: IO[bytes]

    @classmethod
    def in_folder(cls, folder: Path) -> "NewFile":
        """An empty one. Raises OSError."""
        handle, name = tempfile.mkstemp(dir=folder, prefix=".dropped-")
        return cls(path=Path(name), out=os.fdopen(handle, "wb"))

    def discard(self) -> None:
        """Take it away again."""
        self.out.close()
        self.path.unlink(missing_ok=True)


def safe_name(text: str) -> str | None:
    """The name under which a dropped file may be stored; None if it is no name of a sheet."""
    name = unicodedata.normalize("NFC", text).strip().rstrip(". ")
    unfit = FORBIDDEN_SIGNS.search(name) or _DEVICES.match(name) or not _is_sheet(name)
    return None if unfit or len(name) > MAX_NAME_CHARACTERS else name


def store(folder: Path, name: str, part: Path, how: SameName) -> Stored:
    """Give a received file its name. The file under it is kept aside if it is replaced."""
    place = folder / name
    if not place.exists() or _digest(place) == _digest(part):
        part.replace(place)
        return Stored(name=name)
    match how:
        case SameName.ASK:
            part.unlink()
            return Stored(name=name, is_taken=True)
        case SameName.ANOTHER:
            place = _free_name(place)
            part.replace(place)
            return Stored(name=place.name)
        case SameName.VERSION:
            _keep_aside(place)
            part.replace(place)
            return Stored(name=name)


def _keep_aside(sheet: Path) -> None:
    """Move the sheet that is replaced into its workspace."""
    workspace = of_sheet(sheet, None)
    workspace.make()
    older = workspace.folder / OLDER_SHEETS
    older.mkdir(mode=0o700, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    sheet.replace(_free_name(older / f"{sheet.stem} {stamp}{sheet.suffix}"))


def _free_name(path: Path) -> Path:
    """The path, with a number where it is taken; its workspace must be free as well."""
    for number in range(2, 1000):
        found = path.with_name(f"{path.stem} ({number}){path.suffix}")
        if not found.exists() and not of_sheet(found, None).folder.exists():
            return found
    raise Refusal(say("desk.no_free_name", name=path.name))


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
