"""`rowmill keys`: stores, lists and removes the keys of providers."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_data, print_message
from runner.settings.database_url import DatabaseUrl, is_database_url
from runner.settings.file import Origin
from runner.settings.keys import (
    key_file,
    new_key,
    new_password,
    remove_key,
    store_key,
    stored_keys,
    url_of,
)
from runner.settings.locations import find_files
from runner.settings.values import InvalidValueError, read_database, site


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
    """The base URL that the name stands for; settings files beside sheets do not count.

    A database stands for itself.
    """
    if is_database_url(name):
        return _database(name)
    chosen = options.settings().config
    files = find_files(None, chosen)
    return url_of(name, tuple(file for file in files if file.origin is not Origin.SHEET))


def _database(name: str) -> str:
    try:
        found = read_database(name)
    except InvalidValueError as error:
        raise click.UsageError(
            say("usage.bad_value", name="PROVIDER", expected=error.expected),
            click.get_current_context(),
        ) from error
    assert isinstance(found, DatabaseUrl)  # no other value looks like a database
    return found.key_place


@options.argument("provider")
def _set(provider: str) -> None:
    url = _url(provider)
    database = is_database_url(url)
    question = say("keys.ask_password" if database else "keys.ask", url=url)
    if sys.stdin.isatty():
        text: Any = click.prompt(question, hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    key = new_password(str(text)) if database else new_key(str(text))
    store_key(url, key, key_file())
    if database:
        print_message(say("keys.password_stored", url=url, file=str(key_file())))
    else:
        print_message(say("keys.stored", url=site(url), masked=key.masked(), file=str(key_file())))


def _list() -> None:
    options.settings()  # reports errors in the settings, too
    keys = stored_keys(key_file())
    if not keys:
        print_message(say("keys.none"))
        return
    width = max(map(len, keys))
    for place, key in sorted(keys.items()):
        shown = "…" if is_database_url(place) else key.masked()
        print_data(f"{place:<{width}}  {shown}")


@options.argument("provider")
def _rm(provider: str) -> None:
    url = _url(provider)
    removed = remove_key(url, key_file())
    if is_database_url(url):
        print_message(say("keys.password_removed" if removed else "keys.no_password", url=url))
    else:
        print_message(say("keys.removed" if removed else "keys.not_there", url=site(url)))


for _name, _function, _examples in (
    ("set", _set, EXAMPLES[:2]),
    ("list", _list, EXAMPLES[2:]),
    ("rm", _rm, ("rowmill keys rm wenwen",)),
):
    command.add_command(
        options.command(_name, examples=_examples, sentence=f"command.keys_{_name}")(_function)
    )
