"""Man pages, made from the commands themselves: the text of `--help`, in roff."""

from collections.abc import Iterable

import click

from runner.catalogue import say, translated
from runner.console.options import CONTEXT_SETTINGS, RowmillCommand, SettingOption, has_variable
from runner.exits import Exit


def manual(command: click.Command, path: str, *, version: str, others: Iterable[str]) -> str:
    """The man page of a command; `path` is what one types for it: "rowmill run"."""
    name = path.replace(" ", "-")
    ctx = _context(command)
    lines = [
        f'.TH "{_roff(name.upper())}" 1 "" "{_roff(version)}" "rowmill"',
        *_section("manual.name", [f"{_roff(name)} \\- {_roff(_summary(command))}"]),
        *_section("manual.synopsis", [f".B {_roff(path)}", _synopsis(command, ctx)]),
    ]
    if isinstance(command, RowmillCommand) and command.examples:
        lines += _section("heading.examples", [".nf", *map(_example, command.examples), ".fi"])
    lines += _parts(command, path) if isinstance(command, click.Group) else []
    lines += _options(command, ctx)
    if any(map(has_variable, command.params)):
        lines += _section("manual.environment", [_roff(say("help.variables"))])
    lines += _section("manual.exit_status", list(_exit_codes()))
    if others:
        lines += _section("manual.see_also", [_see_also(others)])
    return "\n".join(line for line in lines if line) + "\n"


def _context(command: click.Command) -> click.Context:
    """As on a command line: a command keeps the help option that it is first asked for."""
    names = CONTEXT_SETTINGS["help_option_names"]
    return click.Context(command, info_name=command.name, help_option_names=names)


def _summary(command: click.Command) -> str:
    if isinstance(command, RowmillCommand):
        return say(command.sentence)
    return say("cli.tagline" if command.name == "rowmill" else f"command.{command.name}")


def _synopsis(command: click.Command, ctx: click.Context) -> str:
    return " ".join(map(_roff, command.collect_usage_pieces(ctx)))


def _section(heading: str, lines: list[str]) -> list[str]:
    return [f'.SH "{_roff(say(heading).rstrip(":："))}"', *lines]


def _example(line: str) -> str:
    command, aside, rest = line.partition(" (")
    return _roff(f"{command} {translated(aside.strip() + rest)}" if rest else line)


def _parts(group: click.Group, path: str) -> list[str]:
    """The commands of a group, each with its sentence."""
    ctx = _context(group)
    lines = []
    for name in group.list_commands(ctx):
        one = group.get_command(ctx, name)
        assert one is not None
        lines += _entry(f"{path} {name}", _summary(one))
    return _section("heading.commands", lines)


def _options(command: click.Command, ctx: click.Context) -> list[str]:
    """Arguments and options, grouped as in the help."""
    groups: dict[str, list[str]] = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:
            continue
        heading = "group.own"
        if isinstance(param, click.Argument):
            heading = "heading.arguments"
        elif isinstance(param, SettingOption):
            heading = f"group.{param.setting.group}"
        text = say("option.help") if "--help" in param.opts else record[1]
        groups.setdefault(heading, []).extend(_entry(record[0], text))
    return [line for heading, lines in groups.items() for line in _section(heading, lines)]


def _exit_codes() -> Iterable[str]:
    for code in Exit:
        yield from _entry(str(int(code)), say(f"exit.{int(code)}"))


def _entry(term: str, text: str) -> list[str]:
    return [".TP", f"\\fB{_roff(term)}\\fR", _roff(text)]


def _see_also(others: Iterable[str]) -> str:
    return ",\n".join(f".BR {_roff(name)} (1)" for name in others).replace(",\n.BR", " ,\n.BR")


def _roff(text: str) -> str:
    """The text without anything that roff would take as an instruction."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
