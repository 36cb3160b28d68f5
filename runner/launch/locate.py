"""Which sheet, workspace and rows a command line means."""

from collections.abc import Callable, Collection
from pathlib import Path

from jobs.store import Transaction
from jobs.store.spans import Span, absence_from
from runner.catalogue import say
from runner.catalogue.missing_rows import format_missing_rows
from runner.console import options
from runner.console.screen import print_message
from runner.console.workspaces import database_of, find_workspace, workspace_for
from runner.exits import Refusal
from runner.intake.stdin_sheet import STDIN, store_stdin
from runner.settings.database_url import DatabaseUrl
from runner.workspace.lookup import around, find, of_sheet, renamed_from
from runner.workspace.workspace import REHEARSAL, SHEET_ID, SUFFIX, Workspace


def bring_forward(named: Path | None) -> None:
    """Migrate the table of an older rowmill before a run reads it."""
    try:
        if (url := database_of(named)) is not None and named is not None and named.is_file():
            workspace = workspace_for(named, url)
        else:
            workspace = find_workspace(named)
    except Refusal:
        return  # there is no workspace yet, or several
    workspace.bring_forward()


def sheet_and_workspace(
    named: Path | None, ready: Callable[[Workspace], Workspace] = lambda found: found
) -> tuple[Path, Workspace]:
    """The sheet that is named by its file, by its workspace folder or by its results file.

    Without a name it is that of the workspace in the named database; its file may be elsewhere.
    `ready` prepares the workspace found, so that it can be read.
    """
    if named is not None and str(named) == STDIN:
        return _from_stdin(options.workspace_folder(None))
    if named is None or (url := database_of(named)) is not None:
        return _shared(named, url if named is not None else None, ready)
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


def _shared(
    named: Path | None, url: DatabaseUrl | None, ready: Callable[[Workspace], Workspace]
) -> tuple[Path, Workspace]:
    """The sheet of a table in a database."""
    if named is not None and url is not None and named.is_file() and around(named) is None:
        if named.parent.suffix != SUFFIX:  # else it is a results file
            return named, ready(workspace_for(named, url))
    elif named is not None and not named.exists():
        raise Refusal(say("sheet.missing", sheet=str(named)))
    workspace = ready(find_workspace(named))
    loaded = workspace.loaded()
    if loaded is None:
        raise Refusal(say("workspace.none", folder=workspace.name))
    if named is None:
        return Path(loaded.sheet), workspace
    return workspace.sheet_of(loaded), workspace


def _from_stdin(folder: Path | None) -> tuple[Path, Workspace]:
    """Store the piped sheet in its workspace, where later runs read it."""
    if folder is None:
        raise Refusal(say("stdin.needs_workspace"))
    workspace = Workspace(folder=folder.absolute())
    workspace.refuse_if_held()
    workspace.make()
    return store_stdin(workspace.folder), workspace


def warn_of_missing_rows(tx: Transaction, sheet: str, wanted: Collection[Span] | None) -> None:
    """Warn of rows that the sheet does not have. Raises Refusal if it has none of those named."""
    found = absence_from(tx, SHEET_ID, wanted) if wanted is not None else None
    if found is None:
        return
    if found.entire:
        raise Refusal(format_missing_rows(found, sheet))
    print_message(say("cli.warning", text=format_missing_rows(found, sheet)))
