"""A host keeps three connections: it writes, it reads, and it beats."""

import time

from tests.hosts.conftest import Make

_OPEN = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rowmill'"
    " AND datname = current_database()"
)


def test_a_host_keeps_three_connections(scene: Make) -> None:
    here = scene(200, latency=1.0)
    here.start("--rpm", "6000")
    here.until(lambda: here.done() > 20)
    here.start(joins=True, machine="other")
    here.until(lambda: here.query("SELECT count(*) FROM hosts WHERE in_flight > 0") == [(2,)])
    counts = []
    for _ in range(20):
        counts += [int(number) for (number,) in here.query(_OPEN)]
        time.sleep(0.2)
    assert here.wait() == [0, 0], [host.err for host in here.hosts]
    usual = sorted(counts)[len(counts) // 2]
    assert usual == 6, counts
    assert max(counts) <= 8, "two threads may need one at once for a moment"
