"""A run with `--until` tells how many rows will be finished by then."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobs.outcome import Finished
from jobs.result import Result
from jobs.store import Store
from jobs.store.queries.pace import ended_by_minute
from jobs.store.queries.totals import Counts
from runner.console.progress import json_of, line_of, render
from runner.console.snapshot import Snapshot
from runner.engine import stats
from runner.engine.stats import RunStats
from tests.support.json_outputs import check_outputs
from tests.support.loading import asking, load
from tests.support.working import close, take
from tests.support.world import TEXT, Done, World

MINUTE = 60.0
DONE_ROWS, MINUTES = 40, 10


def test_minutes_in_which_rows_ended_are_counted(store: Store) -> None:
    load(store, asking("a", "b", "c", "d"))
    for at in (2_005.0, 2_010.0, 2_200.0):
        (job,) = take(store, 1, now=at)
        close(store, job, Finished(result=Result(text="yes")), now=at)
    with store.read() as tx:
        assert ended_by_minute(tx, 1, 2_000.0, 2_250.0) == [2, 0, 0, 1]


@pytest.fixture
def running(world: World) -> Path:
    """A sheet in whose run 40 rows ended evenly in ten minutes; the mock answers no more."""
    world.mock()
    sheet = world.prompts("night.csv", *(f"prompt {number}" for number in range(400)))
    assert world.run("run", sheet, *TEXT, "--limit", DONE_ROWS).code == 0
    world.mock(latency=300.0)
    world.start("run", sheet, *TEXT, "-c", 1, "--until", "30m")
    deadline = time.monotonic() + 30
    while (found := world.run("status", sheet, "--json")).code or not _sends(found):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    _spread(world.workspace(sheet).table, time.time())
    return sheet


def _sends(found: Done) -> bool:
    return bool(found.json["rows"]["sending"] == 1)


def _spread(table: Path, now: float) -> None:
    """Move the ends of the rows, and the begin of the run, into the past."""
    with closing(sqlite3.connect(table, timeout=30)) as connection:
        connection.execute(
            "UPDATE runs SET started_at = ? WHERE ended_at IS NULL", (now - MINUTES * MINUTE,)
        )
        connection.execute(
            "UPDATE jobs SET updated_at = ? + position * ? WHERE state = 'done'",
            (now - MINUTES * MINUTE - 5, MINUTES * MINUTE / DONE_ROWS),
        )
        connection.commit()


def _until(world: World, sheet: Path) -> dict[str, Any]:
    found: dict[str, Any] = world.run("status", sheet, "--json").json["until"]
    return found


def test_status_tells_a_range_of_rows_by_the_time_of_until(world: World, running: Path) -> None:
    found = _until(world, running)
    low, high = found["finished"]
    assert found["likelihood"] == 0.8
    assert abs(found["at"] - time.time() - 30 * MINUTE) < 60
    assert DONE_ROWS < low < DONE_ROWS + 120 < high < 400
    clock = time.strftime("%H:%M", time.localtime(found["at"]))
    shown = " ".join(world.run("status", running).out.split())
    assert f"by {clock}" in shown
    assert f"{low}–{high} of 400 rows" in shown
    # An order from another terminal counts as soon as the run obeys it.
    assert world.run("steer", running, "--until", "10m").code == 0
    deadline = time.monotonic() + 10
    while _until(world, running)["at"] > time.time() + 11 * MINUTE:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert _until(world, running)["finished"][1] < high


def test_status_tells_no_range_while_a_person_holds_the_run(world: World, running: Path) -> None:
    assert _until(world, running)
    assert world.run("steer", running, "--pause").code == 0
    deadline = time.monotonic() + 10
    while world.run("status", running, "--json").json["until"] is not None:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_display_tells_the_range_in_every_form() -> None:
    night = Snapshot(title="night.csv", started_at=0.0, now=600.0, done=40, pending=360)
    told = replace(night, until=2400.0, until_rows=(120, 1200))
    console = Console(width=100)
    with console.capture() as captured:
        console.print(render(told, 97))
    clock = time.strftime("%H:%M", time.localtime(2400.0))
    assert f"by {clock}" in captured.get()
    assert "120–1,200 rows" in captured.get()
    assert "until=120-1200" in line_of(told)
    assert "until=" not in line_of(night)
    check_outputs(["run"], "", json_of(told))
    check_outputs(["run"], "", json_of(night))


def test_a_run_tells_the_range_from_its_own_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is moved by hand: a minute of a test is none of a night."""
    clock = Clock()
    monkeypatch.setattr(stats, "time", clock)
    run = RunStats(title="night.csv", limit=8, tell=print, started_at=0.0)
    run.ends_at = clock.time() + 3600
    for minute in range(12):
        clock.now += MINUTE
        done = 10 * minute
        found = run.snapshot(Counts(done=done, waiting=1000 - done), in_flight=8, oldest=None)
        assert (found.until_rows is None) == (minute < 5), minute
    low, high = found.until_rows or (0, 0)
    left = 3600 / MINUTE - 12
    assert 110 < low < 110 + 10 * left < high < 1000
    run.held(is_held=True)
    held = run.snapshot(Counts(done=110, waiting=890), in_flight=0, oldest=None)
    assert held.until_rows is None


class Clock:
    """Both clocks of a run, which stand still until they are moved."""

    now = 1_790_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now
