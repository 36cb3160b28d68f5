"""`rowmill serve`: serves the report live, to this machine only."""

import errno
import os
import sys
import webbrowser

import click

from runner.catalogue import say
from runner.catalogue.phrases import phrase
from runner.console import options
from runner.console.screen import print_data, print_message
from runner.console.workspaces import find_workspace
from runner.exits import Refusal
from runner.files.targets import with_target
from runner.report.server import serve_forever
from runner.settings.settings import Settings
from runner.workspace.workspace import Workspace


@options.argument("sheet", required=False)
@click.option("--open", "open", cls=options.RowmillOption, is_flag=True)
def _serve(sheet: str | None, *, open: bool) -> None:  # noqa: A002 - click calls it so
    named = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named))
    workspace = with_target(find_workspace(named), settings)
    try:
        _serve_at(settings.port, workspace, settings, open_it=open)
    except OSError as error:
        if settings.sources.get("port") == "default" and error.errno == errno.EADDRINUSE:
            _serve_at(0, workspace, settings, open_it=open)
            return
        # asyncio replaces the system's words in strerror.
        why = phrase(os.strerror(error.errno)) if error.errno else type(error).__name__
        raise Refusal(say("serve.port_taken", port=settings.port, reason=why)) from error


def _serve_at(port: int, workspace: Workspace, settings: Settings, *, open_it: bool) -> None:
    def started(url: str) -> None:
        print_data(say("serve.listening", url=url))
        sys.stdout.flush()  # a script waits for this line in a pipe
        if not settings.quiet:
            print_message(say("serve.stop"))
        if open_it:
            webbrowser.open(url)

    serve_forever(workspace, port=port, started=started)


command = options.command(
    "serve", examples=("rowmill serve prompts.xlsx --open", "rowmill serve --port 0")
)(_serve)
