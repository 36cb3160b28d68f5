"""Copies the files of picked results into a folder, with a list of them."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from jobs.export.placing import named_errors, part_beside, put
from jobs.export.traces import Traces
from jobs.filesystem import flush, flush_folder
from jobs.sheet.write.delimited import write_delimited
from jobs.sheet.write.writers import Column, ColumnKind, Record, ResultColumns
from jobs.store.picks import PickedFile
from runner.workspace.target import FILES
from runner.workspace.workspace import Workspace

LIST_NAME = "picks.csv"
COPY_BYTES = 1 << 20
_COLUMNS = (
    Column(name="result_row", kind=ColumnKind.INTEGER),
    Column(name="result_key", kind=ColumnKind.TEXT, foreign=True),
    Column(name="result_pick", kind=ColumnKind.TEXT),
    Column(name="result_files", kind=ColumnKind.TEXT, foreign=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedPicks:
    """What was copied; `lost` files are missing or are not what was saved."""

    folder: Path
    files: int
    list: Path
    lost: tuple[str, ...] = ()


def copy_picks(workspace: Workspace, picked: list[PickedFile], folder: Path) -> CopiedPicks:
    """Copy the files, each whole, and write the list. Raises OutputError.

    A file that is there with the same bytes stays; other bytes under its name stay too, and the
    copy gets a number.
    """
    lost: list[str] = []
    placed: list[tuple[PickedFile, str]] = []
    with named_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for one in picked:
            name = _copied(workspace, one, folder)
            if name is None:
                lost.append(one.name)
            else:
                placed.append((one, name))
        flush_folder(folder)
        target = (folder / LIST_NAME).resolve()
        with part_beside(target) as (_, file):
            columns = ResultColumns(columns=_COLUMNS, typed=False)
            write_delimited(file, columns, _lines(placed), delimiter=",", safe=False)
            path, _ = put(file, target, traces=Traces(workspace.folder), now=time.time())
    return CopiedPicks(folder=folder, files=len(placed), list=path, lost=tuple(lost))


def _lines(placed: list[tuple[PickedFile, str]]) -> Iterator[Record]:
    for one, name in placed:
        yield [one.row, one.key, str(one.pick), name]


def _copied(workspace: Workspace, one: PickedFile, folder: Path) -> str | None:
    """Copy one file; returns its name in the folder, None if its bytes are not to be found."""
    plain = "-".join(PurePosixPath(one.name).parts)
    for number in count(1):
        path = Path(plain)
        name = plain if number == 1 else f"{path.stem} ({number}){path.suffix}"
        target = folder / name
        if target.exists():
            if target.is_file() and _digest(target) == one.sha256:
                return name
            continue
        return name if _placed(workspace, one, target) else None
    raise AssertionError("a number is free")


def _placed(workspace: Workspace, one: PickedFile, target: Path) -> bool:
    with part_beside(target) as (part, file):
        try:
            if workspace.target is not None:
                with workspace.target.opened(f"{FILES}/{one.name}") as source:
                    while piece := source.read(COPY_BYTES):
                        file.write(piece)
            else:
                with (workspace.files / one.name).open("rb") as source:
                    while piece := source.read(COPY_BYTES):
                        file.write(piece)
        except FileNotFoundError:
            return False
        file.flush()
        if _digest(part) != one.sha256:
            return False
        flush(file.fileno())
        file.close()  # Windows cannot rename an open file
        part.rename(target)
    return True


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
