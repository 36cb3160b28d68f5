"""Acceptance 10 to 12: one limit, one cap, one allowance and one verdict for all hosts."""

from collections.abc import Sequence

import pytest

from runner.mock.account_info import PRICING
from runner.mock.faults import FaultPlan
from tests.hosts.conftest import Make
from tests.support.hosts import HostScene

pytestmark = pytest.mark.timeout(300)  # the machine may have more to do
MACHINES = ("east", "north", "south", "west")
RPM = 1200
MANY = 100  # faults of one row: more than it ever has calls


def started_by_all(made: HostScene, *options: str, concurrency: int = 8) -> None:
    """The same line typed on four machines: one opens the run, the others join it."""
    for machine in MACHINES:
        made.start(*options, machine=machine, concurrency=concurrency)
    made.until(lambda: made.query("SELECT count(*) FROM hosts") == [(len(MACHINES),)])


def starts_of(made: HostScene) -> list[float]:
    """When calls began, by the database's clock."""
    found = made.query("SELECT started_at FROM calls ORDER BY started_at")
    return [float(at) for (at,) in found]


def most_within(starts: Sequence[float], seconds: float) -> int:
    return max(sum(at <= one < at + seconds for one in starts) for at in starts)


def test_hosts_together_keep_to_the_calls_a_minute(scene: Make) -> None:
    made = scene(600, latency=0.2)
    started_by_all(made, "--rpm", str(RPM))
    made.until(lambda: made.done() > 200)
    made.hosts[1].kill()
    codes = made.wait([host for host in made.hosts if host is not made.hosts[1]])
    assert codes == [0, 0, 0], [host.err for host in made.hosts]
    starts = starts_of(made)
    assert most_within(starts, 10) <= RPM / 6 * 1.05
    # From when all had joined until the last rows, which wait for the killed host's calls.
    middle = starts[len(starts) // 4 : len(starts) * 9 // 10]
    assert len(middle) >= 0.9 * RPM / 60 * (middle[-1] - middle[0])
    made.books().assert_whole(twice=8)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_no_minute_of_several_hosts_has_more_calls_than_allowed(scene: Make) -> None:
    made = scene(2_600, latency=0.2)
    started_by_all(made, "--rpm", str(RPM))
    assert [host.wait(300) for host in made.hosts] == [0] * 4
    starts = starts_of(made)
    most = most_within(starts, 60)
    print(f"{len(starts)} calls in {starts[-1] - starts[0]:.0f} s, at most {most} in any minute")
    assert most <= RPM
    made.books().assert_whole()


def test_a_pause_that_one_host_is_told_reaches_all(scene: Make) -> None:
    made = scene(300, latency=0.1, faults=FaultPlan.scripted({"number 150,": ["429"]}))
    started_by_all(made)
    assert made.wait() == [0] * 4
    ((told,),) = made.query("SELECT ended_at FROM calls WHERE wire = 'B'")
    wait = next(float(data) for (data,) in made.query(_PAUSES))
    in_pause = [at for at in starts_of(made) if told + 2 <= at < told + wait]
    assert not in_pause, (told, wait, in_pause)
    made.books().assert_whole()


_PAUSES = "SELECT data::json->>'seconds' FROM events WHERE kind = 'slow_down' ORDER BY id"


def test_hosts_together_never_exceed_the_cap(scene: Make) -> None:
    made = scene(2000, latency=0.3, pricing=PRICING)
    price, most = 0.002, 500
    started_by_all(made, "--max-cost", f"{price * most:.3f}", "--in-doubt", "hold")
    made.until(lambda: made.done() > 100)
    made.hosts[2].kill()
    alive = [host for host in made.hosts if host is not made.hosts[2]]
    assert made.wait(alive) == [5] * 3, [host.err for host in alive]
    books = made.books()
    books.assert_whole()
    assert books.billed <= most
    ((spent, held),) = made.query("SELECT spent, held FROM runs")
    assert round(held, 6) == 0
    assert price * (most - 1) <= spent <= price * most + 1e-9


def test_in_doubt_repeats_are_allowed_once_for_all_hosts(scene: Make) -> None:
    cut = {f"{number}, on": ["cut"] for number in (0, 3, 7)}  # the last digit of a row's number
    made = scene(2000, latency=0.05, faults=FaultPlan.scripted(cut))
    started_by_all(made)
    assert made.wait() == [4] * 4
    books = made.books()
    repeats = 20  # a hundredth of the rows
    assert books.twice == repeats
    assert books.rows["in_doubt"] == 600 - repeats
    books.assert_whole(twice=repeats)
    assert made.query("SELECT repeats_left FROM runs") == [(0,)]


def test_useless_answers_of_all_hosts_stop_their_model(scene: Make) -> None:
    good = 300
    useless = {f"number {number},": ["empty_choices"] * MANY for number in range(good + 1, 801)}
    made = scene(800, latency=0.5, faults=FaultPlan.scripted(useless))
    started_by_all(made)
    assert made.done() < good, "all of them were there in time"
    assert made.wait() == [6] * 4, [host.err for host in made.hosts]
    paid = len(made.billed()) - good
    assert 10 <= paid <= 10 + 4 * 8
    made.books().assert_whole(twice=paid)
    assert made.query("SELECT count(*) FROM runs") == [(1,)]
