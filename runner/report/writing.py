"""Writes a sheet's report as a file: whole or not at all, with the thumbnails it shows."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.export.placing import checked_target, named_errors, part_beside, put
from jobs.export.traces import Traces
from jobs.thumbs import thumb_path
from runner.catalogue import say
from runner.exits import Refusal
from runner.report.facts import Facts, facts_of
from runner.report.page import Place, render
from runner.report.rows import Records
from runner.thumbnails import make_missing
from runner.workspace import Workspace

MOST_INLINE = 25 << 20  # bytes of thumbnails in a single file; browsers grow slow above


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a report is wanted. `target` None: beside the table. `running`: a run goes on now."""

    target: Path | None = None
    single_file: bool = False
    running: bool = False
    making: Callable[[int], None] | None = None  # told how many thumbnails have to be made first


def write_report(workspace: Workspace, wish: Wish) -> tuple[Path, bool]:
    """Write it; returns where it is, and whether that is beside a target that is not ours.

    Raises Refusal where there is nothing to tell or a single file would be too large, OutputError
    where it cannot be written.
    """
    target = wish.target or workspace.report
    real = checked_target(target)
    facts = facts_of(workspace, now=time.time(), running=wish.running)
    names = [name for row in facts.shown for name in row.files]
    missing = [name for name in names if not thumb_path(workspace.folder, name).exists()]
    if missing and wish.making is not None:
        wish.making(len(missing))
    make_missing(workspace.folder, missing)
    place = _place(workspace, facts, names, at=real.parent)
    if wish.single_file:
        place = _inlined(workspace, place, names)
    text = render(facts, place)
    with named_errors(target):
        with part_beside(real) as (part, file):
            file.write(text.encode(errors="replace"))
        path, moved = put(part, real, traces=Traces(workspace.folder), now=time.time())
    return (path if moved else target), moved


def _place(workspace: Workspace, facts: Facts, names: list[str], *, at: Path) -> Place:
    thumbs = frozenset(name for name in names if thumb_path(workspace.folder, name).exists())
    records = Records(
        sheet_word=facts.sheet_word, has_thumb=thumbs.__contains__, rows=len(facts.shown)
    )
    try:
        way = Path(os.path.relpath(workspace.folder.resolve(), at)).as_posix()
    except ValueError:  # another drive
        way = workspace.folder.resolve().as_uri()
    return Place(base="" if way == "." else f"{way}/", records=records)


def _inlined(workspace: Workspace, place: Place, names: list[str]) -> Place:
    """The page with its thumbnails inside."""
    paths = {
        name: thumb_path(workspace.folder, name) for name in names if place.records.has_thumb(name)
    }
    size = sum(path.stat().st_size for path in paths.values())
    if size > MOST_INLINE:
        megabytes = f"{size / (1 << 20):,.0f}"
        raise Refusal(say("report.too_large", size=megabytes, most=str(MOST_INLINE >> 20)))
    return replace(place, inline=lambda name: paths[name].read_bytes())
