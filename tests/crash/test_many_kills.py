"""Two hundred kills over many sheets, with one line of counts at the end."""

import random
from pathlib import Path

import pytest

from runner.mock.faults import FaultPlan, PlanName

from .audit import Account
from .harness import scene
from .test_kills import ROWS, killed_often

KILLS = 200
KINDS: tuple[tuple[str, PlanName], ...] = (
    ("chat", "none"),
    ("chat", "storm"),
    ("chat-image", "none"),
    ("chat-image", "storm"),
)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_kills_lose_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[Account] = []
    while (killed := sum(one.kills for one in found)) < KILLS:
        endpoint, faults = KINDS[len(found) % len(KINDS)]
        with scene(
            tmp_path / str(len(found)),
            rows=ROWS + random.Random(len(found)).randrange(100),
            endpoint=endpoint,
            faults=FaultPlan.named(faults),
            latency=(0.05, 0.2),
        ) as one:
            found.append(killed_often(one, min(10, KILLS - killed), seed=1000 + len(found)))
        assert not found[-1].problems, found[-1].problems
    with capsys.disabled():
        print(f"\n{len(found)} sheets: {total(found)}")


def total(found: list[Account]) -> Account:
    """All of them as one."""
    return Account(
        rows=sum(one.rows for one in found),
        kills=sum(one.kills for one in found),
        billed=sum(one.billed for one in found),
        repeats=sum(one.repeats for one in found),
        in_flight=sum(one.in_flight for one in found),
        spooled=sum(one.spooled for one in found),
        in_doubt=sum(one.in_doubt for one in found),
        problems=tuple(problem for one in found for problem in one.problems),
    )
