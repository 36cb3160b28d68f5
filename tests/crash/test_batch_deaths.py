"""A run that dies anywhere around a provider batch creates nothing twice, and loses no answer."""

import signal

import pytest

from jobs.failpoints import POINTS
from runner.mock.batch_script import BatchScript
from tests.support.world import World

LANE = '[provider.wenwen.lanes.batch]\nform = "openai"\nfactor = 0.5\n'
RUN = ("-e", "chat", "-m", "mock-text", "-y", "--lane", "batch")
ROWS = 6
OF_BATCHES = sorted(point for point in POINTS if point.startswith("batch."))


@pytest.mark.parametrize("point", OF_BATCHES)
def test_a_death_around_a_batch_buys_each_row_once(world: World, point: str) -> None:
    world.mock(batches=BatchScript(seconds=0.2))
    world.settings(LANE)
    sheet = world.prompts("a.csv", *(f"row {number}" for number in range(ROWS)))
    world.monkeypatch.setenv("ROWMILL_FAILPOINT", f"{point}=kill")
    killed = world.start("run", sheet, *RUN)
    assert world.finish(killed).code == -signal.SIGKILL
    world.monkeypatch.delenv("ROWMILL_FAILPOINT")
    done = world.run("run", sheet, *RUN)
    assert done.code == 0, done.err
    assert world.standing(sheet) == {"done": ROWS}
    rows = [one["row"] for one in world.calls if one.get("batch")]
    assert len(rows) == len(set(rows)) == ROWS
    assert world.gateway is not None
    assert len(world.gateway.gateway.batches) == 1


def test_a_batch_that_looks_like_another_is_not_taken_for_it(world: World) -> None:
    world.mock(batches=BatchScript(seconds=0.2))
    world.settings(LANE.replace("openai", "anthropic") + "max_rows = 3\n")
    sheet = world.prompts("a.csv", *(f"row {number}" for number in range(ROWS)))
    line = ("run", sheet, "-e", "messages", *RUN[2:])
    for point in ("batch.creating=kill", "batch.answered=kill"):
        world.monkeypatch.setenv("ROWMILL_FAILPOINT", point)
        assert world.finish(world.start(*line)).code == -signal.SIGKILL
    world.monkeypatch.delenv("ROWMILL_FAILPOINT")
    done = world.run(*line)
    assert done.code == 0, done.err
    assert world.standing(sheet) == {"done": ROWS}
    rows = [one["row"] for one in world.calls if one.get("batch")]
    assert len(rows) == len(set(rows)) == ROWS
