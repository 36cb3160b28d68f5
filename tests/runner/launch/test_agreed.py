"""A yes given elsewhere: it names rows, price, site and plan, and covers nothing else."""

import json

from tests.support.world import PICTURE, World

ASK = PICTURE[:-1]  # without -y


def test_ask_prints_the_plan_and_sends_nothing(world: World) -> None:
    gateway = world.mock()
    done = world.run("run", world.prompts("a.csv", "a fox", "a hen"), *ASK, "--agreed", "ask")
    assert (done.code, done.posts) == (3, 0)
    assert done.json["calls"] == 2
    assert done.json["site"] == gateway.base_url
    assert "needs confirmation" in done.err


def test_a_yes_to_the_plan_runs_it(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox", "a hen", "a cow", "a pig")
    words = ("run", sheet, *ASK, "--limit", "3", "--agreed")
    done = world.run(*words, world.run(*words, "ask").out)
    assert (done.code, done.posts) == (0, 3)


def test_a_yes_to_another_plan_sends_nothing(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox", "a hen")
    plan = world.run("run", sheet, *ASK, "--agreed", "ask").json
    changes: tuple[dict[str, object], ...] = (
        {"calls": 1},
        {"site": "https://other.example"},
        {"digest": "0" * 32},
        {"most": {}, "unpriced": []},
    )
    for change in changes:
        text = json.dumps({**plan, **change})
        done = world.run("run", sheet, *ASK, "--agreed", text)
        assert (done.code, done.posts) == (3, 0), change


def test_an_edited_sheet_needs_another_yes(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox", "a hen")
    plan = world.run("run", sheet, *ASK, "--agreed", "ask").out
    world.prompts("a.csv", "a fox", "a dog")
    done = world.run("run", sheet, *ASK, "--agreed", plan)
    assert (done.code, done.posts) == (3, 0)


def test_what_is_no_plan_is_a_usage_error(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox")
    for text in ("yes", "{}", "[1]", '{"calls": "x"}', '{"calls":1,"most":[]}'):
        done = world.run("run", sheet, *ASK, "--agreed", text)
        assert (done.code, done.posts) == (2, 0), text


def test_a_retry_asks_for_the_rows_of_one_cause(world: World) -> None:
    world.mock({"bad": ["moderation"]})
    sheet = world.prompts("a.csv", "a fox", "a bad one")
    world.run("run", sheet, *PICTURE)
    words = ("retry", sheet, "--class", "refused", "--agreed")
    plan = world.run(*words, "ask")
    assert plan.json["calls"] == 1
    assert world.standing(sheet) == {"done": 1, "failed": 1}
    assert world.run(*words, plan.out).posts == 1
    assert world.standing(sheet) == {"done": 2}
