"""Command-line options made from the schema, and help that begins with examples."""

import os
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from jobs.job import FailureClass, State
from runner.catalogue import has_message, say, translated
from runner.console import usage
from runner.console.screen import print_message
from runner.settings.known_address import known_address
from runner.settings.locations import find_files
from runner.settings.schema import (
    GLOBAL_SETTINGS,
    REPEATABLE_KINDS,
    REQUEST_COMMANDS,
    Setting,
    SettingKind,
    SettingScope,
    Value,
    options_of,
)
from runner.settings.setting_names import variable_of
from runner.settings.settings import Settings, SettingsFile, resolve
from runner.settings.values import InvalidValueError, read_database, read_value

if TYPE_CHECKING:
    from runner.protocol.task_dialect import TaskDialect

_FLAGS = "rowmill.flags"
_WORDS = "rowmill.words"
STEER = "steer"  # changes only the options that are given, so its help shows no defaults
SENDING_COMMANDS = frozenset({*REQUEST_COMMANDS, "doctor", "guide"})
"""The commands that send requests, so that notices about the address matter."""
CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}


class SettingType(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.5
    """Reads an option's text as the schema says."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.name = setting.name

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Value:
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # click passes a value that was read before
        # One occurrence of a repeatable option is one entry, even if it contains separators.
        raw = [value] if self.setting.kind in REPEATABLE_KINDS else value
        try:
            found = read_value(self.setting, raw)
        except InvalidValueError as error:
            self.fail(error.expected, param, ctx)
        if ctx is not None:
            _note_word(ctx, self.setting, value)
        return found

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Completions: the choices, or files and folders for a path."""
        del ctx, param  # click's signature
        if self.setting.kind in (SettingKind.PATH, SettingKind.FOLDERS):
            return [CompletionItem(incomplete, type="file")]
        choices: Iterable[str] = self.setting.choices
        if self.setting.name == "endpoint":
            choices = endpoint_names()
        if self.setting.kind is SettingKind.CLASSES:
            return completions(incomplete, [*FailureClass, State.IN_DOUBT])
        return [CompletionItem(one) for one in choices if one.startswith(incomplete)]


def endpoint_names() -> Iterable[str]:
    """The endpoints' names, for shell completion only: loading endpoints is slow."""
    from runner.endpoints.registry import NAMES  # noqa: PLC0415 - see above

    return NAMES


def completions(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    """Completions of the last word in a comma-separated list."""
    before, comma, last = incomplete.rpartition(",")
    return [CompletionItem(before + comma + word) for word in words if word.startswith(last)]


class SettingOption(click.Option):
    """One setting as an option. It records what was given, for `settings`."""

    def __init__(self, setting: Setting, *, hidden: bool = False) -> None:
        names = [f"--{setting.name}", setting.field]
        if setting.short:
            names.insert(0, f"-{setting.short}")
        switch = setting.kind is SettingKind.SWITCH
        # Never is_flag=False: click would then accept the option without a value.
        more: dict[str, Any] = {"is_flag": True} if switch else {"type": SettingType(setting)}
        super().__init__(
            names,
            multiple=setting.kind in REPEATABLE_KINDS,
            metavar=None if switch else _metavar(setting),
            expose_value=False,
            callback=_note,
            hidden=hidden,
            **more,
        )
        self.setting = setting

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The help in the chosen language, which is chosen after this option was made."""
        own = f"option.{ctx.info_name}.{self.setting.name}"
        self.help = say(own if has_message(own) else f"option.{self.setting.name}")
        if self.setting.default not in (None, False, (), {}) and ctx.info_name != STEER:
            self.help += " " + say("option.default", value=str(self.setting.default))
        return super().get_help_record(ctx)


class CommandOption(click.Option):
    """An option of one command that is given on its line only; its help is `option.<name>`."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The help in the chosen language."""
        help_text = say(f"option.{(self.name or '').replace('_', '-')}")
        if isinstance(self.default, int) and not self.is_flag:
            help_text += " " + say("option.default", value=str(self.default))
        record = super().get_help_record(ctx)
        return record and (record[0], help_text)  # without the range that click adds


class RowmillOption(CommandOption):
    """An option of one command; its help is `option.<name>` in the catalogue.

    It has an environment variable and a key in [defaults], as every option has.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.long = next(one for one in self.opts if one.startswith("--")).removeprefix("--")
        self.envvar = variable_of(self.long)

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, Any]
    ) -> tuple[Any, click.core.ParameterSource]:
        """The value from the command line or the environment, else from a settings file."""
        value, source = super().consume_value(ctx, opts)
        if source is click.core.ParameterSource.DEFAULT and not ctx.resilient_parsing:
            sheet = ctx.params.get("sheet")  # parsed before options that were not given
            is_file = isinstance(sheet, str) and not _is_database(sheet)
            named = Path(str(sheet)) if is_file else None
            for file in _files(sheet_folder(named)):
                if self.long in file.values:
                    return file.values[self.long], click.core.ParameterSource.DEFAULT_MAP
        return value, source


class RowmillArgument(click.Argument):
    """An argument; its help is `argument.<name>` in the catalogue."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Endpoint names; files are left to the shell."""
        if self.name == "endpoint":
            return completions(incomplete, endpoint_names())
        return super().shell_complete(ctx, incomplete)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """The help in the chosen language."""
        return self.make_metavar(ctx), say(f"argument.{self.name}")


class RowmillCommand(click.Command):
    """A command whose help is: examples, usage, what it does, its options by group."""

    def __init__(
        self, *args: Any, examples: Sequence[str] = (), sentence: str = "", **kwargs: Any
    ) -> None:
        kwargs.setdefault("context_settings", CONTEXT_SETTINGS)
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.sentence = sentence
        # Global options are also accepted after the command, where people type them.
        self.params += [SettingOption(one, hidden=True) for one in GLOBAL_SETTINGS]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, but with our sentence for extra arguments."""
        groups = ctx.allow_extra_args
        ctx.allow_extra_args = True
        with usage.with_command(ctx):
            left = super().parse_args(ctx, args)
            if left and not groups and not ctx.resilient_parsing:
                raise click.UsageError(
                    say("usage.extra", count=len(left), arguments=" ".join(left)), ctx
                )
        return left

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Help with the examples first: most people need nothing else."""
        if self.examples:
            _lines(formatter, say("heading.examples"), self.examples)
            formatter.write_paragraph()
        pieces = usage.usage_pieces(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=say("cli.usage") + " ")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(say(self.sentence))
        self.format_options(ctx, formatter)
        if any(has_variable(param) for param in self.params):
            formatter.write_paragraph()
            formatter.write_text(say("help.variables"))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by group; those of this command only come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        own: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if isinstance(param, click.Argument):
                groups.setdefault(say("heading.arguments").rstrip(":"), []).append(record)
            elif isinstance(param, SettingOption):
                groups.setdefault(say(f"group.{param.setting.group}"), []).append(record)
            else:
                own.append((record[0], say("option.help")) if "--help" in param.opts else record)
        last = say("group.own")
        own = [*groups.pop(last, []), *own]
        for heading, records in (*groups.items(), (last, own)):
            with formatter.section(heading):
                formatter.write_dl(records)


def command(
    name: str, *, examples: Sequence[str], sentence: str | None = None
) -> Callable[[Callable[..., Any]], RowmillCommand]:
    """Make a command with all its options from the schema. Its help is `command.<name>`."""

    def make(function: Callable[..., Any]) -> RowmillCommand:
        own = list(reversed(getattr(function, "__click_params__", [])))
        made = [SettingOption(one) for one in options_of(name)]
        return RowmillCommand(
            name=name,
            callback=function,
            params=[*own, *made],
            examples=examples,
            sentence=sentence or f"command.{name}",
        )

    return make


def argument(name: str, *, required: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """A positional argument of a command."""
    metavar = name.upper() if required else f"[{name.upper()}]"
    # For completion only: errors about a file come later, in the chosen language.
    kind = click.Path(readable=False) if name == "sheet" else None
    return click.argument(name, required=required, cls=RowmillArgument, metavar=metavar, type=kind)


def _is_database(text: str) -> bool:
    """True if SHEET names a database."""
    if ":" not in text:
        return False
    from runner.settings.database_url import is_database_url  # noqa: PLC0415 - for addresses only

    return is_database_url(text)


def sheet_path(text: str | None) -> Path | None:
    """The file or folder that SHEET names; None if it is left out, or names a database.

    A database named so counts as `--db`.
    """
    if text is None or not _is_database(text):
        return Path(text) if text is not None else None
    ctx = click.get_current_context()
    try:
        url = read_database(text)
    except InvalidValueError as error:
        raise click.UsageError(
            say("usage.bad_value", name="SHEET", expected=error.expected), ctx
        ) from error
    flags: dict[str, Value] = ctx.meta.setdefault(_FLAGS, {})
    if "db" in flags:
        raise click.UsageError(say("usage.two_databases"), ctx)
    flags["db"] = url
    return None


def words_of(fields: Container[str]) -> tuple[str, ...]:
    """These options as they were typed on this command line."""
    typed: list[tuple[str, str]] = click.get_current_context().meta.get(_WORDS, [])
    return tuple(word for field, word in typed if field in fields)


def given() -> Mapping[str, Value]:
    """The options that were given on this command line, by setting."""
    found: Mapping[str, Value] = click.get_current_context().meta.get(_FLAGS, {})
    return found


def settings(
    *,
    folder: Path | None = None,
    remembered: Mapping[str, object] | None = None,
    workspace: Path | None = None,
) -> Settings:
    """The settings of the command that is running. Prints the notices.

    `folder` is the sheet's; `workspace` is given if requests may be sent for it.
    """
    address = known_address(workspace) if workspace is not None else None
    decided = resolve(given(), os.environ, _files(folder), remembered, address)
    from runner.endpoints.dialects.tasks.handed_in import hand_in  # noqa: PLC0415 - not for help

    hand_in(partial(_task_dialects, decided.tasks), decided.provider.name)
    if not decided.quiet:
        sends = click.get_current_context().info_name in SENDING_COMMANDS
        for notice in decided.notices:
            if sends or not notice.of_address:
                print_message(say("cli.warning", text=notice.sentence()))
    return decided


def _task_dialects(own: "Mapping[str, TaskDialect]") -> "Mapping[str, TaskDialect]":
    """The task dialects that come with rowmill, and those of the settings files."""
    from runner.settings.task_dialects import shipped  # noqa: PLC0415 - few sheets have tasks

    return {**shipped(), **own}


def sheet_folder(named: Path | None) -> Path:
    """The folder of a sheet's settings file: beside the named sheet or workspace, else here."""
    return named.absolute().parent if named is not None else Path.cwd()


def workspace_folder(named: Path | None) -> Path | None:
    """The value of `workspace` from any source, for the named sheet or folder."""
    return unasked(named).workspace


def unasked(named: Path | None) -> Settings:
    """The settings before the workspace is known, without their notices."""
    return resolve(given(), os.environ, _files(sheet_folder(named)))


def _files(folder: Path | None) -> tuple[SettingsFile, ...]:
    config = given().get("config") or os.environ.get("ROWMILL_CONFIG") or None
    return find_files(folder, Path(str(config)).expanduser() if config else None)


def _note(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    source = ctx.get_parameter_source(param.name or "")
    if source is click.core.ParameterSource.COMMANDLINE and isinstance(param, SettingOption):
        flags: dict[str, Value] = ctx.meta.setdefault(_FLAGS, {})
        flags[param.setting.field] = _joined(value) if param.multiple else value
        if param.is_flag:
            _note_word(ctx, param.setting, "")
    return value


def _note_word(ctx: click.Context, setting: Setting, text: str) -> None:
    typed: list[tuple[str, str]] = ctx.meta.setdefault(_WORDS, [])
    typed.append((setting.field, f"--{setting.name}={text}" if text else f"--{setting.name}"))


def has_variable(param: click.Parameter) -> bool:
    """True if this option also has an environment variable."""
    if isinstance(param, SettingOption):
        return not param.hidden and SettingScope.ENV in param.setting.scopes
    return isinstance(param, RowmillOption)


def _joined(values: Sequence[Any]) -> Value:
    """All entries of a repeated option as one value."""
    if values and isinstance(values[0], Mapping):
        return {key: entry for value in values for key, entry in value.items()}
    return tuple(entry for value in values for entry in value)


def _metavar(setting: Setting) -> str | None:
    return "|".join(setting.choices) if setting.choices else setting.metavar


def _lines(formatter: click.HelpFormatter, heading: str, lines: Sequence[str]) -> None:
    formatter.write(f"{heading}\n")
    for line in lines:
        command, aside, rest = line.partition(" (")
        formatter.write(
            f"  {command} {translated(aside.strip() + rest)}\n" if rest else f"  {line}\n"
        )
