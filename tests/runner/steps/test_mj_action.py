"""Buttons of Midjourney's tasks: a row goes on from another one, once that is done."""

from pathlib import Path

import pytest
from PIL import Image

from jobs.job import JSON
from runner.endpoints.mj_action import button_of
from runner.steps import parents
from tests.runner.steps.test_midjourney import QUICK, lines
from tests.support.world import World

HEADERS = ["name", "endpoint", "prompt", "action", "parent", "image"]
BUTTONS: list[JSON] = [
    {"customId": "MJ::JOB::upsample::1::u", "label": "U1", "emoji": ""},
    {"customId": "MJ::JOB::reroll::0::u", "label": "", "emoji": "🔄"},
    {"customId": "MJ::Outpaint::50::1::u", "label": "Zoom Out 2x"},
]


def sheet_of(world: World, *rows: list[str]) -> Path:
    return world.sheet("a.csv", HEADERS, *rows)


HERON = ["heron", "mj-imagine", "a heron", "", "", ""]
LARGE = ["large", "mj-action", "", "U1", "key:heron", ""]


@pytest.mark.parametrize(
    ("action", "number"),
    [
        ("U1", "MJ::JOB::upsample::1::u"),
        ("u1", "MJ::JOB::upsample::1::u"),
        ("🔄", "MJ::JOB::reroll::0::u"),
        ("Reroll", "MJ::JOB::reroll::0::u"),
        ("zoom out 2x", "MJ::Outpaint::50::1::u"),
        ("U9", None),
    ],
)
def test_a_button_is_found_by_label_sign_or_name(action: str, number: str | None) -> None:
    assert button_of(BUTTONS, action) == number


def test_a_row_presses_a_button_of_another_once_that_is_done(world: World) -> None:
    world.monkeypatch.setattr(parents, "PARENT_SECONDS", 0.2)
    world.mock(**QUICK)
    sheet = sheet_of(world, LARGE, HERON)
    done = world.run("run", sheet, "-y", "--id", "name")
    assert (done.code, done.posts) == (0, 2), done.err
    assert world.column(sheet) == ["done", "done"]
    submits = [one["endpoint"] for one in lines(world) if one["billed"]]
    assert submits == ["/mj/submit/imagine", "/mj/submit/action"]
    assert len(world.files(sheet)) == 2


def test_words_and_films_come_without_a_parent(world: World) -> None:
    world.mock(**QUICK)
    Image.new("RGB", (8, 8)).save(world.folder / "a.png")
    sheet = sheet_of(
        world,
        ["words", "mj-action", "", "describe", "", "a.png"],
        ["short", "mj-action", "many words", "shorten", "", ""],
        ["film", "mj-action", "it turns", "video", "", "a.png"],
    )
    done = world.run("run", sheet, "-y", "--id", "name")
    assert (done.code, done.posts) == (0, 3), done.err
    assert world.column(sheet, "result_text")[1] == "1️⃣ many words"
    assert "2️⃣" in world.column(sheet, "result_text")[0]
    assert [Path(name).suffix for name in world.files(sheet)] == [".mp4", ".mp4"]


def test_a_parent_without_a_result_fails_the_row_for_free(world: World) -> None:
    world.monkeypatch.setattr(parents, "PARENT_SECONDS", 0.2)
    world.mock({"heron": ["moderation"]}, **QUICK)
    sheet = sheet_of(world, HERON, LARGE)
    done = world.run("run", sheet, "-y", "--id", "name")
    assert done.code == 4, done.err
    assert world.column(sheet) == ["failed", "failed"]
    assert not [one for one in lines(world) if one["billed"]]
    assert "key:heron" in world.column(sheet, "result_error")[1]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (["large", "mj-action", "", "U1", "7", ""], "key:VALUE"),
        (["large", "mj-action", "", "U1", "", ""], "parent"),
        (["words", "mj-action", "", "describe", "", ""], "a picture"),
        (["short", "mj-action", "", "shorten", "", ""], "a prompt"),
    ],
)
def test_a_row_that_cannot_press_anything_is_told_before(
    world: World, row: list[str], word: str
) -> None:
    world.mock(**QUICK)
    sheet = sheet_of(world, HERON, row)
    done = world.run("run", sheet, "-y", "--id", "name")
    assert (done.code, done.posts) == (3, 0), done.err
    assert word in done.err


def test_an_unknown_button_costs_nothing(world: World) -> None:
    world.monkeypatch.setattr(parents, "PARENT_SECONDS", 0.2)
    world.mock(**QUICK)
    sheet = sheet_of(world, HERON, ["large", "mj-action", "", "U9", "key:heron", ""])
    done = world.run("run", sheet, "-y", "--id", "name")
    assert (done.code, done.posts) == (4, 1), done.err
    assert "U1" in world.column(sheet, "result_error")[1]
