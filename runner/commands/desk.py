"""`rowmill desk`: the whole job in a browser, on this machine only."""

import errno
import os
import sys
import webbrowser
from dataclasses import dataclass
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
@click.option("--host", cls=options.CommandOption, metavar="ADDRESS")
def _desk(folder: str | None, *, no_open: bool, host: str | None) -> None:
    place = Path(folder) if folder is not None else Path.cwd()
    if not place.is_dir():
        raise Refusal(say("desk.no_folder", folder=str(place)))
    place = place.absolute()
    settings = options.settings(folder=place)
    ask = _Shown(folder=place, settings=settings, open_it=not no_open, host=host)
    try:
        _serve_at(settings.port, ask)
    except OSError as error:
        if settings.sources.get("port") == "default" and error.errno == errno.EADDRINUSE:
            _serve_at(0, ask)
            return
        # asyncio replaces the system's words in strerror.
        why = phrase(os.strerror(error.errno)) if error.errno else type(error).__name__
        raise Refusal(say("serve.port_taken", port=settings.port, reason=why)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """Which folder is shown, and to whom."""

    folder: Path
    settings: Settings
    open_it: bool
    host: str | None  # where others look and mark


def _serve_at(port: int, ask: _Shown) -> None:
    def started(url: str, guest_url: str) -> None:
        print_data(say("desk.listening", folder=ask.folder.name, url=url))
        if guest_url:
            print_data(say("desk.guests", url=guest_url))
        sys.stdout.flush()  # a script waits for these lines in a pipe
        if not ask.settings.quiet:
            print_message(say("desk.ctrl_c"))
        if ask.open_it:
            webbrowser.open(url)

    config = ask.settings.config
    desk = Desk(folder=ask.folder, config=config.absolute() if config is not None else None)
    serve_desk(desk, port=port, guest_host=ask.host, started=started)


command = options.command(
    "desk", examples=("rowmill desk", "rowmill desk sheets/ --port 0 --no-open")
)(_desk)
