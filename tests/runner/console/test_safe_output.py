"""Foreign text cannot control the terminal, whichever command prints it."""

import ast
import io
import unicodedata
from pathlib import Path

import pytest
from rich.text import Text

from runner.catalogue.safe_text import visible
from runner.cli import COMMANDS
from runner.console.screen import VisibleStream, console
from tests.support.world import World

HOSTILE = "\x1b]0;owned\x07\u202eevil\x9b31m\x85\u2028"
RUNNER = Path(__file__).parents[3] / "runner"


def unsafe(text: str) -> list[str]:
    """The characters of a text that mislead a terminal or a reader."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return [one for one in text if one not in "\n\t" and unicodedata.category(one) in bad]


def hostile_world(world: World) -> Path:
    """A sheet whose columns, model, cells and settings all contain terminal attacks."""
    world.mock({"a dog": ["401"]})
    name = "p\x1b]0;owned\x07\u202e.csv"
    model = f"m{HOSTILE}"
    rows = [["a cat", model, HOSTILE], ["a dog", "mock-text", HOSTILE]]
    return world.sheet(name, ["prompt", "model", f"note{HOSTILE}"], *rows)


@pytest.mark.parametrize("tongue", ["en", "zh"])
def test_no_command_lets_a_strangers_text_steer_the_terminal(world: World, tongue: str) -> None:
    sheet = hostile_world(world)
    lines: list[tuple[object, ...]] = [
        ("check", sheet, "-e", "chat"),
        ("rehearse", sheet, "-e", "chat"),
        ("run", sheet, "-e", "chat", "-y"),
        ("status", sheet),
        ("status", sheet, "--json"),
        ("errors", sheet),
        ("errors", sheet, "--json"),
        ("show", "2", sheet),
        ("show", "3", sheet),
        ("show", "3", sheet, "--json"),
        ("show", "2", sheet, "--curl"),
        ("retry", sheet, "-y"),
        ("fetch", sheet),
        ("skip", sheet, "--rows", "2", "-y"),
        ("steer", sheet, "--pause"),
        ("report", sheet),
        ("doctor", sheet),
        ("doctor", sheet, "--models"),
        ("endpoints", HOSTILE),
        ("keys", "set", HOSTILE),
        ("keys", "rm", HOSTILE),
        ("keys", HOSTILE),
        ("trust", f"x{HOSTILE}.toml"),
        (HOSTILE,),
        ("run", f"no{HOSTILE}.csv"),
        ("run", sheet, "-e", HOSTILE),
        ("run", sheet, "--set", HOSTILE),
        ("run", sheet, f"--{HOSTILE}"),
        ("export", sheet, "-o", f"{HOSTILE}/x.csv"),
        ("mock", "--port", HOSTILE),
        ("describe", "schema", HOSTILE),
        ("batches", sheet),
        ("pick", "2", sheet, "--stars", "3"),
        ("pick", HOSTILE, sheet),
        ("batches", sheet, "--cancel", HOSTILE),
        ("desk", f"no{HOSTILE}"),
        ("serve", f"no{HOSTILE}.csv"),
    ]
    walked = {str(line[0]) for line in lines}
    assert walked >= set(COMMANDS), set(COMMANDS) - walked
    for line in lines:
        done = world.run("--lang", tongue, *line)
        assert unsafe(done.out + done.err) == [], (line, done.out + done.err)


def test_a_settings_file_with_hostile_names_steers_no_terminal(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    for toml in (
        f'["provider.{_toml(HOSTILE)}"]',
        f'[provider."{_toml(HOSTILE)}"]\nproxy = "http://x"',
        f'[prices."{_toml(HOSTILE)}"]\ncall = -1',
        f'[columns]\n"{_toml(HOSTILE)}" = "nope"',
        f'[defaults]\nmodel = "{_toml(HOSTILE)}"\nendpoint = "{_toml(HOSTILE)}"',
    ):
        world.settings(toml, trusted=False)
        for line in (("run", sheet, "-y"), ("doctor",), ("trust", "rowmill.toml")):
            done = world.run(*line)
            assert unsafe(done.out + done.err) == [], (toml, line, done.out + done.err)


def _toml(text: str) -> str:
    return "".join(f"\\u{ord(one):04x}" for one in text)


@pytest.mark.parametrize("color", ["always", "never"])
def test_rich_draws_no_text_that_steers(color: str) -> None:
    out = io.StringIO()
    drawn = console(out, color=color)
    drawn.print(HOSTILE, Text(HOSTILE, style="bold"))
    left = out.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert unsafe(left) == []
    assert "owned" in left


def test_bytes_for_a_terminal_become_visible_also_when_they_are_cut() -> None:
    out = io.StringIO()
    stream = VisibleStream(out)
    for byte in f"猫{HOSTILE}\n".encode():
        stream.write(bytes([byte]))
    assert unsafe(out.getvalue()) == []
    assert out.getvalue().startswith("猫\\u001b]0;owned")


@pytest.mark.parametrize(("text", "shown"), [("a\nb\tc", "a\nb\tc"), ("\x1b\U000e0001", None)])
def test_what_is_escaped_stays_json(text: str, shown: str | None) -> None:
    assert visible(text) == (shown or "\\u001b\\udb40\\udc01")


def test_nothing_else_writes_to_the_terminal() -> None:
    """Only console/screen and safe_console print; the mock's child process writes JSON."""
    doors = {"console/screen.py", "console/progress.py", "files/thumbnailer.py"}
    for file in RUNNER.rglob("*.py"):
        if str(file.relative_to(RUNNER)) in doors:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"print", "click.echo", "click.secho", "Console"}, file
                assert not called.startswith(("sys.stdout.write", "sys.stderr.write")), file
                assert not called.startswith(("sys.stdout.buffer", "sys.stderr.buffer")), file
