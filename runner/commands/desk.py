"""`rowmill desk`: the whole job in a browser, on this machine only."""

import errno
import os
import sys
import webbrowser
from pathlib import Path

import click

from runner.catalogue import say
from runner.catalogue.phrases import phrase
from runner.console import options
from runner.console.screen import print_data, print_message
from runner.desk.actions import Desk
from runner.desk.server import serve_desk
from runner.exits import Refusal
from runner.settings.settings import Settings


@options.argument("folder", required=False)
@click.option("--no-open", cls=options.CommandOption, is_flag=True)
def _desk(folder: str | None, *, no_open: bool) -> None:
    place = Path(folder) if folder is not None else Path.cwd()
    if not place.is_dir():
        raise Refusal(say("desk.no_folder", folder=str(place)))
    place = place.absolute()
    settings = options.settings(folder=place)
    try:
        _serve_at(settings.port, place, settings, open_it=not no_open)
    except OSError as error:
        if settings.sources.get("port") == "default" and error.errno == errno.EADDRINUSE:
            _serve_at(0, place, settings, open_it=not no_open)
            return
        # asyncio replaces the system's words in strerror.
        why = phrase(os.strerror(error.errno)) if error.errno else type(error).__name__
        raise Refusal(say("serve.port_taken", port=settings.port, reason=why)) from error


def _serve_at(port: int, folder: Path, settings: Settings, *, open_it: bool) -> None:
    def started(url: str) -> None:
        print_data(say("desk.listening", folder=folder.name, url=url))
        sys.stdout.flush()  # a script waits for this line in a pipe
        if not settings.quiet:
            print_message(say("desk.ctrl_c"))
        if open_it:
            webbrowser.open(url)

    config = settings.config.absolute() if settings.config is not None else None
    serve_desk(Desk(folder=folder, config=config), port=port, started=started)


command = options.command(
    "desk", examples=("rowmill desk", "rowmill desk sheets/ --port 0 --no-open")
)(_desk)
