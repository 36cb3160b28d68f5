"""SIGKILL at any instant loses no answer that reached us, and repeats stay within bounds."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.exits import Exit
from runner.mock.faults import FaultPlan, PlanName

from .audit import Account, audit
from .harness import MAX_WAIT_SECONDS, Photo, Scene, scene

ROWS = 180
_DIED_SAVING = "SELECT count(*) FROM jobs WHERE cause = 'deaths' AND step = 'fetch'"
FINISHED = (Exit.DONE, Exit.SOME_FAILED)


@dataclass(slots=True)
class Clock:
    """How long a start takes on this machine, learned from the starts so far."""

    start: float = 0.9
    work: float = 0.4  # seconds of work during which a kill may come

    def instant(self, chance: random.Random) -> float:
        """A random instant, uniform over the whole run."""
        return chance.uniform(0.0, self.start + self.work)

    def learn(self, seconds: float) -> None:
        self.start = 0.5 * self.start + 0.5 * seconds


def strike(scene: Scene, clock: Clock, chance: random.Random) -> bool:
    """Start a run and kill it, half of the time during its calls. False if it ended first."""
    before = scene.calls()
    run = scene.start()
    if chance.random() < 0.5:
        time.sleep(clock.instant(chance))
        return run.kill()
    if not scene.until_calls(before + 1, run):
        return False
    clock.learn(time.monotonic() - run.began)
    time.sleep(chance.uniform(0.0, clock.work))
    return run.kill()


def killed_often(
    scene: Scene, kills: int, *, seed: int, max_seconds: float = MAX_WAIT_SECONDS
) -> Account:
    """Kill runs of one sheet until enough have died or one has finished; then let it finish."""
    chance, clock = random.Random(seed), Clock()
    photos: list[Photo] = []
    while len(photos) < kills and strike(scene, clock, chance):
        photos.append(scene.photo(str(len(photos))))
    code = scene.start().wait(max_seconds)
    assert code in FINISHED, scene.runs[-1].stderr
    assert scene.query(_DIED_SAVING) == [(0,)], "an innocent row was blamed for the kills"
    return audit(scene, photos)


SHEETS = [
    pytest.param("chat", "none", 8, id="texts"),
    pytest.param("chat", "none", 8, id="texts-again"),
    pytest.param("chat", "storm", 8, id="texts-in-a-storm"),
    pytest.param("chat-image", "none", 9, id="pictures"),
    pytest.param("chat-image", "storm", 9, id="pictures-in-a-storm"),
    pytest.param("chat-image", "none", 8, id="pictures-again"),
]


@pytest.mark.deep
@pytest.mark.parametrize(("endpoint", "faults", "kills"), SHEETS)
def test_a_killed_run_loses_no_answer_and_repeats_only_what_was_in_flight(
    endpoint: str, faults: PlanName, kills: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    plan = FaultPlan.named(faults)
    with scene(tmp_path, rows=ROWS, endpoint=endpoint, faults=plan, latency=(0.05, 0.2)) as one:
        found = killed_often(one, kills, seed=len(request.node.name))
    print(found)
    assert not found.problems
    assert found.kills >= kills / 2
