"""A way of asking that rowmill does not know may stand in rowmill.toml, within its bounds."""

import json

import pytest

from tests.support.world import World

MINE = """
[task.mine]
title = "my gateway"
endpoints = ["video"]
submit.path = "/v1/video/generations"
submit.body = { prompt = "$prompt", model = "$model" }
submit.id = "task_id"
ask = { path = "/v1/video/generations/{id}" }
answer.status = "data.status"
answer.done = "success"
answer.failed = "failure"
answer.links = "data.result_url"
"""
FILM = ("-e", "video", "-m", "mock-film", "-y", "--set", "dialect=mine")


def test_a_dialect_of_the_sheet_s_own_file_is_spoken(world: World) -> None:
    world.mock(task_seconds=0.1)
    world.settings(MINE, trusted=False)
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *FILM)
    assert (done.code, done.posts) == (0, 1), done.err
    assert len(world.files(sheet)) == 1
    shown = json.loads(world.run("show", "2", sheet, "--json").out)
    assert shown["ticket"].startswith("mine:task_")


@pytest.mark.parametrize(
    ("was", "now", "word"),
    [
        ('submit.path = "/v1/video/generations"', 'submit.path = "https://x.example/a"', "path"),
        ('answer.done = "success"', 'answer.quota = "data.quota"', "quota"),
        ("[task.mine]", "[task.newapi]", "task.newapi"),
        ('submit.id = "task_id"', 'submit.headers = { X-A = "b" }', "task.mine"),
        ("[task.mine]", "[task.Mine]", "Mine"),
    ],
)
def test_what_a_sheet_s_own_file_may_not_say_sends_nothing(
    world: World, was: str, now: str, word: str
) -> None:
    world.mock(task_seconds=0.1)
    assert was in MINE
    world.settings(MINE.replace(was, now), trusted=False)
    done = world.run("run", world.prompts("a.csv", "a heron"), *FILM)
    assert (done.code, done.posts) == (3, 0), done.err
    assert word in done.err


def test_a_trusted_file_may_correct_a_built_in_dialect(world: World) -> None:
    world.mock(task_seconds=0.1)
    world.settings(MINE.replace("[task.mine]", "[task.kling]"))
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *FILM[:-1], "dialect=kling")
    assert (done.code, done.posts) == (0, 1), done.err
