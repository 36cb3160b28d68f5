"""Writes a sheet's report as a file, whole or not at all, with its thumbnails."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.export.placing import checked_target, named_errors, part_beside, put
from jobs.export.traces import Traces
from jobs.store.log import Run
from jobs.store.queries.gallery import file_names
from jobs.thumbnails import thumb_path
from runner.catalogue import say
from runner.exits import Refusal
from runner.files.targets import files_address
from runner.files.thumbnails import make_missing
from runner.report.facts import Facts, facts_of
from runner.report.page import FilesPlace, PageLocation, render
from runner.report.rows import Records
from runner.workspace.target import SharedFolder
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_INLINE_BYTES = 25 << 20  # bytes of thumbnails in a single file; browsers become slow above that


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Options of a report. `target` None: beside the table. `running`: a run is in progress."""

    target: Path | None = None
    single_file: bool = False
    running: bool = False
    making: Callable[[int], None] | None = None  # called with the number to make


def write_report(workspace: Workspace, wish: ReportOptions) -> tuple[Path, bool]:
    """Write the report; returns its path, and True if a sibling of a foreign file was used.

    Raises Refusal if there is nothing to report or a single file would be too large,
    OutputError if it cannot be written.
    """
    target = wish.target or workspace.report
    real = checked_target(target)
    missing = [name for name, thumb in _thumbs(workspace) if not thumb.exists()]
    if missing and wish.making is not None:
        wish.making(len(missing))
    make_missing(workspace.folder, missing, workspace.target)
    with facts_of(workspace, now=time.time(), running=wish.running) as facts:
        place = _place(workspace, facts, at=real.parent)
        if wish.single_file:
            place = replace(place, inline=_inlined(workspace))
        with named_errors(target), part_beside(real) as (_, file):
            file.writelines(piece.encode(errors="replace") for piece in render(facts, place))
            path, moved = put(file, real, traces=Traces(workspace.folder), now=time.time())
    return (path if moved else target), moved


def _thumbs(workspace: Workspace) -> list[tuple[str, Path]]:
    """The pictures of all answers in use, each with its thumbnail's path."""
    with workspace.place.look() as store, store.read() as tx:
        names = file_names(tx, SHEET_ID)
    return [(name, thumb_path(workspace.folder, name)) for name in names]


def _place(workspace: Workspace, facts: Facts, *, at: Path) -> PageLocation:
    records = Records(
        sheet_word=facts.sheet_word,
        has_thumb=lambda name: thumb_path(workspace.folder, name).exists(),
        rows=len(facts.shown),
        columns=facts.columns,
    )
    return PageLocation(
        base=_way(workspace.folder, at),
        inputs=None if workspace.place.shared else _way(workspace.folder.parent, at),
        store=store_name(workspace),
        files=_files_place(workspace, facts.last),
        records=records,
    )


def _way(folder: Path, at: Path) -> str:
    """The relative path from the page to a folder, with a slash at its end."""
    try:
        way = Path(os.path.relpath(folder.resolve(), at)).as_posix()
    except ValueError:  # on another drive
        way = folder.resolve().as_uri()
    return "" if way == "." else f"{way}/"


def store_name(workspace: Workspace) -> str:
    """A name for what a browser keeps of this workspace's page."""
    place = f"{workspace.folder.resolve()}#{workspace.name}"
    return hashlib.blake2b(place.encode(errors="replace"), digest_size=8).hexdigest()


def _files_place(workspace: Workspace, last: Run | None) -> FilesPlace | None:
    """Where files on a target are: a browser opens a folder, but only one the person named."""
    address = files_address(workspace, last)
    if address is None:
        return None
    if isinstance(workspace.target, SharedFolder):
        return FilesPlace(address=f"{Path(address).as_uri()}/", opens=True)
    return FilesPlace(address=f"{address}/", opens=False)


def _inlined(workspace: Workspace) -> Iterator[tuple[str, bytes]]:
    """The thumbnails to embed. Raises Refusal if they are too large together."""
    found = [(name, thumb) for name, thumb in _thumbs(workspace) if thumb.exists()]
    size = sum(thumb.stat().st_size for _, thumb in found)
    if size > MAX_INLINE_BYTES:
        megabytes = f"{size / (1 << 20):,.0f}"
        raise Refusal(say("report.too_large", size=megabytes, most=str(MAX_INLINE_BYTES >> 20)))
    return ((name, thumb.read_bytes()) for name, thumb in found)
