"""`rowmill keys`: stores, lists and removes the keys of providers."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_data, print_message
from runner.settings.file import Origin
from runner.settings.keys import key_file, new_key, remove_key, store_key, stored_keys, url_of
from runner.settings.locations import find_files
from runner.settings.values import site


class _Keys(options.RowmillCommand, click.Group):
    """The three commands under `keys`, with the same help as other commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        known = ", ".join(self.commands)
        raise click.UsageError(say("keys.no_command", name=args[0], known=known), ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its commands; it has no options of its own."""
        del ctx  # click's signature
        with formatter.section(say("heading.commands").rstrip(":")):
            formatter.write_dl([(name, say(f"command.keys_{name}")) for name in self.commands])


EXAMPLES: Sequence[str] = (
    "rowmill keys set wenwen",
    "rowmill keys set https://api.example.com < key.txt",
    "rowmill keys list",
)


@click.pass_context
def _keys(ctx: click.Context) -> None:
    """Options alone are no command."""
    if ctx.invoked_subcommand is None:
        known = ", ".join(command.commands)
        raise click.UsageError(say("usage.missing_command", known=known), ctx)


command = _Keys(
    name="keys",
    callback=_keys,
    invoke_without_command=True,
    no_args_is_help=True,
    examples=EXAMPLES,
    sentence="command.keys",
)


def _url(name: str) -> str:
    """The base URL that the name stands for; settings files beside sheets do not count."""
    chosen = options.settings().config
    files = find_files(None, chosen)
    return url_of(name, tuple(file for file in files if file.origin is not Origin.SHEET))


@options.argument("provider")
def _set(provider: str) -> None:
    url = _url(provider)
    if sys.stdin.isatty():
        text: Any = click.prompt(say("keys.ask", url=url), hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    key = new_key(str(text))
    store_key(url, key, key_file())
    print_message(say("keys.stored", url=site(url), masked=key.masked(), file=str(key_file())))


def _list() -> None:
    options.settings()  # reports errors in the settings, too
    keys = stored_keys(key_file())
    if not keys:
        print_message(say("keys.none"))
        return
    width = max(map(len, keys))
    for place, key in sorted(keys.items()):
        print_data(f"{place:<{width}}  {key.masked()}")


@options.argument("provider")
def _rm(provider: str) -> None:
    url = _url(provider)
    removed = remove_key(url, key_file())
    print_message(say("keys.removed" if removed else "keys.not_there", url=site(url)))


for _name, _function, _examples in (
    ("set", _set, EXAMPLES[:2]),
    ("list", _list, EXAMPLES[2:]),
    ("rm", _rm, ("rowmill keys rm wenwen",)),
):
    command.add_command(
        options.command(_name, examples=_examples, sentence=f"command.keys_{_name}")(_function)
    )
