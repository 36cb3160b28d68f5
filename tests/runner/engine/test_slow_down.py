"""A provider's "slow down" is recorded and reported, and only its own calls wait."""

import pytest

from jobs.store.log import events_of, last_run
from runner.pacing import random_refusals
from runner.workspace.workspace import SHEET_ID
from tests.runner.engine.test_night import gateway, happened, many, once
from tests.support.deciding import deciding
from tests.support.trap import GOOD, refusal
from tests.support.world import TEXT, World


def test_a_wait_that_chance_asks_for_is_told_and_one_that_it_does_not_ask_for_is_not(
    world: World,
) -> None:
    for name in ("MIN_REFUSALS", "MIN_SHARE"):
        world.monkeypatch.setattr(random_refusals, name, 0)  # known from the start
    with gateway(world) as gate:
        gate.delay = 0.02
        sheet = many(world, 120)
        once(lambda: len(gate.let_in) >= 30, lambda: gate.waits.append(None))
        once(lambda: len(gate.let_in) >= 60, lambda: gate.waits.append(0.7))
        done = world.run("run", sheet, *TEXT, "-c", "auto", "--progress", "plain")
        assert done.code == 0, done.err
        assert len(gate.refused) == 2
        with world.store(sheet) as store, store.read() as tx:
            run = last_run(tx, SHEET_ID)
            assert run is not None
            recorded = [one.data for one in events_of(tx, run.id) if one.kind == "slow_down"]
        assert [(one["cause"], one["seconds"]) for one in recorded] == [("rate_limit", 0.7)]
        asked_at = gate.refused[1]
        quiet = [at for at, _ in gate.let_in if asked_at + 0.2 < at < asked_at + 0.7]
        assert quiet == [], "a wait that is asked for is everybody's"
        report = world.workspace(sheet).report.read_text(encoding="utf-8")
        assert "The provider asked 1 time to slow down" in report


def test_a_limit_of_calls_at_once_is_told(world: World) -> None:
    words = "Limit type: max_parallel_requests. Current limit: 2, Remaining: 0"
    busy = refusal(429, words, "429", "None", headers={"Retry-After": "1"})
    first = iter([busy, busy])
    with deciding(world, lambda asked: next(first, GOOD)):
        sheet = world.prompts("a.csv", *(f"prompt {number}" for number in range(12)))
        done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    report = world.workspace(sheet).report.read_text(encoding="utf-8")
    assert report.count("accepts only 2 requests at once") == 1


@pytest.mark.deep
@pytest.mark.timeout(120)
def test_runs_that_share_a_key_keep_quiet_together_when_one_of_them_is_asked_to(
    world: World,
) -> None:
    with gateway(world) as gate:
        gate.delay = 0.1
        sheets = [
            world.prompts(f"{name}.csv", *(f"{name} {k}" for k in range(count)))
            for name, count in (("a", 300), ("b", 80))
        ]
        words = (*TEXT, "-c", 2, "--rpm", 6000)
        runs = [world.start("run", sheets[0], *words)]
        world.wait(runs[0], lambda: bool(gate.let_in))
        runs.append(world.start("run", sheets[1], *words))
        world.wait(runs[1], lambda: gate.most_in_flight > 2)
        gate.waits = [3.0]
        assert [world.finish(run).code for run in runs] == [0, 0]
        (asked_at,) = gate.refused
        quiet = [at for at, _ in gate.let_in if asked_at + 0.5 < at < asked_at + 2.9]
        assert quiet == []
        assert sorted("slow_down" in happened(world, sheet) for sheet in sheets) == [False, True]
