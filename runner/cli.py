"""The command line: finds the command, and turns every error into one exit code."""

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from jobs.errors import ExpectedError, ObstacleError
from runner.catalogue import choose_language, say
from runner.catalogue.phrases import phrase
from runner.catalogue.reasons import reason
from runner.catalogue.safe_text import plain
from runner.console import options, screen, usage
from runner.console.interrupts import ignore_interrupts, redeliver_interrupts
from runner.exits import OF_TROUBLE, Exit, Refusal
from runner.secret import holds_secret, redacted
from runner.settings.schema import GLOBAL_SETTINGS
from runner.startup import undisturbed

COMMANDS = (
    *("run", "check", "rehearse", "status", "errors", "show", "retry", "skip", "fetch", "steer"),
    "batches",
    *("export", "report", "serve", "desk", "pick", "endpoints", "keys", "trust", "doctor"),
    *("describe", "mock"),
)
"""In the order of the help. `runner/commands/<name>.py` holds each as `command`."""

COMPLETION_VARIABLE = "_ROWMILL_COMPLETE"
"""The variable by which a shell asks for completions, as click's scripts for shells set it."""

GUIDE = "guide"
"""The command that a sheet in place of a command means, on a terminal."""

TRIED_WORDS = {
    "open": "rowmill report --open",
    "watch": "rowmill status --watch",
    "pause": "rowmill steer --pause",
    "resume": "rowmill steer --resume",
    "stop": "rowmill steer --until 1s",
    "continue": "rowmill run SHEET",
    "models": "rowmill doctor --models",
    "version": "rowmill --version",
    "help": "rowmill --help",
}
"""Words that people try, and the commands that do what they mean."""

DATABASE_ERRORS = ("sqlalchemy.exc.OperationalError", "sqlalchemy.exc.DatabaseError")
"""Errors of a database whose disk failed; other errors of SQLAlchemy are bugs of ours."""

START_LINES = (
    ("rowmill rehearse samples/animals.csv", "start.rehearse"),
    ("rowmill keys set wenwen", "start.keys"),
    ("rowmill check prompts.xlsx -e chat -m MODEL", "start.check"),
    ("rowmill run prompts.xlsx -e chat -m MODEL", "start.run"),
    ("rowmill status prompts.xlsx", "start.status"),
)


