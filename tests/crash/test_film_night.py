"""A night of films with time-outs, late successes, lost submits and kills: each is bought once."""

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runner.protocol.call_key import unbound_key
from tests.runner.steps.test_films import DIALECTS, bill
from tests.runner.steps.test_midjourney import ask, kill
from tests.support.world import World

FILMS, KILLS = 200, 6
FILM = ("-e", "video", "-m", "mock-film", "-y", "-c", "16")
TROUBLES: tuple[tuple[str, ...], ...] = (
    (),
    (),
    ("task:late",),
    ("task:failure",),
    ("task:unknown",),
    ("task:502",),
    ("429",),
    ("503", "ok"),
    ("reset_after",),
    ("504",),
    ("500_lost",),
    ("task:banned",),
)
"""What happens to films, in turn: nothing, to the task, or to its submit."""


def night(world: World) -> Path:
    """A sheet of films in all dialects, at a gateway with every trouble."""
    troubles = {f"film {n:03}": list(TROUBLES[n % len(TROUBLES)]) for n in range(FILMS)}
    world.mock(troubles, task_seconds=0.6, late_seconds=45.0, latency=0.15)
    world.settings('[prices."mock-film"]\nsecond = 0.05\ncurrency = "USD"\n')
    lines = [
        (f"film {n:03}", (5, 10)[n % 2], DIALECTS[(n // 3) % len(DIALECTS)]) for n in range(FILMS)
    ]
    return world.sheet("films.csv", ["prompt", "seconds", "dialect"], *lines)


def killed(world: World, sheet: Path) -> int:
    """Runs that die at random moments; how many did."""
    chance, deaths = random.Random(7), 0
    for _ in range(KILLS):
        process = world.start("run", sheet, *FILM)
        before = len(world.calls)
        deadline = time.monotonic() + 20
        while process.poll() is None and len(world.calls) < before + 10:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 0.6))
        deaths += process.poll() is None
        kill(process)
    return deaths


def true_prices(world: World) -> dict[str, float]:
    """What the gateway took for each call in the end, by its key."""
    found: Counter[str] = Counter()
    for line in bill(world):
        if line["key"]:
            found[unbound_key(line["key"])] += line["price"]
    return {key: round(price, 6) for key, price in found.items()}


def assert_bought_once(world: World) -> None:
    bought = Counter(one["prompt_sha"] for one in bill(world) if one["billed"])
    assert bought
    assert max(bought.values()) == 1


def assert_books_equal_bill(world: World, sheet: Path) -> None:
    prices = true_prices(world)
    words = (
        "SELECT calls.call_key, calls.cost FROM jobs JOIN calls ON calls.id = jobs.call_id"
        " WHERE jobs.state = 'done'"
    )
    for key, cost in ask(world, sheet, words):
        assert cost == pytest.approx(prices[key], abs=1e-6), key


def taken_over(world: World, sheet: Path) -> int:
    """How many rows say that their task had been given up."""
    data = [json.loads(one or "{}") for one in world.column(sheet, "result_data")]
    return sum(bool(one.get("taken_over")) for one in data)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_night_of_films_buys_each_once_and_books_what_it_took(world: World) -> None:
    sheet = night(world)
    assert killed(world, sheet) >= KILLS // 2
    code = world.run("run", sheet, *FILM).code
    assert code == 4, world.said[-2000:]
    first, early = world.standing(sheet), taken_over(world, sheet)
    assert first.get("pending", 0) == 0
    time.sleep(46)
    assert world.run("run", sheet).code == 4
    last: dict[str, Any] = world.standing(sheet)
    late = sum(n % len(TROUBLES) == 2 for n in range(FILMS))
    taken = taken_over(world, sheet)
    print(f"first {first}, last {last}, {taken} of {late} late ones taken over")
    assert taken > 0
    assert last["done"] == first["done"] + taken - early
    assert_bought_once(world)
    assert_books_equal_bill(world, sheet)
    assert len(world.files(sheet)) == last["done"]
