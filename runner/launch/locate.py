"""Which sheet, workspace and rows a command line means."""

from collections.abc import Callable, Collection
from pathlib import Path

from jobs.store import Transaction
from jobs.store.spans import Span, absence_from
from runner.catalogue import say
from runner.catalogue.missing_rows import format_missing_rows
from runner.console import options
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.intake.stdin_sheet import STDIN, store_stdin
from runner.workspace.lookup import around, find, of_sheet, renamed_from
from runner.workspace.workspace import REHEARSAL, SHEET_ID, Workspace


def bring_forward(named: Path | None) -> None:
    """A table of an older rowmill is brought up to date before a run reads it."""
    try:
        workspace = find(named, options.workspace_folder(named))
    except Refusal:
        return  # there is none yet, or it is not clear which
    workspace.bring_forward()


def sheet_and_workspace(
    named: Path, ready: Callable[[Workspace], Workspace] = lambda found: found
) -> tuple[Path, Workspace]:
    """The sheet that is meant: by itself, by its workspace folder, or by the results file in it.

    `ready` makes a workspace that was found fit to be read.
    """
    if str(named) == STDIN:
        return _from_stdin(options.workspace_folder(None))
    folder = options.workspace_folder(named)
    if named.is_dir() and not (named / "jobs.db").exists():
        raise Refusal(say("sheet.folder", sheet=str(named)))
    if named.is_dir() or around(named) is not None:
        workspace = ready(find(named, folder))
        if workspace.folder.suffix == REHEARSAL:
            raise Refusal(say("workspace.is_rehearsal", folder=str(workspace.folder)))
        loaded = workspace.loaded()
        if loaded is not None:
            return workspace.sheet_of(loaded), workspace
    if not named.exists():
        raise Refusal(say("sheet.missing", sheet=str(named)))
    if folder is None and options.given().get("same_sheet"):
        return named, ready(renamed_from(named) or of_sheet(named, None))
    return named, ready(of_sheet(named, folder))


def _from_stdin(folder: Path | None) -> tuple[Path, Workspace]:
    """The sheet that is piped in, kept in its workspace: a later run reads it from there."""
    if folder is None:
        raise Refusal(say("stdin.needs_workspace"))
    workspace = Workspace(folder=folder.absolute())
    workspace.refuse_if_held()
    workspace.make()
    return store_stdin(workspace.folder), workspace


def tell_absent(tx: Transaction, sheet: str, wanted: Collection[Span] | None) -> None:
    """Name the rows that are not there. Raises Refusal where there is none of those wanted."""
    found = absence_from(tx, SHEET_ID, wanted) if wanted is not None else None
    if found is None:
        return
    if found.entire:
        raise Refusal(format_missing_rows(found, sheet))
    print_message(say("cli.warning", text=format_missing_rows(found, sheet)))
