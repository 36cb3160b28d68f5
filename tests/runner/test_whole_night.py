"""One night of the real command against a gateway with outages, limits and a revoked key."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.runner.engine.test_night import KEYS, happened, two_keys
from tests.support import browser
from tests.support.allowance import Allowance
from tests.support.world import ROOT, TEXT, World

HOUR, MINUTE = 3600.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """The speed of its clock, the gateway's rate limit, and how long the gateway is unreachable."""

    times: float
    limit: int  # calls a minute
    rows: int
    away: float = HOUR


class Director:
    """Makes the night's events happen, by the number of accepted calls and the fast clock."""

    def __init__(self, night: Night, gate: Allowance, process: "subprocess.Popen[bytes]") -> None:
        self.night, self.gate, self.process = night, gate, process
        self.gone_at = self.back_at = 0.0

    def play(self) -> None:
        """Play both kinds of outage, then revoke one key, then slow down the answers."""
        rows, seconds = self.night.rows, self.night.away / self.night.times
        self._until(lambda: len(self.gate.let_in) >= rows // 3)
        self.gone_at = time.monotonic()
        self.gate.away = "refuse"
        self._until(lambda: time.monotonic() >= self.gone_at + seconds / 2)
        self.gate.away = "closed"
        self._until(lambda: time.monotonic() >= self.gone_at + seconds)
        self.gate.away = ""
        self.back_at = time.monotonic()
        self._until(lambda: len(self.gate.let_in) >= rows // 2)
        self.gate.revoked.add(KEYS[0])
        self._until(lambda: len(self.gate.let_in) >= 2 * rows // 3)
        self.gate.delay = 20.0 / self.night.times

    def _until(self, so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 300
        while not so():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def share(self) -> float:
        """Accepted calls as a share of those allowed while the gateway was reachable."""
        moments = [at for at, _ in self.gate.let_in]
        seconds = moments[-1] - moments[0] - (self.back_at - self.gone_at)
        return len(moments) / (seconds * self.night.times / MINUTE * self.night.limit)


def spend(world: World, night: Night) -> tuple[Director, Path]:
    """Run the sheet through the night; every row is done in the morning."""
    mock = world.mock()
    world.settings(f"[limits]\ntimeout = {HOUR}\n")  # a busy machine takes minutes for this night
    sheet = world.prompts("a.csv", *(f"prompt {number}" for number in range(night.rows)))
    bill = world.folder.parent / "portal.jsonl"
    with Allowance(mock.base_url, bill, limit=night.limit, window=MINUTE / night.times) as gate:
        gate.delay = 2.0 / night.times
        two_keys(world, gate.base_url, accounts=("one", "one"))
        words = ["run", sheet, *TEXT, "-c", "auto"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fast_clock", str(night.times), *map(str, words)],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        world.started.append(process)
        director = Director(night, gate, process)
        director.play()
        done = world.finish(process)
        assert done.code == 0, done.err
        assert set(world.column(sheet)) == {"done"}
        return director, sheet


def unfolded(sight: browser.Sight) -> str:
    """All words of the page, those behind its folds as well."""
    sight.page.evaluate(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
    )
    return str(sight.page.inner_text("main"))


def the_page_tells_it(world: World, sheet: Path) -> None:
    """The report page shows the outage and the key in its incident timeline."""
    kinds = happened(world, sheet)
    assert {"outage", "outage_over", "key_dropped"} <= set(kinds), kinds
    path = browser.chromium_path()
    if path is None:
        pytest.skip("no chromium")
    chromium = browser.Browser(path)
    try:
        text = chromium.look(world.workspace(sheet).report, unfolded)
    finally:
        chromium.close()
    assert "Nothing failed" in text
    assert "the provider kept failing" in text
    assert "key 1 was rejected and no longer used; the other keys continued." in text
    assert text.count("to slow down; the rate was lowered") <= 4, "told together"


NIGHT = Night(times=240, limit=20, rows=450, away=HOUR / 3)
LONG_NIGHT = Night(times=30, limit=30, rows=2000)  # at 60, timers 25 ms late cost 15 %


@pytest.mark.deep
def test_a_night_with_everything_in_it_fails_no_row_and_is_told_in_the_morning(
    world: World,
) -> None:
    director, sheet = spend(world, NIGHT)
    assert director.share() >= 0.3
    assert len(director.gate.refused) <= 0.2 * len(director.gate.let_in)
    assert director.gate.turned_away <= 30, "an outage is waited out without calls"
    the_page_tells_it(world, sheet)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_auto_keeps_its_promise_through_an_hours_outage_and_a_lost_key(world: World) -> None:
    director, sheet = spend(world, LONG_NIGHT)
    assert director.share() >= 0.9
    assert len(director.gate.refused) <= 0.05 * len(director.gate.let_in)
    the_page_tells_it(world, sheet)
