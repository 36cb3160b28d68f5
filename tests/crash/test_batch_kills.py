"""SIGKILL at any instant of a run by provider batches: nothing is lost, nothing bought twice."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.failpoints import VARIABLE
from runner.exits import Exit
from runner.mock.batch_script import BatchScript, CreationFault, DownloadFault, Fate
from tests.support.batch_client import ENDPOINT_OF, FORMS

from .batch_audit import BatchAccount, batch_audit, told
from .harness import Run, Scene, scene
from .prefork import Prefork

ROWS = 60
LIFE = (
    "batch.packed",
    "batch.intended",
    "batch.sent",
    "batch.uploaded",
    "batch.creating",
    "batch.answered",
    "batch.created",
    "batch.ended",
    "batch.fetched",
    "batch.slice",
    "batch.read",
)
"""The points of a batch's life, in their order."""
UPLOADS = ("batch.sent", "batch.uploaded")
UPLOADING = ("openai", "gemini")  # forms whose lines go up before the creation
LONGEST_LIFE = 4.0  # seconds that a run may live before it is killed
MAX_RUNS = 12  # after the kills, until nothing is pending
LANE = """
[provider.wenwen.lanes.batch]
form = "{form}"
max_rows = 25

[prices.mock-text]
call = 0.002
"""
SCRIPTS = {
    "calm": BatchScript(seconds=1.0),
    "broken": BatchScript(
        seconds=1.0,
        fates=(Fate.OK, Fate.EXPIRED, Fate.OK, Fate.CANCELLED),
        creations=(CreationFault.LOST, CreationFault.OK, CreationFault.BAD_GATEWAY),
        downloads=(DownloadFault.CUT, DownloadFault.UNAVAILABLE),
        twice=0.2,
        foreign=1,
        page=2,
    ),
}


@contextmanager
def batch_scene(
    folder: Path, form: str, script: BatchScript, prefork: Prefork, *, rows: int = ROWS
) -> Iterator[Scene]:
    """A sheet whose rows go into batches of at most 25."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "settings.toml"
    config.write_text(LANE.format(form=form), encoding="utf-8")
    options = ("--config", str(config), "--lane", "batch")
    endpoint = ENDPOINT_OF[form]
    with scene(
        folder, rows=rows, endpoint=endpoint, options=options, prefork=prefork, batches=script
    ) as one:
        yield one


def begun(one: Scene, **environ: str) -> Run:
    """A run that asks after batches as if their hours were seconds."""
    return one.start(concurrency=16, SHIM_BATCH_CLOCK="1", **environ)


def strike(one: Scene, point: str, chance: random.Random) -> bool:
    """Start a run that dies at a point of a batch's life, or at any instant of it."""
    if point:
        nth = chance.choice((1, 1, 1, 2))
        run = begun(one, **{VARIABLE: f"{point}=kill@{nth}"})
        deadline = run.began + LONGEST_LIFE
        one.until(lambda: not run.alive or time.monotonic() > deadline)
        return run.kill() or run.process.returncode == -signal.SIGKILL
    run = begun(one)
    time.sleep(chance.uniform(0.0, LONGEST_LIFE))
    return run.kill()


def killed_in_batches(one: Scene, form: str, kills: int, *, seed: int) -> BatchAccount:
    """Kill runs of one sheet at so many points, in the order of a batch's life; let it finish."""
    chance, died = random.Random(seed), 0
    life = [point for point in LIFE if point not in UPLOADS or form in UPLOADING]
    chosen = chance.sample([*life, ""], kills)
    points = sorted(chosen, key=lambda point: LIFE.index(point or "batch.created"))
    for point in points:
        died += strike(one, point, chance)
    for _ in range(MAX_RUNS):
        if begun(one).wait(300) == Exit.DONE and not _waiting(one):
            break
    found = batch_audit(one, kills=died)
    assert not found.problems, (found.problems[:10], told(one), one.runs[-1].stderr[-2000:])
    return found


def _waiting(one: Scene) -> int:
    """Rows that have not ended."""
    return int(one.query("SELECT count(*) FROM jobs WHERE state IN ('ready', 'running')")[0][0])


def test_a_batch_whose_rows_have_all_ended_is_cleared_by_the_next_run(
    tmp_path: Path, prefork: Prefork
) -> None:
    with batch_scene(tmp_path, "openai", SCRIPTS["calm"], prefork, rows=5) as one:
        assert begun(one, **{VARIABLE: "batch.read=kill"}).wait() == -signal.SIGKILL
        assert _waiting(one) == 0
        assert begun(one).wait() == Exit.DONE
        assert not batch_audit(one, kills=1).problems


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("form", FORMS)
def test_a_run_by_batches_that_is_killed_buys_each_row_once(
    form: str, script: str, tmp_path: Path, prefork: Prefork
) -> None:
    with batch_scene(tmp_path, form, SCRIPTS[script], prefork) as one:
        print(killed_in_batches(one, form, 5, seed=FORMS.index(form) * 10 + len(script)))


@pytest.mark.long
@pytest.mark.timeout(0)
def test_many_kills_of_batches_buy_each_row_once(
    tmp_path: Path, prefork: Prefork, pytestconfig: pytest.Config
) -> None:
    """`--kills` sets the number of kills."""
    wanted, number, died = int(pytestconfig.getoption("--kills")), 0, 0
    billed = batches = 0
    while died < wanted:
        form = FORMS[number % len(FORMS)]
        script = list(SCRIPTS.values())[number // len(FORMS) % len(SCRIPTS)]
        with batch_scene(tmp_path / str(number), form, script, prefork) as one:
            found = killed_in_batches(one, form, min(8, wanted - died), seed=1000 + number)
        died, number = died + found.kills, number + 1
        billed, batches = billed + found.billed, batches + found.batches
    print(f"{number} sheets, {died} kills: {batches} batches, {billed} rows billed once each")
