"""Whole runs by provider batches at the mock: created once, taken in row by row."""

import time
from pathlib import Path

import pytest

from jobs.store import Store
from jobs.store.provider_batches.batch import ProviderBatch, batches_of
from jobs.store.provider_batches.moves import want_cancelled
from runner.exits import Exit
from runner.mock.batch_script import BatchScript, CreationFault, Fate
from runner.mock.batches.sold import SoldBatch
from tests.support.world import World

FORMS = ("openai", "anthropic", "gemini", "openrouter")
LINE = ("-e", "chat", "-m", "mock-text", "-y", "--lane", "batch")
FAST = BatchScript(seconds=0.3)
LANE = '[provider.wenwen.lanes.batch]\nform = "{form}"\nfactor = 0.5\n'
PRICES = "[prices.mock-text]\ninput = 1000\noutput = 1000\n"


def selling(world: World, script: BatchScript = FAST, *, form: str = "openai") -> None:
    """The mock sells batches in this form."""
    world.mock(batches=script)
    world.settings(LANE.format(form=form))


def words(count: int) -> list[str]:
    return [f"row {number}" for number in range(count)]


def sold(world: World) -> list[SoldBatch]:
    """What was created at the mock."""
    assert world.gateway is not None
    return world.gateway.gateway.batches


def booked(world: World, sheet: Path) -> list[ProviderBatch]:
    """The batches in our table."""
    with world.store(sheet) as store, store.read() as tx:
        return batches_of(tx, 1)


def billed_rows(world: World) -> list[str]:
    return [one["row"] for one in world.calls if one.get("batch")]


@pytest.mark.parametrize(("form", "endpoint"), [
    ("openai", "chat"),
    ("anthropic", "messages"),
    ("gemini", "gemini"),
    ("openrouter", "chat"),
])  # fmt: skip
def test_rows_go_out_in_a_batch_and_come_back(world: World, form: str, endpoint: str) -> None:
    selling(world, form=form)
    sheet = world.prompts("a.csv", *words(5))
    done = world.run("run", sheet, "-e", endpoint, "-m", "mock-text", "-y", "--lane", "batch")
    assert done.code == 0, done.err
    assert world.standing(sheet) == {"done": 5}
    assert world.column(sheet, "result_lane") == ["batch"] * 5
    assert [one.state for one in booked(world, sheet)] == ["taken_in"]
    assert len(sold(world)) == 1


def test_nothing_of_a_batch_is_left_at_the_provider_or_on_the_disk(world: World) -> None:
    selling(world)
    sheet = world.prompts("a.csv", *words(3))
    world.run("run", sheet, *LINE)
    assert list(world.workspace(sheet).batches.iterdir()) == []
    assert booked(world, sheet)[0].removed_at is not None
    assert world.gateway is not None
    assert len(world.gateway.gateway.batch_files.removed) == 2  # lines and results


def test_a_run_that_only_submits_ends_and_the_next_takes_in(world: World) -> None:
    selling(world, BatchScript(seconds=0.0))
    sheet = world.prompts("a.csv", *words(3))
    first = world.run("run", sheet, *LINE, "--submit-only")
    assert first.code == 0, first.err
    assert world.standing(sheet) == {"pending": 3}
    assert world.run("run", sheet, "-y").code == 0
    assert world.standing(sheet) == {"done": 3}
    assert len(sold(world)) == 1


def test_more_rows_than_a_batch_holds_are_several_batches(world: World) -> None:
    world.mock(batches=FAST)
    world.settings(LANE.format(form="openai") + "max_rows = 4\n")
    sheet = world.prompts("a.csv", *words(10))
    assert world.run("run", sheet, *LINE).code == 0
    assert sorted(one.rows for one in booked(world, sheet)) == [2, 4, 4]
    assert world.standing(sheet) == {"done": 10}


