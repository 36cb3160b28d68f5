"""Setting the clock during a run or between two loses, delays and repeats nothing."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.store.log import last_run
from runner.workspace.workspace import SHEET_ID
from tests.support.working import call_rows
from tests.support.world import TEXT, World

pytestmark = pytest.mark.deep  # each runs two or three whole commands

HOUR = 3600.0
DAY = 24 * HOUR


def start(world: World, ahead: float, *words: object) -> "subprocess.Popen[bytes]":
    """Start a command in a process whose clock is ahead until `put_right`."""
    shifted = [sys.executable, "-m", "tests.support.shifted_clock", str(ahead), str(_sign(world))]
    world.started.append(
        subprocess.Popen(
            [*shifted, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )
    return world.started[-1]


def put_right(world: World) -> None:
    """Set the clocks of running commands."""
    _sign(world).touch()


def _sign(world: World) -> Path:
    return world.folder.parent / "clock-is-right"


def test_a_paid_answer_is_found_after_the_clock_was_set_back_between_two_runs(
    world: World,
) -> None:
    world.mock({"cat": ["500"]})
    sheet = world.prompts("a.csv", "a cat")
    words = ("run", sheet, *TEXT)
    world.monkeypatch.setenv("ROWMILL_FAILPOINT", "call.written=kill@2")
    assert world.finish(start(world, HOUR, *words)).code < 0
    assert len(world.calls) == 1, "refused, and its call has an end"
    world.monkeypatch.setenv("ROWMILL_FAILPOINT", "answer.spooled=kill")
    assert world.finish(world.start(*words)).code < 0
    assert len(world.calls) == 2, "paid, and only the spool has its answer"
    world.monkeypatch.delenv("ROWMILL_FAILPOINT")
    done = world.finish(world.start(*words))
    assert done.code == 0, done.err
    assert len(world.calls) == 2
    with world.store(sheet) as store:
        assert {call.wire for call in call_rows(store)} == {"B", "C"}, "no call stays open"


@pytest.mark.parametrize("dies", [True, False], ids=["between two runs", "in a run"])
def test_a_row_that_waits_goes_on_when_the_clock_is_set_back(world: World, dies: bool) -> None:
    world.mock({"cat": ["429", "429"]})
    sheet = world.prompts("a.csv", "a cat")
    process = start(world, 600.0, "run", sheet, *TEXT)
    world.wait(process, lambda: len(world.calls) > 0)
    time.sleep(0.2)  # it is told to wait, and that is recorded
    if dies:
        process.kill()
        world.finish(process)
        process = world.start("run", sheet, *TEXT)
    put_right(world)
    began = time.monotonic()
    done = world.finish(process)
    assert done.code == 0, done.err
    assert time.monotonic() - began < 60
    assert len(world.calls) == 3


def test_a_run_is_steered_although_an_earlier_one_had_a_clock_that_was_ahead(
    world: World,
) -> None:
    world.mock(latency=0.2)
    sheet = world.prompts("a.csv", "one")
    assert world.finish(start(world, DAY, "run", sheet, *TEXT)).code == 0
    sheet = world.prompts("a.csv", "one", *(f"prompt {number}" for number in range(60)))
    process = world.start("run", sheet, *TEXT, "-c", 2)
    world.wait(process, lambda: len(world.calls) > 4)
    paused = world.run("steer", sheet, "--pause")
    assert paused.code == 0, paused.err
    with world.store(sheet) as store, store.read() as tx:
        found = last_run(tx, SHEET_ID)
    assert found is not None
    assert found.ended_at is None, "the run in progress is the newest"
    assert world.run("steer", sheet, "--resume", "-c", 30).code == 0
    assert world.finish(process).code == 0


def test_a_run_takes_no_less_than_no_time_when_the_clock_is_set_back(world: World) -> None:
    world.mock(latency=1.0)
    sheet = world.prompts("a.csv", "a cat")
    process = start(world, HOUR, "run", sheet, *TEXT)
    world.wait(process, lambda: len(world.calls) > 0)
    put_right(world)
    done = world.finish(process)
    assert done.code == 0, done.err
    (line,) = [line for line in done.err.splitlines() if "1 done" in line]
    assert " -" not in line
    assert re.search(r"\b[1-9]\.\d s\b", line), line
