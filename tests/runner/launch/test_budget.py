"""A run spends no more than its cap, proved against the mock's bill."""

import json
from pathlib import Path

import pytest

from jobs.store.queries.totals import spent
from runner.mock.account_info import PRICING
from runner.mock.settings import PRICE_PER_TEXT
from runner.settings.locations import user_file
from runner.workspace.workspace import SHEET_ID
from tests.support.world import TEXT, World

PRICE = '[prices."mock-text"]\ncall = 0.002\ncurrency = "USD"\n'  # the mock's price


def billed(world: World) -> float:
    return round(sum(float(call["price"]) for call in world.calls), 9)


def many(world: World, count: int, name: str = "a.csv") -> Path:
    return world.prompts(name, *(f"prompt {k}" for k in range(count)))


def test_64_at_a_time_never_pass_the_cap(world: World) -> None:
    world.mock(latency=(0.01, 0.05))
    world.settings(PRICE)
    sheet = many(world, 300)
    done = world.run("run", sheet, *TEXT, "-c", 64, "--max-cost", "0.2")
    assert done.code == 5, done.err
    assert billed(world) == 0.2
    assert "Stopped by --max-cost" in done.err
    assert "--max-cost +0.41" in done.err
    assert world.standing(sheet) == {"done": 100, "pending": 200}


def test_faults_never_pass_the_cap_and_doubt_counts_in_full(world: World) -> None:
    faults = {str(k): ["reset_after"] for k in range(0, 40, 7)} | {
        "3": ["500"],
        "5": ["empty_choices"],
    }
    world.mock(faults, latency=(0.0, 0.02))
    world.settings(PRICE)
    sheet = many(world, 60)
    done = world.run("run", sheet, *TEXT, "-c", 16, "--max-cost", "0.08")
    assert done.code == 5, done.err
    assert billed(world) <= 0.08
    with world.store(sheet) as store, store.read() as tx:
        used = spent(tx, SHEET_ID)
    assert used.unknown_calls > 0
    assert used.costs["USD"] + used.doubtful["USD"] == pytest.approx(0.08, abs=PRICE_PER_TEXT)
    assert f"up to {used.doubtful['USD']:.2f}" in done.err or "up to" in done.err


def test_the_cap_holds_across_a_kill_and_is_remembered(world: World) -> None:
    world.mock(latency=0.2)
    world.settings(PRICE)
    sheet = many(world, 100)
    words = ("run", sheet, *TEXT, "-c", "8", "--max-cost", "0.1")
    process = world.start(*words)
    world.wait(process, lambda: len(world.calls) >= 20)
    process.kill()
    process.communicate()
    done = world.run("run", sheet, "-y", "-c", 8)
    assert done.code == 5, done.err
    assert billed(world) <= 0.1
    again = world.run("run", sheet, "-y")
    assert (again.code, again.posts) == (5, 0), again.err
    more = world.run("run", sheet, "-y", "--max-cost", "+0.01")
    assert (more.code, more.posts) == (5, 5), more.err
    after = world.run("run", sheet, "-y")
    assert (after.code, after.posts) == (5, 0), after.err


def test_a_remembered_cap_is_lifted_by_none(world: World) -> None:
    world.settings(PRICE)
    sheet = many(world, 4)
    assert world.run("run", sheet, *TEXT, "--max-cost", "0.002").code == 5
    unasked = world.run("run", sheet, "--max-cost", "none", "--limit", 1)
    assert (unasked.code, unasked.posts) == (0, 1), unasked.err
    after = world.run("run", sheet)
    assert (after.code, after.posts) == (0, 2), after.err
    assert "cap  " not in after.err


def test_no_cap_is_no_consent(world: World) -> None:
    sheet = many(world, 2)
    refused = world.run("run", sheet, *TEXT[:-1], "--max-cost", "none")
    assert (refused.code, refused.posts) == (3, 0), refused.err


def test_a_model_without_a_price_stops_a_cap_before_anything_is_sent(world: World) -> None:
    sheet = many(world, 3)
    for command in ("run", "check"):
        words = TEXT if command == "run" else TEXT[:-1]
        refused = world.run(command, sheet, *words, "--max-cost", "1")
        assert (refused.code, refused.posts) == (3, 0), refused.err
        assert '[prices."mock-text"]' in refused.err + refused.out


def test_prices_in_two_currencies_cannot_be_capped(world: World) -> None:
    world.settings(PRICE + '[prices."mock-image"]\ncall = 1\ncurrency = "CNY"\n')
    sheet = world.sheet("a.csv", ["prompt", "model"], ["a", "mock-text"], ["b", "mock-image"])
    refused = world.run("run", sheet, "-e", "chat", "-y", "--max-cost", "5")
    assert (refused.code, refused.posts) == (3, 0), refused.err
    assert "CNY, USD" in refused.err
    done = world.run("run", sheet, "-e", "chat", "-y")
    assert done.code == 0, done.err
    assert "0.002 USD" in done.err.replace("0.0020", "0.002")
    assert "1.00 CNY" in done.err


