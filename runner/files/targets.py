"""Decides which target belongs to a workspace, and whether a run needs one."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.store import Transaction
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import Run, last_run
from jobs.store.queue.refetch import has_files
from runner.catalogue import say
from runner.exits import Refusal
from runner.files.inputs import InputPlace
from runner.settings.settings import Settings
from runner.settings.state_file import read_state, state_file, write_state
from runner.workspace.target import FILES, SCHEME, open_target
from runner.workspace.workspace import SHEET_ID, Workspace

RUN_OPTION = "files"
"""Where a run records the address of its target. It is compared and shown, never opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNeeds:
    """What the rows of a sheet do with files."""

    bringing: str | None = None  # an endpoint whose answers bring files
    local_pictures: bool = False  # pictures of the machine that loads the sheet


def why_target_is_needed(needs: FileNeeds, *, shared: bool, target: str | None) -> str | None:
    """Why a run may not start without a target, as a sentence; None if it may.

    A table in a folder needs none: one machine sees all its files.
    """
    if not shared or target is not None:
        return None
    if needs.bringing is not None:
        return say("target.needed_for_files", endpoint=needs.bringing)
    if needs.local_pictures:
        return say("target.needed_for_pictures")
    return None


def with_target(workspace: Workspace, settings: Settings) -> Workspace:
    """The workspace with its target: of this command's line, else remembered, else of settings.

    Raises Refusal for an address that cannot be one.
    """
    own = settings.files
    if settings.sources["files"] != "flag":
        own = known_target(workspace.folder) or own
    return workspace if own is None else replace(workspace, target=open_target(own))


def settled_target(tx: Transaction, workspace: Workspace, settings: Settings) -> Workspace:
    """For what saves or opens files: the workspace with the target that its files are on.

    Raises Refusal if the table's files are elsewhere.
    """
    last = last_run(tx, SHEET_ID)
    ours = workspace.target.address if workspace.target is not None else None
    theirs = recorded_target(last)
    is_on = last is not None and last.ended_at is None and workspace.place.shared
    if last is None or ours == theirs or not (is_on or has_files(tx)):
        return workspace
    if ours is None:
        raise Refusal(say("target.elsewhere", theirs=theirs))
    if theirs is not None:
        raise Refusal(say("target.other", theirs=theirs, ours=ours))
    if settings.sources["files"] != "flag":
        return replace(workspace, target=None)  # what holds for all sheets moves no files of this
    if workspace.place.shared:
        raise Refusal(say("target.none", ours=ours))
    raise Refusal(say("target.local_files", folder=str(workspace.files), target=ours))


def inputs_of(workspace: Workspace, loaded: LoadedSheet, settings: Settings) -> InputPlace:
    """Where the files are that the rows of a loaded sheet send."""
    return InputPlace(
        folder=workspace.sheet_of(loaded).parent,
        allowed=settings.files_from,
        shared=workspace.place.shared,
        target=workspace.target,
    )


def run_record(workspace: Workspace) -> dict[str, str]:
    """What a run records of its target."""
    return {RUN_OPTION: workspace.target.address} if workspace.target is not None else {}


def recorded_target(run: Run | None) -> str | None:
    """The address that a run recorded; the table may come from anybody, so it is only text."""
    found = run.options.get(RUN_OPTION) if run is not None else None
    plausible = isinstance(found, str) and len(found) < 1000 and found.isprintable()
    return found if plausible and _ADDRESS.match(str(found)) else None  # type: ignore[return-value]  # a text


_ADDRESS = re.compile(rf"{SCHEME.pattern}//[^/]|/|[A-Za-z]:/")


def files_address(workspace: Workspace, run: Run | None) -> str | None:
    """The address of the folder that results name; None if it is the workspace's own."""
    if workspace.target is not None:
        return workspace.target.address_of(FILES)
    theirs = recorded_target(run)
    return None if theirs is None else f"{theirs}/{FILES}"


def known_target(workspace: Path) -> str | None:
    """The target that a flag gave for this workspace on this machine, or None."""
    return read_state(_file()).get(str(workspace.resolve()))


def remember_target(workspace: Workspace, settings: Settings) -> None:
    """Remember a target that a flag gave. If that fails, the flag must be given again."""
    if workspace.target is None or settings.sources["files"] != "flag":
        return
    known = read_state(_file())
    name = str(workspace.folder.resolve())
    if known.get(name) != workspace.target.address:
        with suppress(OSError):
            write_state(_file(), {**known, name: workspace.target.address})


def why_refused(workspace: Workspace, endpoints: Iterable[str]) -> str | None:
    """Why rows of these endpoints may not be sent; None if they may."""
    from runner.endpoints.registry import ENDPOINTS  # noqa: PLC0415 - only for a shared table

    return why_target_is_needed(
        FileNeeds(bringing=next((one for one in endpoints if ENDPOINTS[one].pictures), None)),
        shared=workspace.place.shared,
        target=workspace.target.address if workspace.target is not None else None,
    )


def _file() -> Path:
    return state_file("targets.json")
