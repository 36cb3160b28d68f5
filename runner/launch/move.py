"""Moves a sheet's table from its folder into a database, so that no answer is paid for again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from jobs.place import answers_in, move_table
from jobs.store.log import add_to_run, last_run
from runner.catalogue import say
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.files.targets import run_record
from runner.launch.request import RunRequest
from runner.workspace.target import ANSWERS, FILES
from runner.workspace.workspace import SHEET_ID, Workspace


def move_if_asked(request: RunRequest) -> None:
    """Move the folder's table, where it has answers and `--move-table` says so.

    Raises Refusal (3) if it has answers and nothing says so.
    """
    workspace, settings = request.workspace, request.settings
    count = answers_in(workspace.table) if workspace.database is not None else 0
    if not count:
        return
    assert workspace.database is not None
    told = {"folder": str(workspace.folder), "count": f"{count:,}"}
    if not settings.move_table:
        raise Refusal(say("move.needs_option", **told))
    local = replace(workspace, database=None)
    with local.held():
        files = list(_files_of(local))
        if files and workspace.target is None:
            raise Refusal(say("move.needs_target", folder=str(workspace.folder)))
        for path, name in files:
            _put(workspace, path, name)
        move_table(workspace.table, workspace.database)
        _record_target(workspace)
    if not settings.quiet:
        print_message(say("move.done", **told, files=f"{len(files):,}"))


def _files_of(local: Workspace) -> Iterator[tuple[Path, str]]:
    """Saved files and big answers, with the names that they have on a target."""
    for folder, kind in ((local.files, FILES), (local.answers, ANSWERS)):
        for path in sorted(folder.rglob("*")) if folder.exists() else ():
            if path.is_file() and not path.is_symlink() and path.suffix != ".part":
                yield path, f"{kind}/{path.relative_to(folder).as_posix()}"


def _put(workspace: Workspace, path: Path, name: str) -> None:
    assert workspace.target is not None
    if not workspace.target.put(path, name):
        raise Refusal(say("move.other_file", address=workspace.target.address_of(name)))


def _record_target(workspace: Workspace) -> None:
    """The files of earlier runs are on the target now."""
    assert workspace.database is not None
    with workspace.database.open() as store, store.write() as tx:
        last = last_run(tx, SHEET_ID)
        if last is not None:
            add_to_run(tx, last.id, run_record(workspace))
