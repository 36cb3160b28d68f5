"""The database goes away under the hosts of a run, and comes back."""

import os
import signal
import time
from functools import partial

import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene
from tests.support.postgres_server import Server

ROWS = 9_000
CONCURRENCY = 32
AWAY_SECONDS = (2.0, 15.0, 40.0)


def is_done(here: HostScene, rows: int) -> bool:
    return here.done() >= rows


def go_away(server: Server, seconds: float) -> None:
    server.crash()
    time.sleep(seconds)
    server.start()


def spooled(here: HostScene) -> int:
    """Bytes of answers in all spools."""
    return sum(file.stat().st_size for file in here.folder.rglob("*.spool"))


@pytest.mark.timeout(400)
def test_all_hosts_outlive_a_database_that_is_away_and_declare_nobody_lost(scene: Make) -> None:
    here = scene(ROWS, latency=0.5)
    hosts = [here.start("--in-doubt", "hold", machine="m0", concurrency=CONCURRENCY)]
    here.until(lambda: here.done() > 0)
    hosts += [
        here.start(machine=f"m{number}", joins=True, concurrency=CONCURRENCY)
        for number in (1, 2, 3)
    ]
    here.until(lambda: all(answered_by(here, host) for host in hosts))
    for seconds in AWAY_SECONDS:
        before = here.done()
        go_away(here.server, seconds)
        here.until(partial(is_done, here, before + 1))
    codes = [host.wait(250) for host in hosts]
    assert codes == [0] * 4, "\n".join(host.err for host in hosts)
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows == {"done": ROWS}
    assert books.hosts == {"left": 4}
    assert spooled(here) == 0


@pytest.mark.timeout(200)
def test_what_a_killed_host_had_spooled_while_the_database_was_away_is_settled_by_the_next(
    scene: Make,
) -> None:
    here = scene(800, latency=0.5)
    first = here.start("--in-doubt", "hold", machine="other", concurrency=16)
    here.until(lambda: here.done() > 0)
    killed = here.start(joins=True, machine="killed", concurrency=16)
    here.until(lambda: here.done() > 100 and bool(answered_by(here, killed)))
    here.server.crash()
    time.sleep(1.5)  # its calls end meanwhile
    killed.kill()
    kept = spooled(here)
    here.server.start()
    again = here.start(joins=True, machine="killed", concurrency=16)
    assert here.wait([first, again]) == [0, 0], [first.err, again.err]
    books = here.books()
    books.assert_whole(twice=0)
    assert kept > 0
    assert books.rows == {"done": 800}
    assert spooled(here) == 0


def answered_by(here: HostScene, host: Host) -> int:
    """How many calls of a host's number have been answered."""
    found = here.query(
        "SELECT count(*) FROM calls WHERE wire = 'C' AND (id >> 12) % 1024 ="
        f" (SELECT number FROM hosts WHERE pid = {host.pid})"
    )
    return int(found[0][0])


@pytest.mark.timeout(120)
def test_a_host_waits_for_its_database_no_longer_than_it_may(scene: Make) -> None:
    here = scene(400, latency=0.3)
    config = here.folder / "impatient.toml"
    config.write_text("[limits]\nlost_after = 3\ntimeout = 10\nmax_wait = 4\n", encoding="utf-8")
    host = here.start("--in-doubt", "hold", ROWMILL_CONFIG=str(config))
    here.until(lambda: here.done() > 20)
    here.server.crash()
    try:
        assert host.wait(60) == 7
        assert spooled(here) > 0
    finally:
        here.server.start()
    again = here.start("--in-doubt", "hold")
    assert again.wait() == 0, again.err
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows == {"done": 400}


@pytest.mark.timeout(120)
def test_a_host_that_is_told_to_end_waits_for_its_database(scene: Make) -> None:
    here = scene(400, latency=0.3)
    host = here.start("--in-doubt", "hold")
    here.until(lambda: here.done() > 20)
    here.server.crash()
    time.sleep(1.0)
    os.kill(host.pid, signal.SIGTERM)
    time.sleep(3.0)
    assert host.alive
    here.server.start()
    assert host.wait(60) == 143
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows.get("in_doubt", 0) == 0
    assert books.hosts == {"left": 1}
