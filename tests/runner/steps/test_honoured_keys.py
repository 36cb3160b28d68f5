"""Idempotency-Keys: seen to be honoured or not, kept in the table, and then relied on."""

import json
import sqlite3

import pytest

from runner.settings.values import site
from runner.steps.honoured_keys import honoured_at
from tests.support.world import TEXT, World

HERE = "http://127.0.0.1:9"


def events(world: World, sheet_name: str) -> list[dict[str, object]]:
    with sqlite3.connect(world.folder / f"{sheet_name}.rowmill" / "jobs.db") as table:
        found = table.execute("select data from events where kind = 'idempotency' order by id")
        return [json.loads(one) for (one,) in found]


def test_what_was_seen_last_counts_and_only_at_its_site() -> None:
    yes, no = ({"site": site(HERE), "honoured": told} for told in (True, False))
    assert honoured_at(HERE, [no, yes])
    assert not honoured_at(HERE, [yes, no])
    assert not honoured_at(HERE, [])
    assert not honoured_at("http://127.0.0.1:8", [yes])


def test_a_lost_answer_comes_back_under_its_key_and_is_billed_once(world: World) -> None:
    world.mock(faults={"one": ["reset_after"]}, honours_keys=True)
    sheet = world.prompts("a.txt", "one", "two")
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    assert [one["billed"] for one in world.calls].count(True) == 2
    assert events(world, "a") == [{"site": events(world, "a")[0]["site"], "honoured": True}]


def test_a_repeat_that_is_done_anew_is_noted_as_such(world: World) -> None:
    world.mock(faults={"one": ["reset_after"]})
    sheet = world.prompts("a.txt", "one", "two")
    assert world.run("run", sheet, *TEXT).code == 0
    assert [one["billed"] for one in world.calls].count(True) == 3
    assert events(world, "a") == []  # nothing was believed before, so nothing has changed


@pytest.mark.parametrize("policy", ["retry", "hold"])
def test_where_keys_are_honoured_no_allowance_is_used_up(world: World, policy: str) -> None:
    faults = {f"row {number}": ["504"] for number in range(30)}
    world.mock(faults={"first": ["reset_after"], **faults}, honours_keys=True)
    sheet = world.prompts("a.txt", "first")
    assert world.run("run", sheet, *TEXT).code == 0
    sheet = world.prompts("a.txt", "first", *faults)
    done = world.run("run", sheet, *TEXT, "--in-doubt", policy)
    states = world.column(sheet)
    assert states.count("done") == (31 if policy == "retry" else 1), done.err
    assert sum(one["billed"] for one in world.calls) == 31
