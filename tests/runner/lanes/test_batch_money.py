"""What batches cost is said before they are made: by lane, and if all rows end online."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.exits import Exit
from runner.mock.batch_script import BatchScript, Fate
from tests.support.world import World

LINE = ("-e", "chat", "-m", "mock-text")
BATCH = (*LINE, "--lane", "batch")
SOLD = '[provider.wenwen.lanes.batch]\nform = "openai"\nfactor = 0.5\n'
PRICE = '[prices."mock-text"]\ncall = 0.1\n'
SLOW = BatchScript(seconds=60.0)


@pytest.fixture
def sheet(world: World) -> Path:
    """Ten rows, at a provider that sells batches, slow ones."""
    world.mock(batches=SLOW)
    world.settings(SOLD + PRICE)
    return world.prompts("a.csv", *(f"row {number}" for number in range(10)))


def test_check_names_the_price_on_each_lane(world: World, sheet: Path) -> None:
    done = world.run("check", sheet, *LINE)
    assert "by lane: online 1.00 USD · batch 0.50 USD" in done.out
    lanes = world.run("check", sheet, *LINE, "--json").json["price"]["lanes"]
    assert lanes == {"online": {"USD": [1.0, 1.0]}, "batch": {"USD": [0.5, 0.5]}}


def test_a_sheet_without_another_lane_has_one_price(world: World, sheet: Path) -> None:
    world.settings(PRICE)
    done = world.run("check", sheet, *LINE)
    assert "by lane" not in done.out
    assert world.run("check", sheet, *LINE, "--json").json["price"]["lanes"] == {}


def test_the_question_names_the_price_if_all_rows_end_online(world: World, sheet: Path) -> None:
    world.settings(SOLD + PRICE + "[limits]\nask_above = 1\n")
    done = world.run("run", sheet, *BATCH, "--no-input")
    assert done.code == 3
    assert "0.50 USD by batch; 1.00 USD if all rows end online" in done.err
    assert world.calls == []


def test_the_run_says_when_the_rest_goes_online(world: World, sheet: Path) -> None:
    assert world.run("check", sheet, *BATCH, "--json").json["seconds"] == [600.0, 86_400.0]
    done = world.run("run", sheet, *BATCH, "-y", "--submit-only", "--online-from", "05:00")
    assert done.code == 0, done.err
    assert "05:00 is sent online" in done.err
    assert "10 rows are at the provider, due by" in done.err


def test_a_cancelled_batch_is_told_at_once_and_its_finished_rows_are_taken_in(
    world: World, sheet: Path
) -> None:
    world.mock(batches=BatchScript(seconds=3.0, cancel_seconds=0.1))
    assert world.run("run", sheet, *BATCH, "-y", "--submit-only").code == 0
    done = world.run("batches", sheet, "--cancel", "1")
    assert done.code == 0, done.err
    assert "The provider is ending batch" in done.err
    assert world.run("run", sheet, *BATCH, "-y").code == Exit.STOPPED
    (record,) = world.run("batches", sheet, "--json").json["batches"]
    assert record["provider_state"] == "cancelled"
    rows = record["rows"]
    assert rows["done"] + rows["given_back"] == 10
    for row in range(2, 12):
        shown = world.run("show", row, sheet)
        assert (shown.code, "done" in shown.out or "not billed" in shown.out) == (0, True)
    assert len([one for one in world.calls if one.get("billed", True)]) == rows["done"]


def test_clean_removes_what_a_run_left_at_the_provider(world: World, sheet: Path) -> None:
    world.mock(batches=BatchScript(seconds=0.2, fates=(Fate.OK,)))
    assert world.run("run", sheet, *BATCH, "-y").code == 0
    with closing(sqlite3.connect(world.workspace(sheet).table)) as table, table:
        table.execute("update provider_batches set removed_at = null")
    assert "still has files" in world.run("batches", sheet).out
    done = world.run("batches", sheet, "--clean")
    assert (done.code, "Removed the files of 1 batch." in done.err) == (0, True)
    assert world.run("batches", sheet, "--json").json["batches"][0]["files_removed_at"]


def test_a_rehearsal_buys_by_batch(world: World, sheet: Path) -> None:
    done = world.run("rehearse", sheet, *BATCH, "-y")
    assert done.code == 0, done.err
    assert "by batch" in done.err
    folder = sheet.with_suffix(".rehearsal")
    assert world.run("batches", folder, "--json").json["batches"][0]["rows"]["done"] == 10


def test_batches_that_cost_more_than_cached_prompts_are_named(world: World) -> None:
    ratio = {"model_name": "mock-text", "quota_type": 0, "model_ratio": 50, "cache_ratio": 0.1}
    world.mock(batches=SLOW, pricing={"data": [ratio]})
    world.settings(SOLD)
    sheet = world.prompts("a.csv", *(f"row {number}" for number in range(4)))
    assert world.run("run", sheet, *LINE, "-y", "--limit", 2).code == 0
    assert "cache" not in world.run("check", sheet, *BATCH).out
    usage = {"prompt_tokens": 1000, "completion_tokens": 1, "total_tokens": 1001}
    cached = json.dumps(usage | {"prompt_tokens_details": {"cached_tokens": 900}})
    with closing(sqlite3.connect(world.workspace(sheet).table)) as table, table:
        table.execute("update attempts set usage = ?", [cached])
    words = "90 % of the prompts of the last 2 calls of this sheet came from the provider's cache"
    done = world.run("check", sheet, *BATCH)
    assert words in " ".join(done.out.split())
    assert "0.0382 USD online" in " ".join(done.out.split())
    assert "0.1001 USD" in " ".join(done.out.split())
    run = world.run("run", sheet, *BATCH, "-y", "--submit-only")
    assert words in " ".join(run.err.split())


def test_what_fits_under_the_cap_is_said_and_what_would_fit_all(world: World) -> None:
    world.mock(batches=BatchScript(seconds=0.2))
    world.settings(SOLD + '[prices."mock-text"]\ninput = 0\noutput = 1000\n')
    sheet = world.prompts("a.csv", *(f"row {number}" for number in range(10)))
    line = (*BATCH, "--max-cost", 5, "--set", "max_tokens=2000")
    said = " ".join(world.run("check", sheet, *line).out.split())
    assert "Under the cap 5 of 10 rows fit" in said
    assert "With --set max_tokens=1000 all fit." in said
    done = world.run("run", sheet, *line, "-y")
    assert "5 of 10 rows fit" in done.err
    assert (done.code, world.column(sheet)) == (0, ["done"] * 10)
    fitting = world.run("check", sheet, *BATCH, "--max-cost", 50, "--set", "max_tokens=100")
    assert "rows fit" not in fitting.out


def test_the_page_shows_each_batch(world: World, sheet: Path) -> None:
    assert world.run("run", sheet, *BATCH, "-y", "--submit-only").code == 0
    page = (world.workspace(sheet).report).read_text("utf-8")
    assert "Provider batches" in page
    assert "10 rows" in page
    assert "due 20" in page


def test_rows_that_a_batch_gave_back_are_named_at_the_end(world: World, sheet: Path) -> None:
    world.mock(batches=BatchScript(seconds=0.2, fates=(Fate.EXPIRED, Fate.OK), done_share=0.5))
    done = world.run("run", sheet, *BATCH, "-y")
    assert "5 rows that no batch has bought are pending" in done.err
    assert done.code == Exit.STOPPED
    done = world.run("run", sheet, *BATCH, "-y")
    assert "no batch has bought" not in done.err
    assert world.column(sheet, "result_lane") == ["batch"] * 10


def test_rows_that_ask_for_a_batch_that_nobody_sells_are_named_at_the_end(world: World) -> None:
    world.mock()
    sheet = world.sheet("l.csv", ["prompt", "lane"], ["a cat", "batch"], ["a dog", ""])
    done = world.run("run", sheet, "-e", "chat", "-m", "mock-text", "-y")
    assert "1 row that no batch has bought is pending" in done.err
    assert (done.code, world.column(sheet)) == (Exit.STOPPED, ["pending", "done"])
