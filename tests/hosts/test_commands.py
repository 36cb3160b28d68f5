"""Acceptance 1: on a shared table every command says what it says on a folder."""

import difflib
import json
import re
from pathlib import Path

import pytest

from jobs.place import DatabasePlace
from runner.report import live_feed
from runner.views.audit import compare
from runner.workspace.workspace import Workspace
from tests.support.postgres_server import Server
from tests.support.world import PICTURE, TEXT, World

VARYING = (
    (r"/tmp/.*/(folder|database)(/home|/desk)", "DIR"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"\"created\": \d+", "created"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", "DATE"),
    (r"\b\d\d:\d\d(:\d\d)?\b", "CLOCK"),
    (r"\b\d{20,}\w*|rowmill-\d+|\b\d{15,}\b", "ID"),
    (r"\b\d+(\.\d+)? ?(ms|s|min)\b", "TIME"),
    (r"\b\d+\.\d+\b", "NUMBER"),
)
OWN_LINES = re.compile(r"^(files |Files go to |  workspace ).*\n( {13}.*\n)*", re.MULTILINE)
MACHINES = re.compile(r"^Machines\n(  .*\n)+\n", re.MULTILINE)
"""What a shared table has more to say of."""


def plain(text: str) -> list[str]:
    """The lines without what differs between any two runs, and between the two places."""
    text = MACHINES.sub("", OWN_LINES.sub("", text))
    for found, instead in VARYING:
        text = re.sub(found, instead, text)
    return text.splitlines()


def told(world: World, *words: object) -> tuple[str, int, list[str], list[str]]:
    """A command, and what it said."""
    done = world.run(*words)
    return (str(words[0]), done.code, plain(done.out), plain(done.err))


def evening(world: World) -> list[tuple[str, int, list[str], list[str]]]:
    """What a person does with a sheet of which some rows fail."""
    world.mock({"a bad dog": [*["empty_choices"] * 4], "a slow bird": ["cut"]})
    sheet = world.prompts("a.csv", "a cat", "a bad dog", "a slow bird", "a fish")
    pictures = world.prompts("b.csv", "a tree", "a house")
    return [
        told(world, "run", sheet, *TEXT),
        told(world, "status", sheet),
        told(world, "errors", sheet),
        told(world, "errors", sheet, "--json"),
        told(world, "show", 2, sheet),
        told(world, "show", 3, sheet),
        told(world, "export", sheet),
        told(world, "export", sheet, "--format", "jsonl", "--only", "done"),
        told(world, "retry", sheet, "--class", "no_result", "-y"),
        told(world, "skip", sheet, "--class", "no_result", "-y"),
        told(world, "status", sheet),
        told(world, "steer", sheet, "--pause"),
        told(world, "run", sheet, *TEXT),
        told(world, "report", sheet),
        told(world, "check", sheet),
        told(world, "run", pictures, *PICTURE),
        told(world, "fetch", pictures),
        told(world, "pick", "2", pictures, "--stars", 5, "--json"),
        told(world, "pick", "2", sheet, "--reject"),
        told(world, "export", sheet, "--format", "jsonl"),
        told(world, "export", pictures, "--picks", world.folder / "chosen"),
        told(world, "show", 2, pictures),
        told(world, "status", pictures),
    ]


def test_an_evening_on_a_database_says_what_it_says_on_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable_server: Server
) -> None:
    said = []
    url = durable_server.new_database()
    for place in ("folder", "database"):
        (tmp_path / place).mkdir()
        world = World(tmp_path / place, monkeypatch)
        if place == "database":
            monkeypatch.setenv("ROWMILL_DB", url)
            monkeypatch.setenv("ROWMILL_FILES", str(tmp_path / place / "target"))
        said.append(evening(world))
        world.close()
    assert {code for _, code, *_ in said[0]} == {0, 3, 4}
    differ = [
        "\n".join(difflib.ndiff(folder[2] + folder[3], database[2] + database[3]))
        for folder, database in zip(*said, strict=True)
        if folder != database
    ]
    assert not differ, "\n".join(differ)
    assert_books(world, url)
    assert_live(world, url)


def assert_books(world: World, url: str) -> None:
    """Both sheets together have every call of the bill."""
    bill = world.folder.parent / "bill.jsonl"
    bill.write_text(world._billed(), encoding="utf-8")
    unknown: list[set[str]] = []
    for name in ("a.csv", "b.csv"):
        with DatabasePlace(url=url, name=name).look() as store:
            found = compare(bill, store)
        assert not found.unpaid
        unknown.append(set(found.unknown_to_us))
    assert not set.intersection(*unknown)


def assert_live(world: World, url: str) -> None:
    """The live page reads the table of the database."""
    place = DatabasePlace(url=url, name="a.csv")
    workspace = Workspace(folder=world.folder / "a.rowmill", database=place)
    news = live_feed.Feed(workspace, token="x").listener().news()
    assert [row[0] for row in json.loads(news or "{}")["rows"]] == [2, 3, 4, 5]
