"""Answers in the background: asked after by id, found again after a death, never bought twice."""

import signal
import sqlite3
from pathlib import Path

from tests.support.world import World


def tickets(world: World, sheet: Path) -> int:
    """How many rows the table says are being worked on elsewhere."""
    with sqlite3.connect(world.workspace(sheet).folder / "jobs.db") as table:
        return int(table.execute("select count(ticket) from jobs").fetchone()[0])


WORDS = ("-e", "responses", "-m", "m", "-y", "--set", "background=yes")


def test_an_answer_in_the_background_is_asked_after(world: World) -> None:
    world.mock(task_seconds=0.3)
    sheet = world.prompts("a.txt", "one", "two")
    done = world.run("run", sheet, *WORDS)
    assert done.code == 0, done.err
    rows = world.results(sheet)
    assert all(row["result_text"] for row in rows)
    assert all(float(row["result_seconds"]) >= 0 for row in rows)
    assert tickets(world, sheet) == 2
    assert all(int(row["result_total_tokens"]) > 0 for row in rows)
    assert len(world.calls) == 2


def test_where_answers_cannot_be_fetched_rows_run_as_usual(world: World) -> None:
    world.mock(gives_answers=False)
    sheet = world.prompts("a.txt", "one", "two")
    done = world.run("run", sheet, *WORDS)
    assert done.code == 0, done.err
    assert world.column(sheet) == ["done", "done"]
    assert len(world.calls) == 2


def test_a_killed_run_finds_its_answers_again(world: World) -> None:
    world.mock(task_seconds=4.0)
    sheet = world.prompts("a.txt", "one", "two")
    run = world.start("run", sheet, *WORDS)
    world.wait(run, lambda: len(world.calls) == 2 and tickets(world, sheet) == 2)
    run.send_signal(signal.SIGKILL)
    world.finish(run)
    done = world.run("run", sheet, *WORDS)
    assert done.code == 0, done.err
    assert world.column(sheet) == ["done", "done"]
    assert len(world.calls) == 2
