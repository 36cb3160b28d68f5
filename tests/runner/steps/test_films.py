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
