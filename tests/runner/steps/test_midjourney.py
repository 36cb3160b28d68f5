"""Midjourney rows submit once each over whole runs, whatever happens while a task is drawn."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jobs.store.queue import choices
from runner.mock.endpoints.midjourney import BLEND, IMAGINE
from runner.protocol.call import Reply
from runner.steps import resolve_poll
from runner.workspace.spool import Spool
from tests.support.world import KEY, TEXT, World

MJ = ("-e", "mj-imagine", "-y")
QUICK: dict[str, Any] = {"task_seconds": 0.1}
PROMPTS = ("a heron --ar 3:2", "an owl --v 7", "一只猫 --niji 6")


@pytest.fixture
def mj(world: World) -> World:
    """A world in which tasks take only a moment."""
    world.mock(**QUICK)
    return world


def pictures(world: World, *names: str) -> None:
    """Small pictures beside the sheets."""
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(world.folder / name)


def sizes(world: World, sheet: Path) -> set[tuple[int, int]]:
    """Width and height of every file of a sheet."""
    found = set()
    for name in world.files(sheet):
        with Image.open(world.workspace(sheet).files / name) as image:
            found.add(image.size)
    return found


def lines(world: World) -> list[dict[str, Any]]:
    """The lines of the bill, refunds included."""
    text = "".join(bill.read_text(encoding="utf-8") for bill in world.bills if bill.exists())
    return [json.loads(line) for line in text.splitlines()]


def edit_table(world: World, sheet: Path, words: str) -> None:
    """Change the table from outside, as the passage of time would."""
    with closing(sqlite3.connect(world.workspace(sheet).table)) as connection:
        connection.execute(words)
        connection.commit()


def ask(world: World, sheet: Path, words: str) -> list[Any]:
    with closing(sqlite3.connect(world.workspace(sheet).table)) as connection:
        return connection.execute(words).fetchall()


def kill(process: Any) -> None:
    process.kill()
    process.communicate()


# --- the normal course ----------------------------------------------------------------------------


def test_each_prompt_is_submitted_once_and_its_grid_is_saved(mj: World) -> None:
    sheet = mj.prompts("a.csv", *PROMPTS)
    done = mj.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (0, 3), done.err
    assert len(mj.files(sheet)) == 3
    assert {call["endpoint"] for call in mj.calls} == {IMAGINE}
    again = mj.run("run", sheet)
    assert (again.code, again.posts) == (0, 0), again.err


def test_a_preview_is_never_taken_for_the_picture(world: World) -> None:
    world.mock(task_seconds=0.6)
    sheet = world.prompts("a.csv", "a heron")
    assert world.run("run", sheet, *MJ).code == 0
    assert world.gateway is not None
    assert world.gateway.gateway.questions >= 3
    assert [one.fault for one in world.gateway.gateway.downloads] == [None]
    assert "/files/" in world.column(sheet, "result_urls")[0]
    assert sizes(world, sheet) == {(512, 512)}


def test_pictures_are_blended_without_prompt_and_model(mj: World) -> None:
    pictures(mj, "a.png", "b.png", "c.png")
    rows = ["a.png;b.png", "LANDSCAPE"], ['["a.png", "b.png", "c.png"]', ""]
    sheet = mj.sheet("a.csv", ["image", "dimensions"], *rows)
    done = mj.run("run", sheet, "-e", "mj-blend", "-y")
    assert (done.code, done.posts) == (0, 2), done.err
    assert sizes(mj, sheet) == {(512, 341), (512, 512)}
    assert {call["endpoint"] for call in mj.calls} == {BLEND}


@pytest.mark.parametrize(
    ("cell", "found"),
    [("a.png", "1"), ("a.png;a.png;a.png;a.png;a.png;a.png", "6"), ("", "nothing")],
)
def test_another_number_of_pictures_stops_before_anything_is_sent(
    mj: World, cell: str, found: str
) -> None:
    pictures(mj, "a.png")
    sheet = mj.sheet("a.csv", ["image", "notes"], ["a.png;a.png", ""], [cell, "x"])
    done = mj.run("run", sheet, "-e", "mj-blend", "-y")
    assert (done.code, done.posts) == (3, 0)
    assert found in done.err
    assert cell == "" or "2 to 5 pictures" in done.err


@pytest.mark.parametrize("kind", ["mj-imagine", "mj-blend"])
def test_an_address_stops_before_anything_is_sent_and_says_what_to_do(mj: World, kind: str) -> None:
    link = "https://pics.example.com/a.png"
    sheet = mj.sheet("a.csv", ["prompt", "image"], ["a heron", f"{link};{link}"])
    done = mj.run("run", sheet, "-e", kind, "-y")
    assert (done.code, done.posts) == (3, 0)
    assert "save the picture beside the sheet" in done.err


def test_the_option_for_the_model_is_not_for_rows_that_need_none(mj: World) -> None:
    headers = ["endpoint", "prompt"]
    sheet = mj.sheet("a.csv", headers, ["mj-imagine", "a heron"], ["", "a question"])
    assert mj.run("run", sheet, *TEXT).code == 0
    models = ask(mj, sheet, "SELECT endpoint, model FROM jobs")
    assert dict(models) == {"mj-imagine": "mj_imagine", "chat": "mock-text"}


def test_a_price_goes_by_the_gateways_own_name_of_the_service(mj: World) -> None:
    mj.settings('[prices."mj_imagine"]\ncall = 0.1\ncurrency = "USD"\n')
    sheet = mj.prompts("a.csv", "a heron")
    assert mj.run("run", sheet, *MJ).code == 0
    assert float(mj.column(sheet, "result_cost")[0]) == 0.1


# --- polling --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["unknown", "502", "no_address"])
def test_trouble_while_asking_never_submits_again(world: World, trouble: str) -> None:
    world.mock({"": [f"task:{trouble}"]}, **QUICK)
    sheet = world.prompts("a.csv", *PROMPTS)
    done = world.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (0, 3), done.err
    assert len(world.files(sheet)) == 3


def test_a_run_that_was_killed_while_asking_goes_on_without_a_submit(world: World) -> None:
    world.mock(task_seconds=1.5)
    sheet = world.prompts("a.csv", *PROMPTS)
    process = world.start("run", sheet, *MJ)
    gateway = world.gateway
    assert gateway is not None
    world.wait(process, lambda: gateway.gateway.questions >= 3)
    kill(process)
    assert len(world.calls) == 3
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert world.column(sheet) == ["done"] * 3


@pytest.mark.parametrize("waits", ["hang", "modal"])
def test_a_task_past_its_deadline_is_asked_after_again_by_the_next_run(
    world: World, waits: str
) -> None:
    world.mock({"heron": [f"task:{waits}"]}, **QUICK)
    world.monkeypatch.setattr(resolve_poll, "MAX_TASK_SECONDS", 0.5)
    sheet = world.prompts("a.csv", "a heron", "an owl")
    done = world.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (4, 2), done.err
    assert world.column(sheet, "result_error_class") == ["stuck", ""]
    world.mock(**QUICK)  # a gateway that was restarted and asks its proxy again
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert world.column(sheet) == ["done", "done"]


def test_a_retry_of_a_stuck_row_asks_and_does_not_submit(world: World) -> None:
    world.mock({"": ["task:hang"]}, **QUICK)
    world.monkeypatch.setattr(resolve_poll, "MAX_TASK_SECONDS", 0.3)
    world.monkeypatch.setattr(choices, "PATIENCE_SECONDS", 0.3)
    sheet = world.prompts("a.csv", "a heron")
    assert world.run("run", sheet, *MJ).code == 4
    again = world.run("retry", sheet, "-y")
    assert (again.code, again.posts) == (4, 0), again.err
    world.mock(**QUICK)
    again = world.run("retry", sheet, "-y")
    assert (again.code, again.posts) == (0, 0), again.err


def test_a_task_that_nobody_knows_is_stuck_and_never_submitted_again(world: World) -> None:
    world.mock({"": ["task:lost"]}, **QUICK)
    world.monkeypatch.setattr(resolve_poll, "UNKNOWN_TASK_SECONDS", 0.3)
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (4, 1), done.err
    (row,) = world.results(sheet)
    assert row["result_error_class"] == "stuck"
    assert "task_no_found" in row["result_error"]
    for word in ("run", "retry"):
        again = world.run(word, sheet, "-y")
        assert (again.code, again.posts) == (4, 0), again.err


def test_a_failure_at_a_hundred_percent_is_a_failure_and_is_refunded(world: World) -> None:
    world.mock({"heron": ["task:failure"], "owl": ["task:banned"], "cat": ["task:cancel"]}, **QUICK)
    sheet = world.prompts("a.csv", "a heron", "an owl", "a cat")
    done = world.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (4, 3), done.err
    assert world.column(sheet, "result_error_class") == ["server", "refused", "server"]
    assert not world.files(sheet)
    refunds = [line for line in lines(world) if line["endpoint"] == "refund"]
    assert sum(line["price"] for line in lines(world)) == pytest.approx(0.02)
    assert len(refunds) == 2
    again = world.run("run", sheet)
    assert (again.code, again.posts) == (4, 0), again.err


def test_a_retry_by_a_person_resubmits_a_task_without_result(world: World) -> None:
    world.mock({"heron": ["task:failure"]}, **QUICK)
    sheet = world.prompts("a.csv", "a heron", "an owl")
    assert world.run("run", sheet, *MJ).code == 4
    done = world.run("retry", sheet, "-y")
    assert (done.code, done.posts) == (0, 1), done.err
    assert world.column(sheet) == ["done", "done"]


def test_a_refused_key_while_asking_stops_the_run_and_leaves_the_ticket(world: World) -> None:
    world.mock(task_seconds=4.0)
    sheet = world.prompts("a.csv", "a heron")
    process = world.start("run", sheet, *MJ)
    gateway = world.gateway
    assert gateway is not None
    world.wait(process, lambda: gateway.gateway.questions >= 1)
    kill(process)
    world.mock(key="sk-another-key-than-ours", **QUICK)
    edit_table(world, sheet, "UPDATE jobs SET not_before = 0")
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (6, 0), done.err
    assert world.standing(sheet) == {"pending": 1}
    world.mock(**QUICK)
    edit_table(world, sheet, "UPDATE jobs SET not_before = 0")
    assert world.run("run", sheet).code == 0


# --- the submit -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["reset_after", "cut", "500_lost", "502", "504", "empty_choices", "empty_object"]
)
def test_a_submit_whose_ticket_was_lost_waits_for_a_person(world: World, fault: str) -> None:
    world.mock({"heron": [fault]}, **QUICK)
    sheet = world.prompts("a.csv", "a heron", "an owl")
    done = world.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (4, 2), done.err
    assert world.column(sheet) == ["in_doubt", "done"]


def test_only_a_person_s_word_submits_again_what_is_in_doubt(world: World) -> None:
    world.mock({"heron": ["reset_after"]}, **QUICK)
    sheet = world.prompts("a.csv", "a heron", "an owl")
    assert world.run("run", sheet, *MJ).code == 4
    for word, code in (("run", 4), ("retry", 0)):  # a retry that puts nothing back succeeds
        again = world.run(word, sheet, "-y")
        assert (again.code, again.posts) == (code, 0), again.err
    told = world.run("retry", sheet, "--class", "in_doubt", "-y")
    assert (told.code, told.posts) == (0, 1), told.err
    assert world.column(sheet) == ["done", "done"]


@pytest.mark.parametrize("fault", ["429", "429_bare", "429_empty", "503"])
def test_a_full_queue_is_waited_for_and_costs_nothing(world: World, fault: str) -> None:
    world.mock({"": [fault]}, **QUICK)
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (0, 2), done.err
    assert [call["billed"] for call in world.calls] == [False, True]
    assert world.standing(sheet) == {"done": 1}


def test_a_banned_word_is_refused_for_free(world: World) -> None:
    world.mock({"": ["moderation"]}, **QUICK)
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *MJ)
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet, "result_error_class") == ["refused"]
    assert not world.calls[0]["billed"]


def test_a_run_that_was_killed_in_a_submit_holds_it(world: World) -> None:
    world.mock(latency=20.0, **QUICK)
    sheet = world.prompts("a.csv", "a heron")
    process = world.start("run", sheet, *MJ)
    world.wait(process, lambda: len(world.calls) == 1)
    kill(process)
    world.mock(**QUICK)
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (4, 0), done.err
    assert world.standing(sheet) == {"in_doubt": 1}


def test_a_ticket_that_only_reached_the_spool_is_asked_after(world: World) -> None:
    world.mock(latency=20.0, **QUICK)
    sheet = world.prompts("a.csv", "a heron")
    process = world.start("run", sheet, *MJ)
    world.wait(process, lambda: len(world.calls) == 1)
    kill(process)
    (call,) = ask(world, sheet, "SELECT id FROM calls")
    ticket = f"{int(time.time() * 1000)}001"
    body = json.dumps({"code": 1, "description": "提交成功", "result": ticket}).encode()
    spool = Spool(world.workspace(sheet).spool)
    headers = {"retry-after": "0.1"}
    spool.append(call[0], Reply(status=200, headers=headers, body=body, seconds=0.1))
    spool.close()
    world.mock(**QUICK)
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert world.column(sheet) == ["done"]


def test_a_storm_rehearsal_ends_with_balanced_books(world: World) -> None:
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    sheet = world.prompts("a.csv", *(f"prompt {number}" for number in range(16)))
    done = world.run("rehearse", sheet, "-e", "mj-imagine", "--faults", "storm")
    assert done.code in (0, 4), done.err
    assert "0 missing" in done.err
    bill = world.workspace(sheet, ".rehearsal").bill.read_text(encoding="utf-8")
    billed = [one for one in map(json.loads, bill.splitlines()) if one["billed"]]
    html = [one for one in billed if one["fault"] in ("html", "error_200")]
    assert len(billed) - len(html) <= 16
    assert KEY not in bill
