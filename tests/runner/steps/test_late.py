"""A task that failed is asked after by later runs, and what succeeds late is taken over."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.runner.steps.test_films import bill, submits
from tests.runner.steps.test_midjourney import ask
from tests.support.world import World

FILM = ("-e", "video", "-m", "mock-film", "-y")
QUICK: dict[str, Any] = {"task_seconds": 0.1}
LATE_SECONDS = 1.0  # after which a late task of such a gateway is done


def cost(world: World, sheet: Path) -> float:
    """What our books say."""
    ((amount,),) = ask(world, sheet, "SELECT sum(cost) FROM calls")
    return float(round(amount or 0, 6))


def billed(world: World) -> float:
    """What the gateway took in the end."""
    return float(round(sum(one["price"] for one in bill(world)), 6))


def data(world: World, sheet: Path, row: int = 0) -> dict[str, Any]:
    """The data of a row's result."""
    found: dict[str, Any] = json.loads(world.column(sheet, "result_data")[row])
    return found


def failed_once(world: World, *prompts: str) -> Path:
    """A sheet whose first film failed, and is done by now all the same."""
    world.mock({prompts[0]: ["task:late"]}, **QUICK)
    sheet = world.prompts("a.csv", *prompts)
    done = world.run("run", sheet, *FILM)
    assert (done.code, done.posts) == (4, len(prompts)), done.err
    assert world.column(sheet)[0] == "failed"
    time.sleep(LATE_SECONDS)
    return sheet


def test_the_next_run_takes_over_what_succeeded_late(world: World) -> None:
    sheet = failed_once(world, "a heron", "an owl")
    again = world.run("run", sheet)
    assert (again.code, again.posts) == (0, 0), again.err
    assert world.column(sheet) == ["done", "done"]
    assert data(world, sheet)["taken_over"] is True
    assert "taken_over" not in data(world, sheet, 1)
    assert len(world.files(sheet)) == 2
    assert "row 2: its task had been given up" in again.err
    assert cost(world, sheet) == billed(world) == 0.4


def test_a_failed_task_is_never_submitted_again_by_itself(world: World) -> None:
    world.mock({"heron": ["task:failure"] * 3}, **QUICK)
    sheet = world.prompts("a.csv", "a heron")
    for posts in (1, 0, 0):
        done = world.run("run", sheet, *FILM)
        assert (done.code, done.posts) == (4, posts), done.err
    assert cost(world, sheet) == billed(world) == 0


def test_a_retry_asks_the_old_ticket_before_it_buys(world: World) -> None:
    sheet = failed_once(world, "a heron")
    again = world.run("retry", sheet, "-y")
    assert (again.code, again.posts) == (0, 0), again.err
    assert world.column(sheet) == ["done"]
    assert data(world, sheet)["taken_over"] is True
    assert cost(world, sheet) == billed(world) == 0.2


def test_a_success_after_the_retry_s_own_is_kept_as_a_version(world: World) -> None:
    world.mock({"heron": ["task:late"]}, late_seconds=6.0, **QUICK)
    sheet = world.prompts("a.csv", "a heron")
    began = time.time()
    assert world.run("run", sheet, *FILM).code == 4
    again = world.run("retry", sheet, "-y")
    assert (again.code, again.posts) == (0, 1), again.err
    assert "taken_over" not in data(world, sheet)
    first = world.column(sheet, "result_files")
    time.sleep(max(0.0, began + 8.0 - time.time()))
    later = world.run("run", sheet)
    assert (later.code, later.posts) == (0, 0), later.err
    assert "kept as another version" in later.err
    assert world.column(sheet, "result_files") == first
    assert len(world.files(sheet)) == 2
    assert len(submits(world)) == 2
    assert cost(world, sheet) == billed(world) == 0.4
    assert world.run("run", sheet).err.count("kept as another version") == 0


def test_asking_wakes_no_row_and_holds_up_none(world: World) -> None:
    world.mock({"heron": ["task:failure"]}, **QUICK)
    sheet = world.prompts("a.csv", "a heron")
    assert world.run("run", sheet, *FILM).code == 4
    before = ask(world, sheet, "SELECT state, step, epoch, updated_at FROM jobs")
    assert world.run("run", sheet).code == 4
    assert ask(world, sheet, "SELECT state, step, epoch, updated_at FROM jobs") == before


def test_a_ticket_is_asked_after_as_long_as_its_provider_keeps_tasks(world: World) -> None:
    sheet = failed_once(world, "a heron")
    world.monkeypatch.setattr(time, "time", lambda: _FAR)
    gateway = world.gateway
    assert gateway is not None
    asked = gateway.gateway.questions
    assert world.run("run", sheet).code == 4
    assert gateway.gateway.questions == asked


_FAR = time.time() + 8 * 86_400


@pytest.mark.parametrize(("dialect", "price"), [("newapi", 0.2), ("openai-video", 0.25)])
def test_a_true_price_replaces_our_reckoning_where_it_is_told(
    world: World, dialect: str, price: float
) -> None:
    world.mock(**QUICK)
    world.settings('[prices."mock-film"]\ncall = 0.25\ncurrency = "USD"\n')
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *FILM, "--set", f"dialect={dialect}", "--json")
    assert done.code == 0, done.err
    assert cost(world, sheet) == billed(world) == price
    assert world.column(sheet, "result_cost") == [f"{price:g}"]


def test_a_price_in_another_currency_than_the_gateway_s_stays(world: World) -> None:
    world.mock(**QUICK)
    world.settings('[prices."mock-film"]\nsecond = 0.3\ncurrency = "CNY"\n')
    sheet = world.sheet("a.csv", ["prompt", "seconds"], ["a heron", "10"])
    assert world.run("run", sheet, *FILM).code == 0
    assert ask(world, sheet, "SELECT cost, currency FROM calls") == [(3.0, "CNY")]
