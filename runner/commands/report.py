"""`rowmill report`: writes one offline page about a sheet."""

import webbrowser
from pathlib import Path

import click

from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.console.workspaces import find_workspace
from runner.files.targets import with_target
from runner.report.writing import ReportOptions, write_report


@options.argument("sheet", required=False)
@click.option("-o", "--output", "report_output", cls=options.RowmillOption, metavar="FILE")
@click.option("--open", "open", cls=options.RowmillOption, is_flag=True)
@click.option("--single-file", cls=options.RowmillOption, is_flag=True)
def _report(
    sheet: str | None,
    *,
    report_output: str | None,
    open: bool,  # noqa: A002 - click calls it by the option's name
    single_file: bool,
) -> None:
    named = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named))
    workspace = with_target(find_workspace(named), settings)
    target = Path(report_output) if report_output else None
    wish = ReportOptions(
        target=target,
        single_file=single_file,
        running=workspace.is_running(),
        making=lambda count: print_message(say("report.making", count=f"{count:,}")),
    )
    if workspace.place.shared:
        workspace.make()
    path, moved = write_report(workspace, wish)
    if not settings.quiet:
        if moved:
            print_message(say("report.moved", file=str(target or workspace.report)))
        print_message(say("report.written", file=str(path)))
    if open:
        webbrowser.open(path.absolute().as_uri())


command = options.command(
    "report",
    examples=(
        "rowmill report prompts.xlsx --open",
        "rowmill report prompts.xlsx -o morning.html --single-file",
    ),
)(_report)