@pytest.mark.parametrize("fault", [CreationFault.LOST, CreationFault.BAD_GATEWAY])
def test_a_creation_without_an_answer_is_found_and_not_repeated(
    world: World, fault: CreationFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.steps.batch_creation.LOOK_AFTER", 0.2)
    selling(world, BatchScript(seconds=0.3, creations=(fault,)))
    sheet = world.prompts("a.csv", *words(3))
    done = world.run("run", sheet, *LINE)
    assert done.code == 0, done.err
    assert len(sold(world)) == 1
    assert len(set(billed_rows(world))) == len(billed_rows(world)) == 3


@pytest.mark.parametrize("fault", [CreationFault.LIMIT, CreationFault.SERVER, CreationFault.RESET])
def test_a_creation_that_did_not_happen_is_made_again(
    world: World, fault: CreationFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.steps.batch_creation.LOOK_AFTER", 0.2)
    selling(world, BatchScript(seconds=0.3, creations=(fault,)))
    sheet = world.prompts("a.csv", *words(3))
    done = world.run("run", sheet, *LINE)
    assert done.code == 0, done.err
    assert world.standing(sheet) == {"done": 3}
    assert len(sold(world)) == 1


@pytest.mark.parametrize("fate", [Fate.EXPIRED, Fate.CANCELLED])
def test_rows_that_a_batch_did_not_buy_stay_pending_and_go_into_the_next(
    world: World, fate: Fate
) -> None:
    selling(world, BatchScript(seconds=0.3, fates=(fate,)))
    sheet = world.prompts("a.csv", *words(10))
    world.run("run", sheet, *LINE)
    assert world.standing(sheet) == {"done": 5, "pending": 5}
    assert len(sold(world)) == 1
    assert world.run("run", sheet, "-y").code == 0
    assert world.standing(sheet) == {"done": 10}
    assert len(set(billed_rows(world))) == len(billed_rows(world)) == 10


def test_rows_that_a_batch_did_not_buy_go_online_from_that_time_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    selling(world, BatchScript(seconds=0.3, fates=(Fate.EXPIRED,)))
    soon = time.strftime("%H:%M", time.localtime(time.time() + 60))
    monkeypatch.setattr("runner.settings.schema.Until.moment", lambda _self, now: now + 4.0)
    sheet = world.prompts("a.csv", *words(10))
    done = world.run("run", sheet, *LINE, "--online-from", soon)
    assert done.code == 0, done.err
    lanes = world.column(sheet, "result_lane")
    assert (lanes.count("batch"), lanes.count("online")) == (5, 5)


def test_a_batch_that_was_refused_when_it_was_checked_bought_nothing(world: World) -> None:
    selling(world, BatchScript(seconds=0.3, fates=(Fate.FAILED,)))
    sheet = world.prompts("a.csv", *words(4))
    world.run("run", sheet, *LINE)
    assert world.standing(sheet) == {"pending": 4}
    assert billed_rows(world) == []


def test_a_batch_that_costs_less_than_it_might_leaves_room_for_another(world: World) -> None:
    selling(world)
    world.settings(LANE.format(form="openai") + PRICES)
    sheet = world.sheet("a.csv", ["prompt", "max_tokens"], *([f"row {n}", 900] for n in range(6)))
    done = world.run("run", sheet, *LINE, "--max-cost", "1.5")
    assert done.code == 0, done.err
    assert world.standing(sheet) == {"done": 6}
    assert len(sold(world)) > 1


def test_a_batch_of_which_only_the_end_is_missing_is_ended(world: World) -> None:
    selling(world)
    sheet = world.prompts("a.csv", *words(2))
    world.monkeypatch.setenv("ROWMILL_FAILPOINT", "batch.read=kill")
    world.finish(world.start("run", sheet, *LINE))
    world.monkeypatch.delenv("ROWMILL_FAILPOINT")
    assert world.standing(sheet) == {"done": 2}
    assert world.run("run", sheet, "-y").code == 0
    assert [one.state for one in booked(world, sheet)] == ["taken_in"]


def test_a_cap_leaves_rows_out_of_the_batch(world: World) -> None:
    selling(world)
    world.settings(LANE.format(form="openai") + PRICES)
    sheet = world.sheet("a.csv", ["prompt", "max_tokens"], *([f"row {n}", 100] for n in range(6)))
    done = world.run("run", sheet, *LINE, "--max-cost", "0.13")
    assert done.code == Exit.STOPPED, done.err
    standing = world.standing(sheet)
    assert 0 < standing["done"] < 6
    assert standing["pending"] == 6 - standing["done"]
    assert sum(one["price"] for one in world.calls) <= 0.13


def test_a_retry_goes_online_unless_it_asks_for_batches(world: World) -> None:
    selling(world)
    sheet = world.prompts("a.csv", *words(2))
    world.run("run", sheet, *LINE)
    assert world.run("retry", sheet, "--again", "--rows", "2", "-y").code == 0
    assert world.column(sheet, "result_lane") == ["online", "batch"]
    assert world.run("retry", sheet, "--again", "--rows", "2", "-y", "--lane", "batch").code == 0
    assert world.column(sheet, "result_lane") == ["batch", "batch"]


def test_a_pilot_of_a_later_run_goes_online_before_the_batch(world: World) -> None:
    selling(world)
    sheet = world.prompts("a.csv", "row 0")
    world.run("run", sheet, *LINE)
    sheet = world.prompts("a.csv", *words(5))
    assert world.run("run", sheet, "-y", "--pilot", "2").code == 0
    lanes = world.column(sheet, "result_lane")
    assert (lanes.count("online"), lanes.count("batch")) == (2, 3)


def test_rows_of_two_lanes_go_their_ways(world: World) -> None:
    selling(world)
    sheet = world.sheet(
        "a.csv", ["prompt", "lane"], ["one", "batch"], ["two", "online"], ["three", "batch"]
    )
    assert world.run("run", sheet, "-e", "chat", "-m", "mock-text", "-y").code == 0
    assert world.column(sheet, "result_lane") == ["batch", "online", "batch"]


def test_a_batch_that_takes_long_is_left_at_the_time_of_until(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    selling(world, BatchScript(seconds=60.0))
    sheet = world.prompts("a.csv", *words(2))
    done = world.run("run", sheet, *LINE, "--until", "2s")
    assert done.code == Exit.STOPPED, done.err
    assert [one.state for one in booked(world, sheet)] == ["created"]


def test_going_on_online_sends_what_no_batch_has(world: World) -> None:
    selling(world, BatchScript(seconds=0.3, fates=(Fate.FAILED,)))
    sheet = world.prompts("a.csv", *words(2))
    world.run("run", sheet, *LINE)
    assert world.run("run", sheet, "-y", "--lane", "online").code == 0
    assert world.column(sheet, "result_lane") == ["online"] * 2


def test_a_full_queue_at_the_provider_is_waited_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.engine.batch_keeper.QUEUE_WAIT", 0.5)
    selling(world, BatchScript(seconds=0.3, fates=(Fate.QUEUE_FULL,)))
    sheet = world.prompts("a.csv", *words(3))
    done = world.run("run", sheet, *LINE)
    assert done.code == 0, done.err
    assert world.standing(sheet) == {"done": 3}
    assert len(billed_rows(world)) == 3


def test_a_batch_that_is_cancelled_under_way_gives_out_what_it_finished(world: World) -> None:
    selling(world, BatchScript(seconds=60.0, fates=(Fate.HANG,)))
    sheet = world.prompts("a.csv", *words(10))
    process = world.start("run", sheet, *LINE)
    world.wait(process, lambda: bool(sold(world)) and is_created(world, sheet))
    (batch,) = booked(world, sheet)
    with Store.open(world.workspace(sheet).table) as store, store.write() as tx:
        assert want_cancelled(tx, batch.id, now=time.time())
    world.finish(process)
    standing = world.standing(sheet)
    assert standing.get("done", 0) == len(billed_rows(world))
    assert sum(standing.values()) == 10


def is_created(world: World, sheet: Path) -> bool:
    return [one.state for one in booked(world, sheet)] == ["created"]


def test_what_is_promised_to_batches_counts_after_a_restart(world: World) -> None:
    selling(world, BatchScript(seconds=0.0))
    world.settings(LANE.format(form="openai") + PRICES)
    headers = ["prompt", "max_tokens"]
    sheet = world.sheet("a.csv", headers, *([f"row {n}", 100] for n in range(6)))
    cap = ("--max-cost", "0.75")
    assert world.run("run", sheet, *LINE, *cap, "--submit-only").code == 0
    sheet = world.sheet("a.csv", headers, *([f"row {n}", 100] for n in range(12)))
    again = world.run("run", sheet, "-y", "--submit-only", *cap)
    assert again.code == Exit.STOPPED, again.err
    assert sum(one.rows for one in booked(world, sheet)) < 12
    world.run("run", sheet, "-y", "--max-cost", "10")
    assert world.standing(sheet) == {"done": 12}
    assert len(set(billed_rows(world))) == len(billed_rows(world)) == 12


def test_a_row_that_no_batch_takes_stays_pending_and_is_told(world: World) -> None:
    world.mock(batches=FAST)
    world.settings(LANE.format(form="openai") + "max_bytes = 2000\n")
    sheet = world.prompts("a.csv", "short", "long " * 500)
    done = world.run("run", sheet, *LINE)
    assert "cannot go into a batch" in done.err
    assert world.standing(sheet) == {"done": 1, "pending": 1}


def test_batches_of_two_forms_without_digests_are_told_apart_by_their_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.steps.batch_creation.LOOK_AFTER", 0.2)
    script = BatchScript(seconds=0.3, creations=(CreationFault.OK, CreationFault.LOST))
    selling(world, script, form="anthropic")
    world.settings(LANE.format(form="anthropic") + "max_rows = 3\n")
    sheet = world.prompts("a.csv", *words(5))
    line = ("-e", "messages", "-m", "mock-text", "-y", "--lane", "batch")
    done = world.run("run", sheet, *line)
    assert done.code == 0, done.err
    assert world.standing(sheet) == {"done": 5}
    assert len(sold(world)) == 2


def test_nothing_is_created_while_a_person_pauses_the_run(world: World) -> None:
    selling(world)
    world.settings(LANE.format(form="openai") + "max_rows = 2\n")
    sheet = world.prompts("a.csv", *words(2))
    world.monkeypatch.setenv("ROWMILL_FAILPOINT", "batch.packed=sleep:4")
    process = world.start("run", sheet, *LINE)
    lines = world.workspace(sheet).batches
    world.wait(process, lambda: lines.exists() and any(lines.iterdir()))
    assert world.run("steer", sheet, "--pause").code == 0
    world.wait(process, lambda: bool(booked(world, sheet)))
    time.sleep(3.0)
    assert sold(world) == []
    assert world.run("steer", sheet, "--resume").code == 0
    assert world.finish(process).code == 0
    assert world.standing(sheet) == {"done": 2}
