"""`rowmill run`: load or reconcile a sheet, work until nothing is left, write the results."""

from functools import partial
from pathlib import Path

import click

from runner.console import options
from runner.launch.database_wait import Beginning, begun_patiently
from runner.launch.locate import bring_forward, sheet_and_workspace
from runner.startup import Phase, preload, undisturbed


@options.argument("sheet")
@click.option("--agreed", cls=options.CommandOption, metavar="PLAN|ask")
def _run(sheet: str, *, agreed: str | None) -> int:
    # While the table is opened and counted, and while the gateway is asked for its prices. Without
    # -y the run's own modules are imported while the person reads the question.
    preload(Phase.ASK, Phase.AGREE, *([Phase.RUN] if options.given().get("yes") else []))
    named = options.sheet_path(sheet)
    return begun_patiently(partial(_begin, named, agreed), settings=partial(options.unasked, named))


def _begin(named: Path | None, agreed: str | None, beginning: Beginning) -> int:
    bring_forward(named)
    path, workspace = sheet_and_workspace(named)
    if not workspace.place.shared:  # a shared table's run is joined
        workspace.refuse_if_held()
    # What runs takes half a second to load; that the table is held can be told before.
    with undisturbed():
        from runner.files.targets import with_target  # noqa: PLC0415
        from runner.launch.launch import launch  # noqa: PLC0415
        from runner.launch.request import Question, RunRequest  # noqa: PLC0415

    known = workspace.loaded()
    settings = options.settings(
        folder=path.absolute().parent if named is not None else None,
        remembered=known.options if known else None,
        workspace=workspace.folder,
    )
    workspace = with_target(workspace, settings)
    question = click.get_current_context().find_object(Question)  # the guide's
    return launch(
        RunRequest(
            sheet=path,
            sheet_is_here=named is not None,
            workspace=workspace,
            settings=settings,
            question=question,
            agreed=agreed,
            beginning=beginning,
        )
    )


command = options.command(
    "run",
    examples=(
        "rowmill run prompts.xlsx -e chat-image -m gpt-4o-image",
        "rowmill run prompts.xlsx                       (goes on where it stopped)",
        'rowmill run items.csv -e chat -m MODEL -p "Describe {{ name }} in one sentence."',
    ),
)(_run)
