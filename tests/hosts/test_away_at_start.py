"""The database is away when a host starts, or goes away before it has sent anything."""

import os
import signal
from pathlib import Path

import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene

pytestmark = pytest.mark.timeout(120)


def patient(here: HostScene) -> str:
    """A settings file by which hosts wait for their database."""
    config = here.folder / "patient.toml"
    lines = "[limits]\nlost_after = 3\ntimeout = 10\ntable_wait = 60\n"
    config.write_text(lines, encoding="utf-8")
    return str(config)


def is_stopped(host: Host) -> bool:
    return Path(f"/proc/{host.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def assert_done(here: HostScene, host: Host, rows: int) -> None:
    assert host.wait() == 0, host.err
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows == {"done": rows}
    assert "does not answer" in host.err


def test_a_host_that_starts_while_its_database_is_away_waits_if_it_was_told_to(
    scene: Make,
) -> None:
    here = scene(20)
    here.server.crash()
    host = here.start(ROWMILL_CONFIG=patient(here))
    here.until(lambda: "does not answer" in host.err)
    here.server.start()
    assert_done(here, host, 20)


def test_without_being_told_to_it_says_at_once_that_it_cannot_be_reached(scene: Make) -> None:
    here = scene(20)
    here.server.crash()
    try:
        host = here.start()
        assert host.wait() == 3
        assert "does not answer" not in host.err
        assert here.asked() == 0
    finally:
        here.server.start()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_host_that_had_reached_its_database_begins_again_when_it_is_back(scene: Make) -> None:
    here = scene(20)
    host = here.start(ROWMILL_FAILPOINT="load.staged=stop@1")
    here.until(lambda: is_stopped(host))
    here.server.crash()
    os.kill(host.pid, signal.SIGCONT)
    here.until(lambda: "does not answer" in host.err)
    here.server.start()
    here.until(lambda: is_stopped(host))  # it comes to the same place again
    os.kill(host.pid, signal.SIGCONT)
    assert_done(here, host, 20)
