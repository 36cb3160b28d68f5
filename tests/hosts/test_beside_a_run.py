"""Acceptance 13: what people do beside a run of several hosts."""

import time
from pathlib import Path

import pytest

from runner.mock.account_info import PRICING
from runner.mock.chance import prompt_digest
from runner.mock.faults import FaultPlan
from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene

pytestmark = pytest.mark.timeout(300)  # the machine may have more to do
MACHINES = ("east", "north", "south")


def started(made: HostScene, *options: str, config: Path | None = None) -> None:
    """One machine loads the sheet and opens the run, two others join it."""
    if config is None:
        made.start(*options, machine=MACHINES[0])
    else:
        made.start(*options, machine=MACHINES[0], ROWMILL_CONFIG=str(config))
    made.until(lambda: made.query("SELECT count(*) FROM hosts") == [(1,)])
    for machine in MACHINES[1:]:
        made.start(machine=machine, joins=True)
    made.until(lambda: made.query("SELECT count(*) FROM hosts") == [(len(MACHINES),)])
    made.until(lambda: made.asked() > 30)


def edit(made: HostScene, *, changed: range, gone: range, new: int) -> None:
    """Another version of the sheet: some prompts change, some rows go, some are new."""
    lines = ["id,prompt"]
    for number, prompt in enumerate(made.prompts, 1):
        if number in gone:
            continue
        words = f"{prompt}, at night" if number in changed else prompt
        lines.append(f'row-{number},"{words}"')
    lines += [f'new-{number},"A new lamp of kind {number}"' for number in range(new)]
    made.sheet.write_text("\n".join(lines) + "\n", encoding="utf-8")


def asked_in(made: HostScene, seconds: float) -> int:
    """How many calls arrive in that time."""
    before = made.asked()
    time.sleep(seconds)
    return made.asked() - before


def ended(host: Host, code: int = 0) -> str:
    """What a command said that ended so."""
    assert host.wait() == code, host.err
    return host.err + host.out


def test_an_edited_sheet_is_loaded_twice_under_way(scene: Make) -> None:
    made = scene(3000, latency=0.3)
    started(made)
    edit(made, changed=range(2901, 2951), gone=range(2951, 2971), new=20)
    again = [made.start(machine=MACHINES[0]) for _ in range(2)]
    assert made.wait() == [0] * 5, [host.err for host in made.hosts]
    books = made.books()
    books.assert_whole()
    assert books.rows == {"done": 3000 - 20 + 20}
    asked = {one["prompt_sha"] for one in made.billed()}
    for number in range(2901, 2951):
        assert prompt_digest(f"{made.prompts[number - 1]}, at night") in asked
    assert prompt_digest("A new lamp of kind 7") in asked
    assert sum("Joins the run" in host.err for host in again) == 2
    assert made.query("SELECT count(*) FROM runs") == [(1,)]


def test_orders_reach_every_host(scene: Make) -> None:
    made = scene(1300, latency=0.5)
    started(made)
    steer = ("steer", made.url)
    assert "3" in ended(made.command(*steer, "--pause"))
    asked_in(made, 1.0)  # what was in flight
    assert asked_in(made, 3.0) == 0
    ended(made.command(*steer, "--resume", "--rpm", "600"))
    assert made.query("SELECT count(*) FROM hosts WHERE obeyed IS NOT NULL") == [(3,)]
    made.until(lambda: asked_in(made, 1.0) > 0)
    assert asked_in(made, 10.0) <= 100 * 1.05 + 5
    ended(made.command(*steer, "--rpm", "60000"))
    assert made.wait(made.hosts[:3]) == [0] * 3
    made.books().assert_whole()


def test_rows_are_put_back_and_skipped_beside_a_run(scene: Make) -> None:
    failing = {f"number {number},": ["empty_object"] for number in (1, 2, 3)}
    made = scene(1000, latency=1.0, faults=FaultPlan.scripted(failing))
    once = made.folder / "once.toml"  # holds for the hosts that join, too
    once.write_text("[limits]\nlost_after = 3\ntimeout = 10\nattempts = 1\n", encoding="utf-8")
    started(made, "--rows", "2-901", config=once)
    made.until(lambda: made.query("SELECT count(*) FROM jobs WHERE state='failed'") == [(3,)])
    ended(made.command("skip", made.url, "--rows", "2", "-y"))
    told = ended(made.command("retry", made.url, "--rows", "3,4", "-y"))
    assert "run" in told
    codes = made.wait(made.hosts[:3])
    assert codes == [0] * 3, "\n".join(host.err for host in made.hosts)
    books = made.books()
    assert books.rows == {"done": 899, "skipped": 1, "ready": 100}
    assert made.query("SELECT count(*) FROM runs") == [(1,)]


def test_a_cap_that_is_given_under_way_holds_for_all(scene: Make) -> None:
    made = scene(1500, latency=0.5, pricing=PRICING)
    started(made)
    # On the machine that has been told the prices.
    ended(made.command("steer", made.url, "--max-cost", "+0.6", machine=MACHINES[0]))
    assert made.wait(made.hosts[:3]) == [5] * 3, [host.err for host in made.hosts]
    books = made.books()
    books.assert_whole()
    ((cap, spent, held),) = made.query("SELECT cap, spent, held FROM runs")
    assert round(held, 6) == 0
    assert cap - 0.002 < spent <= cap + 1e-9
    assert round(books.billed * 0.002 - spent, 6) == 0
