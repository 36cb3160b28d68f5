"""`rowmill run`: load or reconcile a sheet, work until nothing is left, write the results."""

from collections.abc import Callable
from pathlib import Path

from runner.catalogue import say
from runner.console import options
from runner.exits import Refusal
from runner.intake.stdin_sheet import STDIN, keep
from runner.startup import begin, undisturbed
from runner.workspace.lookup import around, find, of_sheet, renamed_from
from runner.workspace.workspace import REHEARSAL, Workspace


@options.argument("sheet")
def _run(sheet: str) -> int:
    # While the table is opened and counted, and while the gateway is asked for its prices. Where
    # the yes is not given yet, what runs is imported while the person reads the question.
    agreed = ["runner.launch.running"] if options.given().get("yes") else []
    begin("runner.preflight.asking", "runner.launch.pending", *agreed)
    bring_forward(Path(sheet))
    path, workspace = sheet_and_workspace(Path(sheet))
    workspace.refuse_if_held()
    # What runs takes half a second to load; that the table is held can be told before.
    with undisturbed():
        from runner.launch.launch import launch  # noqa: PLC0415
        from runner.launch.request import RunRequest  # noqa: PLC0415

    known = workspace.loaded()
    settings = options.settings(
        folder=path.absolute().parent, remembered=known.options if known else None
    )
    return launch(RunRequest(sheet=path, workspace=workspace, settings=settings))


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
    return keep(workspace.folder), workspace


command = options.command(
    "run",
    examples=(
        "rowmill run prompts.xlsx -e chat-image -m gpt-4o-image",
        "rowmill run prompts.xlsx                       (goes on where it stopped)",
        'rowmill run items.csv -e chat -m MODEL -p "Describe {{ name }} in one sentence."',
    ),
)(_run)
