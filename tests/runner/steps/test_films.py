"""Films and songs are submitted once each over whole runs, whatever way the vendor has."""

import json
from typing import Any

import pytest

from tests.support.world import World

FILM = ("-e", "video", "-m", "mock-film", "-y")
SONG = ("-e", "music", "-m", "mock-song", "-y")
QUICK: dict[str, Any] = {"task_seconds": 0.1}
DIALECTS = ("newapi", "openai-video", "kling", "jimeng", "ark", "vidu", "hailuo", "veo")


def submits(world: World) -> list[dict[str, Any]]:
    """The submits on the bill."""
    return [one for one in bill(world) if one["prompt_sha"]]


def bill(world: World) -> list[dict[str, Any]]:
    """All lines of the bill."""
    text = "".join(one.read_text(encoding="utf-8") for one in world.bills if one.exists())
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_film_of_every_dialect_is_bought_once_and_saved(world: World, dialect: str) -> None:
    world.mock(**QUICK)
    sheet = world.sheet("a.csv", ["prompt", "seconds"], ["a heron", "5"], ["a boat", "10"])
    done = world.run("run", sheet, *FILM, "--set", f"dialect={dialect}")
    assert done.code == 0, done.err
    assert len(submits(world)) == 2
    assert world.column(sheet) == ["done", "done"]
    assert [name for name in world.files(sheet) if name.endswith(".mp4")] == world.files(sheet)
    assert len(world.files(sheet)) == 2


def test_songs_are_two_files_and_words_are_text(world: World) -> None:
    world.mock(**QUICK)
    headers = ["prompt", "dialect"]
    sheet = world.sheet("a.csv", headers, ["the last tram", ""], ["three snails", "suno-lyrics"])
    done = world.run("run", sheet, *SONG)
    assert done.code == 0, done.err
    assert [name.endswith(".mp3") for name in world.files(sheet)] == [True, True]
    assert world.column(sheet, "result_text")[1] == "[Verse]\nthree snails"


def test_asynchronous_pictures_are_tasks_of_the_image_endpoint(world: World) -> None:
    world.mock(**QUICK)
    sheet = world.sheet("a.csv", ["prompt", "n", "dialect"], ["a heron", "2", "async-images"])
    done = world.run("run", sheet, "-e", "image", "-m", "mock-image", "-y")
    assert done.code == 0, done.err
    assert len(submits(world)) == 1
    assert [name.endswith(".png") for name in world.files(sheet)] == [True, True]


def test_a_lost_submit_of_an_asynchronous_picture_finds_the_first_by_its_key(
    world: World,
) -> None:
    world.mock({"heron": ["reset_after"]}, **QUICK)
    sheet = world.sheet("a.csv", ["prompt", "dialect"], ["a heron", "async-images"])
    done = world.run("run", sheet, "-e", "image", "-m", "mock-image", "-y")
    assert (done.code, done.posts) == (0, 2), done.err
    assert [one["billed"] for one in world.calls] == [True, False]
    assert len({one["key"] for one in world.calls}) == 1
    assert world.column(sheet) == ["done"]


def test_fetch_downloads_a_film_again_that_wants_the_key(world: World) -> None:
    world.mock(**QUICK)
    sheet = world.prompts("a.csv", "a heron")
    assert world.run("run", sheet, *FILM, "--set", "dialect=openai-video").code == 0
    (name,) = world.files(sheet)
    (world.workspace(sheet).files / name).unlink()
    again = world.run("fetch", sheet)
    assert (again.code, again.posts) == (0, 0), again.err
    assert world.files(sheet) == [name]
