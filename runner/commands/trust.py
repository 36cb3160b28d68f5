"""`rowmill trust`: counts a settings file next to a sheet as one's own, until it changes."""

from pathlib import Path

import click

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.console import options
from runner.console.screen import print_message
from runner.exits import Exit, Refusal
from runner.settings.file import Origin
from runner.settings.sheet_file import powers_of
from runner.settings.toml_reader import read_content, read_file
from runner.settings.trust import distrust, trust


@options.argument("file")
@click.option("--remove", is_flag=True, cls=options.CommandOption)
def _trust(file: str, *, remove: bool) -> None:
    options.settings()  # reports what is wrong with options and variables
    path = Path(file).absolute()
    try:
        if remove:
            removed = distrust(path)
            print_message(say("trust.removed" if removed else "trust.not_there", file=str(path)))
            return
        content = read_content(path)
        found = read_file(path, Origin.TRUSTED, content)
        trust(path, content)
    except OSError as error:
        message = say("trust.failed", file=str(path), reason=reason(error))
        raise Refusal(message, code=Exit.OUTPUT) from error
    print_message(say("trust.trusted", file=str(path)))
    powers = powers_of(found)
    if not powers:
        print_message(say("trust.nothing"))
        return
    print_message(say("trust.allows"))
    for power in powers:
        print_message(say("trust.power", name=power.key, value=power.value).rstrip())


command = options.command(
    "trust",
    examples=("rowmill trust rowmill.toml", "rowmill trust rowmill.toml --remove"),
)(_trust)
