"""Writes a sheet's report as a file: whole or not at all, with the thumbnails it shows."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.export.placing import checked_target, named_errors, part_beside, put
from jobs.export.traces import Traces
from jobs.store import Store
from jobs.store.queries.gallery import file_names
from jobs.thumbnails import thumb_path
from runner.catalogue import say
from runner.exits import Refusal
from runner.files.thumbnails import make_missing
from runner.report.facts import Facts, facts_of
from runner.report.page import PageLocation, render
from runner.report.rows import Records
from runner.workspace.workspace import SHEET_ID, Workspace

MOST_INLINE = 25 << 20  # bytes of thumbnails in a single file; browsers grow slow above


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """How a report is wanted. `target` None: beside the table. `running`: a run goes on now."""

    target: Path | None = None
    single_file: bool = False
    running: bool = False
    making: Callable[[int], None] | None = None  # told how many thumbnails have to be made first


def write_report(workspace: Workspace, wish: ReportOptions) -> tuple[Path, bool]:
    """Write it; returns where it is, and whether that is beside a target that is not ours.

    Raises Refusal where there is nothing to tell or a single file would be too large, OutputError
    where it cannot be written.
    """
    target = wish.target or workspace.report
    real = checked_target(target)
    missing = [name for name, thumb in _thumbs(workspace) if not thumb.exists()]
    if missing and wish.making is not None:
        wish.making(len(missing))
    make_missing(workspace.folder, missing)
    with facts_of(workspace, now=time.time(), running=wish.running) as facts:
        place = _place(workspace, facts, at=real.parent)
        if wish.single_file:
            place = replace(place, inline=_inlined(workspace))
        with named_errors(target), part_beside(real) as (_, file):
            file.writelines(piece.encode(errors="replace") for piece in render(facts, place))
            path, moved = put(file, real, traces=Traces(workspace.folder), now=time.time())
    return (path if moved else target), moved


def _thumbs(workspace: Workspace) -> list[tuple[str, Path]]:
    """The pictures of all answers in use, each with the path of its thumbnail."""
    store = Store.look(workspace.table)
    try:
        with store.read() as tx:
            names = file_names(tx, SHEET_ID)
    finally:
        store.close()
    return [(name, thumb_path(workspace.folder, name)) for name in names]


def _place(workspace: Workspace, facts: Facts, *, at: Path) -> PageLocation:
    records = Records(
        sheet_word=facts.sheet_word,
        has_thumb=lambda name: thumb_path(workspace.folder, name).exists(),
        rows=len(facts.shown),
    )
    try:
        way = Path(os.path.relpath(workspace.folder.resolve(), at)).as_posix()
    except ValueError:  # another drive
        way = workspace.folder.resolve().as_uri()
    return PageLocation(base="" if way == "." else f"{way}/", records=records)


def _inlined(workspace: Workspace) -> Iterator[tuple[str, bytes]]:
    """The thumbnails that go into the page itself. Raises Refusal where they are too much."""
    found = [(name, thumb) for name, thumb in _thumbs(workspace) if thumb.exists()]
    size = sum(thumb.stat().st_size for _, thumb in found)
    if size > MOST_INLINE:
        megabytes = f"{size / (1 << 20):,.0f}"
        raise Refusal(say("report.too_large", size=megabytes, most=str(MOST_INLINE >> 20)))
    return ((name, thumb.read_bytes()) for name, thumb in found)
