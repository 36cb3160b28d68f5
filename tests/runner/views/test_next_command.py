"""The suggested next command works as printed, with the cap and the address that it needs."""

import re
import shlex
from pathlib import Path

import pytest

from runner.prices.money import rounded_up
from tests.support.world import TEXT, World

HIGH_PRICE = '[prices."mock-text"]\ncall = 0.5\ncurrency = "USD"\n'


def suggested(said: str) -> list[str]:
    """The words after `rowmill` of the last suggested command."""
    (command,) = re.findall(r"^next\s+rowmill (.*)$", said, re.MULTILINE)
    return shlex.split(command)


def test_a_run_that_its_cap_stopped_goes_on_by_the_line_that_is_printed(world: World) -> None:
    world.mock()
    world.settings(HIGH_PRICE)
    sheet = world.prompts("a.csv", "a cat", "a dog", "an owl", "a fox")
    stopped = world.run("run", sheet, *TEXT, "--max-cost", "1")
    assert (stopped.code, stopped.posts) == (5, 2)
    next_words = suggested(world.run("status", sheet).out)
    assert next_words == suggested(stopped.err)
    went_on = world.run(*next_words)
    assert (went_on.code, went_on.posts) == (0, 2), went_on.err


def test_an_address_that_only_a_flag_gave_is_known_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = world.mock({"a dog": ["html"] * 9}).base_url
    monkeypatch.delenv("ROWMILL_BASE_URL")
    sheet = world.prompts("a.csv", "a cat", "a dog")
    asked = ("-e", "chat-image", "-m", "mock-image", "-y")
    first = world.run("run", sheet, *asked, "--base-url", url, "--limit", "1")
    assert first.code == 0
    assert f"{url}/v1/chat/completions" in world.run("show", "2", sheet, "--curl").out
    next_words = suggested(world.run("status", sheet).out)
    assert next_words[-2:] == ["--base-url", url]
    world.run(*next_words, "-y")
    next_words = suggested(world.run("status", sheet).out)
    assert next_words[0] == "retry"
    assert next_words[-2:] == ["--base-url", url]
    assert f"rowmill {' '.join(next_words)}" in world.run("errors", sheet).out
    (saved,) = [Path(one["result_files"]) for one in world.results(sheet) if one["result_files"]]
    (world.workspace(sheet).folder / saved).unlink()
    fetched = world.run("fetch", sheet)
    assert (fetched.code, fetched.posts) == (0, 0), fetched.err
    assert (world.workspace(sheet).folder / saved).is_file()
    assert "rowmill retry a.csv --class" not in world.run("errors", sheet).out
    other = url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("ROWMILL_BASE_URL", other)  # a remembered flag ranks as a flag
    assert "The last run went to" not in world.run("retry", sheet, "-y").err
    moved = world.run("retry", sheet, "-y", "--base-url", other)
    assert f"The last run went to {url}" in moved.err


def test_an_expired_picture_leads_to_a_new_generation_and_not_to_a_futile_retry(
    world: World,
) -> None:
    world.mock({"a cat": ["file:expired"]})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    ended = world.run("run", sheet, "-e", "chat-image", "-m", "mock-image", "-y")
    assert ended.code == 4, ended.err
    next_words = suggested(ended.err)
    assert next_words == ["retry", "a.csv", "--again", "--class", "file"]
    assert next_words == suggested(world.run("status", sheet).out)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, "0.000000001"), (1.0, "1"), (1.01, "1.1"), (1234.5, "1300"), (0.00012341, "0.00013")],
)
def test_an_amount_to_be_typed_is_never_less(amount: float, shown: str) -> None:
    assert rounded_up(amount) == shown


def test_a_rehearsal_leads_to_a_line_that_runs_the_sheet_as_it_was_rehearsed(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert suggested(world.run("rehearse", sheet).err) == ["a.csv"], "it asks for a model"
    shaped = ("-e", "chat", "-m", "gpt-4o-mini", "-p", "Say: {{ prompt }}", "--set", "n=1")
    next_words = suggested(world.run("rehearse", sheet, *shaped).err)
    world.mock()
    done = world.run(*next_words, "-y")
    assert (done.code, done.posts) == (0, 1), done.err