def test_a_cap_is_a_yes_off_a_terminal_but_not_one_of_last_time(world: World) -> None:
    world.settings('[prices."mock-text"]\ncall = 6\n')
    sheet = many(world, 4)
    words = TEXT[:-1]
    assert world.run("run", sheet, *words).code == 3
    assert world.run("run", sheet, *words, "--max-cost", "6").posts == 1
    refused = world.run("run", sheet, *words)
    assert (refused.code, refused.posts) == (3, 0)


def test_a_task_that_came_to_nothing_costs_nothing_in_the_end(world: World) -> None:
    world.mock({"heron": ["task:failure"]}, task_seconds=0.2, pricing=PRICING)
    sheet = world.prompts("a.csv", "a heron", "an owl")
    done = world.run("run", sheet, "-e", "mj-imagine", "-y", "--json")
    assert done.code == 4, done.err
    assert done.json["costs"] == {"USD": 0.02}
    assert world.column(sheet, "result_cost") == ["0.0", "0.02"]


# --- the gateway's own price list and balance -----------------------------------------------------


@pytest.mark.parametrize("till", ["token", "billing"])
def test_the_till_is_told_before_and_after_beside_our_books(world: World, till: str) -> None:
    world.mock(pricing=PRICING, credit=0.011, till=till)
    sheet = many(world, 5)
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    assert "0.01" in done.err
    assert "enough for all 5 rows" in done.err
    assert "charged 0.01 USD meanwhile; our ledger for this run: 0.01 USD" in done.err
    assert world.column(sheet, "result_cost") == ["0.002"] * 5


def test_too_little_credit_is_told_before_the_rows_it_lasts_for(world: World) -> None:
    world.mock(pricing=PRICING, credit=0.005)
    sheet = many(world, 5)
    assert "enough for about 2 of 5 rows" in world.run("run", sheet, *TEXT).err


@pytest.mark.parametrize("settings", [{}, {"pricing": b"<html>", "credit": 1.0, "till": "html"}])
def test_a_gateway_without_a_till_or_with_its_console_there_is_no_matter(
    world: World, settings: dict[str, object]
) -> None:
    world.mock(**settings)  # type: ignore[arg-type]  # any options of the mock
    sheet = many(world, 2)
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    assert "gateway " not in done.err
    assert "cost unknown" in done.err


def test_check_sends_nothing_and_knows_the_price_list_of_last_time(world: World) -> None:
    world.mock(pricing=PRICING)
    sheet = many(world, 2)
    before = json.loads(world.run("check", sheet, *TEXT[:-1], "--json").out)
    assert before["price"]["unknown"] == ["mock-text"]
    assert world.run("run", many(world, 1, "b.csv"), *TEXT).code == 0
    assert world.gateway is not None
    asked = len(world.gateway.gateway.requests)
    after = json.loads(world.run("check", sheet, *TEXT[:-1], "--json").out)
    assert len(world.gateway.gateway.requests) == asked
    assert after["price"]["ranges"] == {"USD": [0.004, 0.004]}
    assert after["seconds"][0] > 0
    assert after["disk_needed"][1] > 0


def test_a_row_s_cost_is_of_all_its_calls(world: World) -> None:
    world.mock({"cat": ["empty_choices"]}, pricing=PRICING)
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *TEXT, "--json")
    assert done.code == 0, done.err
    assert world.column(sheet, "result_cost") == ["0.004", "0.002"]
    assert done.json["costs"] == {"USD": 0.006}


def test_rows_that_share_a_call_share_its_price_and_its_ceiling(world: World) -> None:
    world.settings('[prices."mock-vector"]\ncall = 0.01\n')
    sheet = many(world, 30)
    words = ("-e", "embedding", "-m", "mock-vector", "-y", "-c", 1)
    world.mock(embedding_inputs=10)
    done = world.run("run", sheet, *words, "--max-cost", "0.01", "--json")
    assert done.code in {0, 5}, done.err
    assert done.json["costs"] == {"USD": 0.01}
    costs = [float(one) for one in world.column(sheet, "result_cost") if one]
    assert round(sum(costs), 9) == 0.01


def test_a_cap_for_a_run_going_on_refuses_two_currencies_as_a_run_does(world: World) -> None:
    world.mock(latency=1.0)
    dollars = '[prices."mock-text"]\ncall = 1\ncurrency = "USD"\n'
    own = user_file()
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(dollars + '[prices."mock-image"]\ncall = 1\ncurrency = "CNY"\n', "utf-8")
    rows = [(f"prompt {k}", model) for k in range(3) for model in ("mock-text", "mock-image")]
    sheet = world.sheet("a.csv", ["prompt", "model"], *rows)
    process = world.start("run", sheet, "-e", "chat", "-y", "-c", 1)
    world.wait(process, lambda: len(world.calls) >= 1)
    mixed = world.run("steer", sheet, "--max-cost", "10")
    assert mixed.code == 3, mixed.err
    assert "CNY, USD" in mixed.err
    lifted = world.run("steer", sheet, "--max-cost", "none")
    assert lifted.code == 0, lifted.err
    assert world.finish(process).code == 0
