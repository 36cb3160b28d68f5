"""Finds the workspace that a command means: by sheet, by folder, or the only one here."""

import contextlib
import json
from pathlib import Path

from jobs.store import TableError
from runner.catalogue import say
from runner.exits import Refusal
from runner.workspace.workspace import REHEARSAL, SUFFIX, Workspace


def of_sheet(sheet: Path, given: Path | None) -> Workspace:
    """The workspace of a sheet: as given, else as remembered, else beside the sheet."""
    if given is not None:
        return Workspace(folder=given.absolute())
    elsewhere = _remembered().get(str(sheet.absolute()))
    if elsewhere is not None and Path(elsewhere).exists():
        return Workspace(folder=Path(elsewhere))
    return Workspace(folder=sheet.absolute().with_suffix(SUFFIX))


def of_rehearsal(sheet: Path, given: Path | None) -> Workspace:
    """The folder of a sheet's rehearsals; never the real workspace."""
    return Workspace(folder=given.absolute() if given else sheet.absolute().with_suffix(REHEARSAL))


def find(named: Path | None, given: Path | None = None) -> Workspace:
    """The workspace that a command means: by sheet, by folder, or the only one in this folder.

    Raises Refusal if there is none or more than one.
    """
    if named is not None and (named.is_dir() or named.suffix in (SUFFIX, REHEARSAL)):
        return _existing(Workspace(folder=named.absolute()))
    if given is not None:
        return _existing(Workspace(folder=given.absolute()))
    if named is None:
        return _only_one(Path.cwd())
    return around(named) or _existing(of_sheet(named, None))


def around(named: Path) -> Workspace | None:
    """The workspace that contains a results file: the file stands for its sheet."""
    folder = named.absolute().parent
    ours = folder.suffix in (SUFFIX, REHEARSAL) or named.stem.startswith("results")
    return Workspace(folder=folder) if ours and (folder / "jobs.db").exists() else None


def folder_of(named: Path | None, given: Path | None) -> Path | None:
    """The workspace folder that these words mean, whether it exists or not; None without any."""
    if named is not None and (named.is_dir() or named.suffix in (SUFFIX, REHEARSAL)):
        return named.absolute()
    if given is not None or named is None:
        return given.absolute() if given is not None else None
    inside = named.absolute().parent
    if inside.suffix in (SUFFIX, REHEARSAL):
        return inside
    around_it = around(named)
    return around_it.folder if around_it is not None else of_sheet(named, None).folder


def _existing(workspace: Workspace) -> Workspace:
    if not workspace.table.exists():
        raise Refusal(say("workspace.none", folder=str(workspace.folder)))
    return workspace


def all_in(folder: Path) -> list[Workspace]:
    """The workspaces directly in this folder that have a table there."""
    return [Workspace(folder=path.parent) for path in sorted(folder.glob(f"*{SUFFIX}/jobs.db"))]


def _only_one(folder: Path) -> Workspace:
    found = all_in(folder)
    if len(found) > 1:  # a sheet that was refused left an empty table
        found = [one for one in found if _holds_a_sheet(one)] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refusal(say("workspace.none_here", folder=str(folder)))
    names = ", ".join(one.folder.name for one in found)
    raise Refusal(say("workspace.several", names=names))


def _holds_a_sheet(workspace: Workspace) -> bool:
    try:
        return workspace.loaded() is not None
    except TableError:
        return True  # it is there, though unreadable; commands that name it say why


def renamed_from(sheet: Path) -> Workspace | None:
    """The workspace of a renamed sheet's old name: one beside it whose own sheet is gone.

    None if the sheet has a workspace of its own, or no such workspace exists. Raises Refusal if
    there are several.
    """
    own = of_sheet(sheet, None)
    if own.loaded() is not None:
        return None
    left = []
    for one in neighbours(own):
        try:
            loaded = one.loaded()
        except TableError:
            continue  # commands for its own sheet report that
        if loaded is not None and not one.sheet_of(loaded).exists():
            left.append(one)
    if len(left) > 1:
        names = ", ".join(one.folder.name for one in left)
        raise Refusal(say("workspace.several_left", sheet=sheet.name, names=names))
    return left[0] if left else None


def neighbours(workspace: Workspace) -> list[Workspace]:
    """Other workspaces in the same folder."""
    return [
        Workspace(folder=path.parent)
        for path in sorted(workspace.folder.parent.glob(f"*{SUFFIX}/jobs.db"))
        if path.parent != workspace.folder
    ]


def remember(sheet: Path, workspace: Workspace) -> None:
    """Remember a workspace that is not beside its sheet; never that of a rehearsal."""
    if workspace.folder.suffix == REHEARSAL:
        return
    places = _remembered()
    name = str(sheet.absolute())
    beside = sheet.absolute().with_suffix(SUFFIX)
    if workspace.folder == beside:
        if places.pop(name, None) is None:
            return
    elif places.get(name) == str(workspace.folder):
        return
    else:
        places[name] = str(workspace.folder)
    file = _places_file()
    with contextlib.suppress(OSError):  # a convenience: without it, --workspace must be given again
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(places, ensure_ascii=False), encoding="utf-8")
        part.replace(file)


def _places_file() -> Path:
    from platformdirs import user_state_path  # noqa: PLC0415 - most commands do without it

    return user_state_path("rowmill", appauthor=False) / "workspaces.json"


def _remembered() -> dict[str, str]:
    try:
        found = json.loads(_places_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
