"""Two thousand kills over sheets of all kinds lose no answer; prints one line of counts."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from runner.mock.faults import FaultPlan, PlanName

from .audit import Account
from .harness import scene
from .prefork import Prefork
from .test_kills import ROWS, killed_often

KINDS: tuple[tuple[str, PlanName], ...] = (
    ("chat", "none"),
    ("chat", "storm"),
    ("chat-image", "none"),
    ("chat-image", "storm"),
    ("messages", "none"),
    ("image", "storm"),
    ("mj-imagine", "none"),
)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_two_thousand_kills_lose_no_answer(
    tmp_path: Path, prefork: Prefork, pytestconfig: pytest.Config
) -> None:
    """`--kills` sets the number of kills."""
    wanted = int(pytestconfig.getoption("--kills"))
    total: Account | None = None
    number = 0
    while total is None or total.kills < wanted:
        endpoint, faults = KINDS[number % len(KINDS)]
        with scene(
            tmp_path / str(number),
            rows=ROWS + random.Random(number).randrange(100),
            endpoint=endpoint,
            faults=FaultPlan.named(faults),
            latency=(0.05, 0.2),
            prefork=prefork,
        ) as one:
            left = wanted - (total.kills if total else 0)
            found = killed_often(one, min(20, left), seed=1000 + number, max_seconds=1200)
        assert not found.problems, found.problems
        if endpoint.startswith("mj-"):
            assert found.repeats == 0, "a known task is never submitted again"
        total = found if total is None else together(total, found)
        number += 1
    print(f"{number} sheets: {total}")


def together(one: Account, other: Account) -> Account:
    """Both sets of counts added up."""
    return replace(
        one,
        rows=one.rows + other.rows,
        kills=one.kills + other.kills,
        billed=one.billed + other.billed,
        repeats=one.repeats + other.repeats,
        in_flight=one.in_flight + other.in_flight,
        spooled=one.spooled + other.spooled,
        in_doubt=one.in_doubt + other.in_doubt,
    )
