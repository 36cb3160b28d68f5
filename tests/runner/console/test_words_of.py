"""The options of a command line can be given to hosts elsewhere as they were typed."""

import click

from runner.cli import rowmill
from runner.console import options


def typed(*words: str) -> tuple[str, ...]:
    run = rowmill.get_command(click.Context(rowmill), "run")
    assert run is not None
    with run.make_context("run", ["a.csv", *words]):
        fields = {"concurrency", "rows", "allow_host", "verbose", "base_url"}
        return options.words_of(fields)


def test_options_are_repeated_word_for_word_and_others_left_out() -> None:
    words = ("-c", "4", "--rows", "3,7-9", "--allow-host", "a", "--allow-host=b", "-v", "-m", "x")
    assert typed(*words) == (
        *("--concurrency=4", "--rows=3,7-9"),
        *("--allow-host=a", "--allow-host=b", "--verbose"),
    )


def test_nothing_is_repeated_that_was_not_typed() -> None:
    assert typed() == ()
