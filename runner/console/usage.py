"""Words for click's usage errors, and yes-or-no questions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from runner.catalogue import say
from runner.catalogue.safe_text import visible
from runner.console.screen import print_message

YES_WORDS = frozenset({"y", "yes", "是"})
NO_WORDS = frozenset({"n", "no", "否"})
_METAVARS = {
    "[OPTIONS]": "usage.options",
    "COMMAND [ARGS]...": "usage.command",
    "[COMMAND] [ARGS]...": "usage.maybe_command",
}


def describe_usage_error(error: click.ClickException) -> str:
    """The sentence for a click error, by its class; our own errors carry their sentence."""
    match error:
        case click.NoSuchOption():
            return _no_option(error)
        case click.MissingParameter():
            argument = isinstance(error.param, click.Argument)
            key = "usage.missing_argument" if argument else "usage.missing_option"
            return say(key, name=_name(error))
        case click.BadParameter():
            return say("usage.bad_value", name=_name(error), expected=_expected(error))
        case click.BadOptionUsage():
            key = "usage.no_value" if _is_switch(error) else "usage.needs_value"
            return say(key, name=error.option_name)
        case _:
            return error.format_message()


@contextmanager
def with_command(ctx: click.Context) -> Iterator[None]:
    """Adds the command to errors that click raises without one."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


def usage_pieces(pieces: Sequence[str]) -> str:
    """The arguments in a usage line, with click's own words translated."""
    return " ".join(say(_METAVARS[one]) if one in _METAVARS else one for one in pieces)


def ask_yes_no(question: str, *, default: bool) -> bool:
    """Ask until the answer is yes or no; Enter means the default."""
    marks = " [Y/n]" if default else " [y/N]"
    while True:
        answer = click.prompt(visible(question) + marks, default="", show_default=False, err=True)
        word = str(answer).strip().lower()
        if not word:
            return default
        if word in YES_WORDS | NO_WORDS:
            return word in YES_WORDS
        print_message(say("usage.yes_or_no"))


def ask_typed_yes(question: str) -> bool:
    """True if the whole word is typed: a single letter is not enough for this question."""
    answer = click.prompt(f"{visible(question)} [yes/N]", default="", show_default=False, err=True)
    return str(answer).strip().lower() in YES_WORDS - {"y"}


def _no_option(error: click.NoSuchOption) -> str:
    text = say("usage.no_option", name=error.option_name)
    if not error.possibilities:
        return text
    return f"{text} {say('cli.meant', near=' / '.join(error.possibilities))}"


def _name(error: click.BadParameter) -> str:
    """The parameter as it is typed: '-c' / '--concurrency'."""
    if error.param is None:
        return "?"
    return str(error.param.get_error_hint(error.ctx or click.Context(click.Command("rowmill"))))


def _expected(error: click.BadParameter) -> str:
    """What a click type expects; our own types carry their sentence."""
    match error.param.type if error.param is not None else None:
        case click.Choice() as kind:
            return say("expected.choice", choices=", ".join(map(str, kind.choices)))
        case click.IntRange() as kind:
            return say("expected.between", low=str(kind.min), high=str(kind.max))
        case click.types.BoolParamType():
            return say("expected.switch")
        case _:
            return error.message


def _is_switch(error: click.BadOptionUsage) -> bool:
    params = error.ctx.command.params if error.ctx is not None else []
    named = (one for one in params if error.option_name in (*one.opts, *one.secondary_opts))
    return any(isinstance(one, click.Option) and one.is_flag for one in named)
