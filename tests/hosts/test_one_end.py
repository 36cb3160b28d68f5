"""Acceptance 14: hosts of one run end together, tell it once, and make one last pass."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runner.mock.faults import FaultPlan
from tests.hosts.conftest import Make

pytestmark = pytest.mark.timeout(300)  # the machine may have more to do
MANY = 100  # faults of one row: more than it ever has calls


@pytest.fixture
def heard() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a webhook, and what it was told."""
    told: list[dict[str, Any]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/told", told
    server.shutdown()
    server.server_close()


def test_a_run_joined_by_its_address_ends_for_all_at_once(
    scene: Make, heard: tuple[str, list[dict[str, Any]]]
) -> None:
    url, told = heard
    failing = {"number 20,": ["500"] * 5}  # as often as it is tried before the last pass
    made = scene(200, latency=1.0, faults=FaultPlan.scripted(failing))
    finished = made.folder / "finished"
    command = f"{sys.executable} -c \"open(r'{finished}', 'a').write('x')\""
    telling = ("--notify", url, "--on-finish", command)
    made.start(*telling)
    made.until(lambda: made.asked() > 0)
    for machine in ("north", "south"):
        made.start(*telling, machine=machine, joins=True)
    assert made.wait() == [0] * 3, [host.err for host in made.hosts]
    books = made.books()
    books.assert_whole()
    assert books.rows == {"done": 200}, "one of them in the last pass"
    assert made.query("SELECT exit_code, passed FROM runs") == [(0, True)]
    assert made.query("SELECT state, exit_code FROM hosts") == [("left", 0)] * 3
    senders = made.query("SELECT count(DISTINCT id >> 12 & 1023) FROM calls")
    assert senders == [(3,)], "each of them sent some"
    assert len(told) == 1
    assert finished.read_text() == "xxx", "each host runs its own command"
    written = [path.relative_to(made.folder) for path in made.folder.rglob("results.csv")]
    assert [path.parts[1] for path in written] == ["desk"], "the others have no sheet"


def test_hosts_wait_for_the_yes_to_a_pilot(scene: Make) -> None:
    made = scene(24, latency=3.0)
    made.start("--pilot", "5", concurrency=1)
    made.until(lambda: made.asked() > 0)
    made.start(machine="north", joins=True)
    made.until(lambda: "pilot" in made.hosts[1].err)
    assert made.asked() <= 5
    assert made.wait() == [0, 0], [host.err for host in made.hosts]
    made.books().assert_whole()
    assert made.query("SELECT count(*), min(exit_code) FROM runs") == [(1, 0)]


def test_who_waits_for_a_pilot_that_failed_sends_nothing(scene: Make) -> None:
    useless = {"lamp": ["empty_object"] * MANY}
    made = scene(40, latency=4.0, faults=FaultPlan.scripted(useless))
    made.start("--pilot", "2", concurrency=1)
    made.until(lambda: made.asked() > 0)
    made.start(machine="north", joins=True)
    assert made.wait() == [5, 5], [host.err for host in made.hosts]
    senders = made.query("SELECT count(DISTINCT id >> 12 & 1023) FROM calls")
    assert senders == [(1,)]


def test_a_host_that_would_change_the_run_is_told_to_steer_it(scene: Make) -> None:
    made = scene(200, latency=1.0)
    made.start("--rpm", "6000")
    made.until(lambda: made.asked() > 0)
    other = made.start("--rpm", "60", machine="north", joins=True)
    same = made.start("--rpm", "6000", machine="south", joins=True)
    assert other.wait() == 8
    assert "--rpm" in other.err
    assert "steer" in other.err
    assert made.wait([made.hosts[0], same]) == [0, 0]
    senders = made.query("SELECT count(DISTINCT id >> 12 & 1023) FROM calls")
    assert senders == [(2,)]


def test_a_host_that_sends_elsewhere_is_refused(scene: Make) -> None:
    made = scene(100, latency=1.0)
    made.start()
    made.until(lambda: made.asked() > 0)
    elsewhere = made.start(machine="north", joins=True, ROWMILL_BASE_URL="http://127.0.0.1:9/v1")
    assert elsewhere.wait() == 3
    assert "127.0.0.1:9" in elsewhere.err
    assert made.wait([made.hosts[0]]) == [0]


def test_a_host_that_is_told_to_stop_leaves_the_run_to_the_others(scene: Make) -> None:
    made = scene(150, latency=1.0)
    made.start()
    made.start(machine="north")
    made.until(lambda: made.query("SELECT count(*) FROM hosts") == [(2,)])
    made.until(lambda: made.asked() > 20)
    made.hosts[0].signal(15)
    assert made.hosts[0].wait() == 143
    assert made.hosts[1].wait() == 0
    made.books().assert_whole()
    assert made.query("SELECT exit_code FROM runs") == [(0,)]


def test_a_host_without_prices_joins_no_run_that_has_a_cap(scene: Make) -> None:
    made = scene(100, latency=1.0)
    prices = made.folder / "prices.toml"
    prices.write_text('[prices."mock-text"]\ncall = 0.002\n', encoding="utf-8")
    made.start("--max-cost", "5", ROWMILL_CONFIG=str(prices))
    made.until(lambda: made.asked() > 0)
    unpriced = made.start(machine="north", joins=True)
    assert unpriced.wait() == 3
    assert "mock-text" in unpriced.err
    assert made.wait([made.hosts[0]]) == [0]
