"""Hosts of one run end together: told once, one last pass, one exit code."""

from tests.hosts.conftest import Make


def test_a_run_is_joined_by_its_address_and_ends_for_all_at_once(scene: Make) -> None:
    made = scene(200, latency=0.2)
    made.start()
    made.until(lambda: made.asked() > 0)
    for machine in ("north", "south"):
        made.start(machine=machine, joins=True)
    assert made.wait() == [0, 0, 0]
    made.books().assert_whole()
    runs = made.query("SELECT count(*), min(exit_code), count(ended_at) FROM runs")
    assert runs == [(1, 0, 1)]
    assert made.query("SELECT state, count(*) FROM hosts GROUP BY 1") == [("left", 3)]
    shares = made.query("SELECT count(DISTINCT id >> 12 & 1023) FROM calls")
    assert shares == [(3,)], "each of them sent some"