class Rowmill(click.Group):
    """The root command. It imports the module of a command when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, by name only."""
        del ctx  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that was asked for."""
        del ctx  # click's signature
        if cmd_name not in (*COMMANDS, GUIDE):
            return None
        with undisturbed():
            found = importlib.import_module(f"runner.commands.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; usage errors are given their command."""
        with usage.with_command(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first. An unknown one raises UsageError, which names a near one."""
        if args[0] in COMMANDS:
            return super().resolve_command(ctx, args)
        if Path(args[0]).is_file() and sys.stdin.isatty() and sys.stderr.isatty():
            return GUIDE, self.get_command(ctx, GUIDE), args
        words = [say("cli.no_command", name=args[0])]
        if (meant := _meant(args)) is not None:
            raise click.UsageError(f"{words[0]} {say('cli.use', command=meant)}", ctx)
        import difflib  # noqa: PLC0415 - most words are commands

        near = difflib.get_close_matches(args[0].lower(), COMMANDS, n=1, cutoff=0.5)
        if Path(args[0]).is_file():
            words.append(say("cli.is_file", name=args[0]))
        elif near:
            words.append(say("cli.meant", near=near[0]))
        raise click.UsageError(" ".join(words), ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help: what rowmill is, the commonest lines, the commands, the global options."""
        formatter.write_text(say("cli.tagline"))
        formatter.write_paragraph()
        formatter.write(f"{say('heading.examples')}\n{_start_lines()}\n\n")
        pieces = usage.usage_pieces(self.collect_usage_pieces(ctx))
        formatter.write_usage("rowmill", pieces, prefix=say("cli.usage") + " ")
        with formatter.section(say("heading.commands").rstrip(":")):
            formatter.write_dl([(name, say(f"command.{name}")) for name in COMMANDS])
        _described_options(self, ctx, formatter)

    def main(  # type: ignore[override]  # click's overloads promise a return we never make
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run one command line and exit. The one place where errors become exit codes."""
        del prog_name  # `python -m runner.cli` and the script are the same program
        screen.prepare()
        if instruction := os.environ.get(COMPLETION_VARIABLE):
            from click.shell_completion import shell_complete  # noqa: PLC0415 - for shells only

            sys.exit(shell_complete(self, {}, "rowmill", COMPLETION_VARIABLE, instruction))
        words = list(sys.argv[1:] if args is None else args)
        choose_language(_early(words, "--lang"), os.environ)
        try:
            code = self._run([*words], extra)  # click takes the words out of its list
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
            code = exit_of(error, debug="--debug" in words or bool(os.environ.get("ROWMILL_DEBUG")))
        screen.flush_streams()
        sys.exit(int(code))

    def _run(self, words: list[str], extra: dict[str, Any]) -> int:
        # Before click sees them: its own messages quote what it did not understand.
        secret = next(filter(holds_secret, words), None)
        if secret is not None:
            database = "postgres" in secret.lower()
            raise click.UsageError(say("cli.password_on_line" if database else "cli.key_on_line"))
        with self.make_context("rowmill", words, **extra) as ctx:
            result = self.invoke(ctx)
        return result if isinstance(result, int) else Exit.DONE


def _meant(args: Sequence[str]) -> str | None:
    """The command that does what a tried word means; None where it is no such word."""
    word = args[0].lower().lstrip("-")
    if word == "help" and len(args) > 1 and args[1] in COMMANDS:
        return f"rowmill {args[1]} --help"
    return TRIED_WORDS.get(word)


def exit_of(error: BaseException, *, debug: bool = False) -> int:
    """Print what went wrong, in one short message; returns the exit code for it."""
    code: int = Exit.BUG
    match error:
        case click.exceptions.Exit():
            code = error.exit_code
        case click.exceptions.NoArgsIsHelpError():
            code = Exit.USAGE
            screen.print_unwrapped(error.format_message())
        case click.ClickException():
            code = Exit.USAGE
            _tell_error(usage.describe_usage_error(error))
            ctx = getattr(error, "ctx", None)
            screen.print_message(say("cli.try_help", command=_help_of(ctx)))
        case Refusal():
            code = error.code
            _tell_error(error.message)
        case KeyboardInterrupt() | click.Abort() | EOFError():
            code = Exit.INTERRUPTED
            screen.print_message(say("cli.interrupted"))
        case BrokenPipeError():
            # `rowmill export | head` is no error: who reads has seen enough.
            code = Exit.DONE
            _silence_stdout()
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EROFS | errno.EIO):
            code = Exit.OUTPUT
            _silence_stdout()
            known = isinstance(error, ObstacleError)
            _tell_error(reason(error) if known else say("cli.no_space", reason=reason(error)))
        case _:
            code = _foreign(error, debug=debug)
    return code


def _help_of(ctx: click.Context | None) -> str:
    """Whose --help is meant; the guide has none, and takes the options of a run."""
    if ctx is None:
        return "rowmill"
    return ctx.command_path.replace(f"rowmill {GUIDE}", "rowmill run")


def _tell_error(text: str) -> None:
    """Print the message with each line escaped; a list of bad rows has many lines."""
    lines = [plain(line, 2000) for line in redacted(text).split("\n")]
    screen.print_message(f"{say('cli.error')} " + "\n".join(lines))


def _foreign(error: BaseException, *, debug: bool) -> int:
    """Print an error of a lower layer, or a bug of ours; returns its exit code."""
    if isinstance(error, ExpectedError) and error.trouble is not None:
        _tell_error(_in_words(error))
        return OF_TROUBLE[error.trouble]
    if f"{type(error).__module__}.{type(error).__name__}" in DATABASE_ERRORS:
        _tell_error(say("cli.table_away", reason=phrase(str(getattr(error, "orig", "")))))
        return Exit.OUTPUT
    import logging  # noqa: PLC0415 - both for bugs only, and 5 ms
    import traceback  # noqa: PLC0415 - see above

    # format_exception shows source lines and messages, never the values of locals.
    trace = redacted("".join(traceback.format_exception(error)))
    log = logging.getLogger("rowmill")
    if log.handlers:  # without one, logging would print it on its own
        log.error("%s", trace)
    screen.print_message(say("cli.bug", name=type(error).__name__))
    screen.print_message(trace if debug else say("cli.bug_hint"))
    return Exit.BUG


def _in_words(error: BaseException) -> str:
    """The sentence of a lower layer's error."""
    from jobs.loading.template import TemplateError  # noqa: PLC0415 - as above
    from jobs.sheet.finding import SheetError  # noqa: PLC0415 - most commands read no sheet
    from runner.catalogue.findings import describe, describe_error  # noqa: PLC0415 - as above

    match error:
        case SheetError():
            return describe_error(error)
        case TemplateError():
            return describe(error.finding)
        case Exception():
            return reason(error)
        case _:
            return str(error)


def _silence_stdout() -> None:
    """Send what is still buffered to the null device, so that the last flush cannot fail."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, io.UnsupportedOperation):
        pass  # not a real file: nothing is flushed to it at the end


def _early(words: Sequence[str], name: str) -> str | None:
    """An option's value before click parses the line: help and errors need the language."""
    for position, word in enumerate(words):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and position + 1 < len(words):
            return words[position + 1]
    return None


def _start_lines() -> str:
    shown = [(line, key) for line, key in START_LINES if line.split()[1] in COMMANDS]
    width = max(len(line) for line, _ in shown)
    return "\n".join(f"  {line:<{width}}  {say(key)}" for line, key in shown)


def _described_options(
    group: click.Group, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    records = []
    for param in group.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            help_text = say("option.help") if "--help" in param.opts else record[1]
            records.append((record[0], help_text))
    with formatter.section(say("group.global")):
        formatter.write_dl(records)


def _show_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click calls it so
    if asked and not ctx.resilient_parsing:
        from importlib import metadata  # noqa: PLC0415 - slow to import, and needed only here

        try:
            version = metadata.version("rowmill")
        except metadata.PackageNotFoundError:
            version = "(not installed)"
        screen.print_data(f"rowmill {version}")
        ctx.exit()


@click.group(
    cls=Rowmill,
    name="rowmill",
    invoke_without_command=True,
    no_args_is_help=False,
    context_settings=options.CONTEXT_SETTINGS,
    params=[
        *(options.SettingOption(one) for one in GLOBAL_SETTINGS),
        options.CommandOption(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version
        ),
    ],
)
@click.pass_context
def rowmill(ctx: click.Context) -> None:
    """Without a command: the commonest lines."""
    if ctx.invoked_subcommand is None:
        screen.print_data(f"{say('cli.tagline')}\n\n{_start_lines()}\n\n{say('cli.more')}")


def main() -> NoReturn:
    """The entry point of the `rowmill` script."""
    redeliver_interrupts()
    try:
        rowmill.main()
    except KeyboardInterrupt:  # one more, while the first was being handled
        sys.exit(int(Exit.INTERRUPTED))
    finally:
        ignore_interrupts()


if __name__ == "__main__":
    main()
