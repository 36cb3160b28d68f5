"""What was paid for stays, whatever dies: the tab, the desk, the run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.lock import holder
from runner.mock.account_info import PRICING
from runner.mock.faults import FaultPlan
from tests.support.browser import Browser, Sight
from tests.support.desks import OpenDesk, open_desk, opened_desk
from tests.support.world import World

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

SENT = {"endpoint": "chat-image", "model": "mock-image"}
ROWS = 40
WAIT_SECONDS = 300.0


def started_desk(world: World) -> "tuple[OpenDesk, subprocess.Popen[bytes]]":
    """`rowmill desk` as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runner.cli", "desk", world.folder, "--port=0", "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a terminal's: Ctrl-C reaches all of it
    )
    world.started.append(process)
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    return open_desk(line[line.index("http") :].strip()), process


def until(desk: OpenDesk, name: str, *, running: bool) -> dict[str, Any]:
    """How the sheet stands once a run is at work on it, or none is any more."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        told = desk.do("standing", sheet=name)
        if told.get("loaded") and told.get("running") is running:
            return told
        assert time.monotonic() < deadline, told
        time.sleep(0.2)


def run_of(desk: OpenDesk, name: str, **choices: str) -> None:
    """Start all rows of a sheet, with the yes to their plan."""
    sent = {**SENT, **choices}
    plan = desk.do("plan", sheet=name, choices=sent)["plan"]
    assert desk.do("run", sheet=name, choices=sent, plan=plan) == {}


def a_sheet(world: World) -> Path:
    """A sheet that takes some seconds."""
    return world.prompts("a.csv", *(f"fox {n}" for n in range(ROWS)))


def test_a_run_goes_on_when_the_desk_is_killed(world: World) -> None:
    world.mock(latency=0.5)
    sheet = a_sheet(world)
    desk, process = started_desk(world)
    run_of(desk, "a.csv", concurrency="4")
    process.kill()
    process.communicate()
    with opened_desk(world.folder) as again:
        until(again, "a.csv", running=False)
    assert world.standing(sheet) == {"done": ROWS}
    assert len(world.calls) == ROWS


def test_closing_the_desk_with_ctrl_c_stops_no_run(world: World) -> None:
    world.mock(latency=0.5)
    sheet = a_sheet(world)
    desk, process = started_desk(world)
    run_of(desk, "a.csv", concurrency="4")
    os.killpg(process.pid, signal.SIGINT)
    assert world.finish(process).code == 0
    with opened_desk(world.folder) as again:
        until(again, "a.csv", running=False)
    assert world.standing(sheet) == {"done": ROWS}


def test_a_killed_run_is_told_and_goes_on_without_paying_twice(world: World) -> None:
    world.mock(latency=0.5)
    sheet = a_sheet(world)
    with opened_desk(world.folder) as desk:
        run_of(desk, "a.csv", concurrency="4")
        while world.standing(sheet).get("done", 0) < 5:
            time.sleep(0.1)
        os.kill(holder(world.workspace(sheet).lock_file).pid, signal.SIGKILL)
        told = until(desk, "a.csv", running=False)
        assert told["state"] == "died"
        assert "unexpectedly" in told["words"] or "killed" in told["words"]
        run_of(desk, "a.csv")
        until(desk, "a.csv", running=False)
    assert world.standing(sheet) == {"done": ROWS}
    assert len(world.calls) <= ROWS + 4  # the calls in flight at the kill, and none else


def test_a_storm_is_weathered_after_the_tab_was_closed(browser: Browser, world: World) -> None:
    world.mock(FaultPlan.named("storm"), pricing=PRICING, latency=0.05)
    sheet = a_sheet(world)

    def begin(sight: Sight) -> None:
        page = sight.page
        page.locator("button.sheet").click()
        page.wait_for_selector("#endpoint")
        page.locator("#endpoint").select_option("chat-image")
        page.fill("#model", "mock-image")
        sight.wait("!document.querySelector('#run-all')?.disabled ?? false")
        page.locator("#run-all").click()
        page.wait_for_selector("#ask[open]")
        page.locator("#ask .main").click()
        page.wait_for_selector("#step-run[aria-selected=true]")

    def look(sight: Sight) -> None:
        page = sight.page
        page.locator("button.sheet").click()
        page.locator("#step-run").click()
        page.wait_for_selector("#to-look, #run-rest")
        page.locator("#step-look").click()
        sight.wait("document.querySelector('.progress .lead') !== null")
        assert not sight.problems

    with opened_desk(world.folder) as desk:
        browser.look(desk.url, begin)
        until(desk, "a.csv", running=False)
        browser.look(desk.url, look)
    standing = world.standing(sheet)
    assert sum(standing.values()) == ROWS
    assert standing["done"] > ROWS / 2
