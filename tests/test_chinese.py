"""A person who reads Chinese is answered in Chinese, whatever goes wrong."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import COMMANDS, rowmill

MEANT_FOR_MACHINES = (
    re.compile(r"`[^`]*`"),  # commands to copy, and what they are followed by
    re.compile(r"\"[^\"\n]*\""),  # what a person would write
    re.compile(r"rowmill (?:keys )?[a-z]+(?: \S*[./:-]\S*)*"),
    re.compile(r"\S*[/\\=<>{}\[\]_]\S*"),  # paths, addresses, settings, templates
)
SENTENCE = re.compile(r"[A-Za-z][a-z']+(?: [A-Za-z][a-z']*){2,}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def english_in(text: str) -> list[str]:
    """What looks like English sentences: three words in a row that are no names."""
    for pattern in MEANT_FOR_MACHINES:
        text = pattern.sub("、", text)
    return SENTENCE.findall(text)


def answered(*words: str, env: dict[str, str] | None = None) -> str:
    """What is said of a wrong use, all of it in Chinese."""
    done = CliRunner().invoke(rowmill, ["--lang", "zh", *words], env=env)
    assert done.exit_code not in (0, 1), done.output
    assert english_in(done.output) == [], done.output
    for line in done.output.splitlines():
        assert CHINESE.search(line), done.output
    return done.output


WRONG_LINES = (
    ("nope",),
    ("endpiont",),
    ("--nope",),
    ("--config",),
    ("--color", "blue", "mock"),
    ("mock", "--prot", "1"),
    ("mock", "--port"),
    ("mock", "--port", "x"),
    ("mock", "--quiet=1"),
    ("mock", "extra"),
    ("mock", "extra", "more"),
    ("show",),
    ("show", "x"),
    ("keys", "nope"),
    ("keys", "-q"),
    ("keys", "set"),
    ("keys", "list", "x"),
    ("check", "a.csv", "--first", "x"),
    ("check", "a.csv", "--first", "9999"),
    ("export", "--format", "doc"),
    ("export", "--only", "none"),
    ("run", "a.csv", "-c", "many"),
    ("run", "a.csv", "--lang", "fr"),
    ("run", "a.csv", "--until", "soon"),
    ("run", "a.csv", "--max-cost", "much"),
    ("run", "a.csv", "--set", "size"),
    ("run", "a.csv", "--in-doubt", "ask"),
    ("retry", "a.csv", "--class", "none"),
    ("retry", "a.csv", "--rows", "all"),
    ("skip",),
    ("steer",),
)


@pytest.mark.parametrize("words", WRONG_LINES, ids=" ".join)
def test_a_line_that_cannot_be_understood_is_told_in_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    answered(*words)


def test_a_switch_in_the_environment_is_told_in_chinese() -> None:
    assert "--open" in answered("report", env={"ROWMILL_OPEN": "perhaps"})


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_holds_no_english_sentence(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(rowmill, ["--lang", "zh", *words, "--help"])
    assert done.exit_code == 0
    assert english_in(done.output) == [], done.output
    assert "[OPTIONS]" not in done.output
