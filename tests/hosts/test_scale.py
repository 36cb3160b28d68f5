"""Acceptance 22: several hosts do several times the work of one."""

import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import HostScene

CALLS = 32  # at once, of one host
LEAST_GAIN = 3.6  # of four hosts


def at_work(here: HostScene) -> int:
    """How many hosts have told of calls in flight."""
    ((count,),) = here.query("SELECT count(*) FROM hosts WHERE in_flight > 0")
    return int(count)


def rate(here: HostScene, hosts: int) -> float:
    """Answers a second, from when all hosts are at work until a tenth of the rows is left."""
    here.start(machine="m0", concurrency=CALLS)
    here.until(lambda: here.done() > 0)
    for number in range(1, hosts):
        here.start(machine=f"m{number}", joins=True, concurrency=CALLS)
    here.until(lambda: at_work(here) == hosts)
    ((begin,),) = here.query("SELECT max(started_at) FROM calls")
    assert here.wait() == [0] * hosts
    here.books().assert_whole()
    found = here.query("SELECT ended_at FROM calls ORDER BY ended_at")
    ends = [float(end) for (end,) in found][: len(found) * 9 // 10]
    timed = [end for end in ends if end >= float(begin)]
    return (len(timed) - 1) / (timed[-1] - timed[0])


@pytest.mark.long  # it tells something only of a machine that has nothing else to do
@pytest.mark.timeout(400)
def test_four_hosts_answer_nearly_four_times_what_one_does(scene: Make) -> None:
    one = rate(scene(640, latency=1.0), 1)
    four = rate(scene(2_560, latency=1.0), 4)
    print(f"one host {one:.1f} rows/s, four {four:.1f} rows/s: {four / one:.2f} times")
    assert four >= LEAST_GAIN * one
