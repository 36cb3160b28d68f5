"""Ray starts hosts, and starts again those that die; nothing is paid twice when it does."""

import os
import signal
import time
from typing import Any

import psutil
import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import KEY, Host, HostScene
from tests.support.ray_cluster import two_nodes

pytestmark = pytest.mark.timeout(240)
MAX_BYTES = 1_000_000_000
HOLD = ("--in-doubt", "hold")


def driver(scene: HostScene, *, concurrency: int = 8, **env: Any) -> Host:
    """The command that starts two hosts on Ray."""
    words = (*HOLD, "--on", "ray", "--hosts", "2")
    return scene.start(*words, concurrency=concurrency, **env)


def pids(scene: HostScene) -> list[int]:
    """The processes of the hosts at work, the first one first."""
    found = scene.query("SELECT pid FROM hosts WHERE state IN ('live', 'leaving') ORDER BY number")
    return [pid for (pid,) in found]


def run_over(scene: HostScene) -> bool:
    """True if every run has written its end."""
    found = scene.query("SELECT count(*), count(ended_at) FROM runs")
    return bool(found) and found[0][0] == found[0][1] > 0


def memory_of(process: psutil.Process) -> int:
    """Bytes of a process and everything under it; shared pages count once."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def test_a_killed_host_is_started_again_and_nothing_is_paid_twice(scene: Make) -> None:
    made = scene(2_000, latency=0.3)
    command = driver(made, concurrency=24)
    made.until(lambda: len(pids(made)) == 2 and made.done() > 100)
    killed = pids(made)[0]
    os.kill(killed, signal.SIGKILL)
    made.until(lambda: len(set(pids(made)) - {killed}) == 2)
    assert memory_of(psutil.Process(command.pid)) <= MAX_BYTES
    code = command.wait(180)
    books = made.books()
    books.assert_whole()
    held = books.rows.get("in_doubt", 0)
    assert held <= 24
    assert code == (4 if held else 0), command.err
    assert books.rows["done"] + held == 2_000
    assert len(made.query("SELECT id FROM runs")) == 1
    assert (made.home("desk") / "prompts.rowmill" / "results.csv").exists(), command.err


def test_hosts_outlive_their_driver_and_a_node_that_disappears(scene: Make) -> None:
    made = scene(800, latency=0.5)
    with two_nodes(made.environment("node")) as cluster:
        command = driver(made, concurrency=8, RAY_ADDRESS=cluster.address)
        made.until(lambda: len(pids(made)) == 2 and made.done() > 30)
        command.kill()
        before = made.done()
        cluster.remove_second()
        deadline = time.monotonic() + 150
        while not run_over(made):
            assert time.monotonic() < deadline, made.query("SELECT * FROM hosts")
            time.sleep(0.2)
    assert made.done() > before
    books = made.books()
    books.assert_whole()
    assert books.rows["done"] + books.rows.get("in_doubt", 0) == 800


def test_ctrl_c_asks_the_hosts_through_the_table_and_no_secret_is_on_a_command_line(
    scene: Make,
) -> None:
    made = scene(2_000, latency=0.5)
    secret = "canary7d1e2f3a4b5c"
    address = made.database.replace("@", f":{secret}@", 1)
    command = driver(made, concurrency=4, ROWMILL_DB=address)
    made.until(lambda: made.done() > 10)
    words = [" ".join(one.cmdline()) for one in psutil.process_iter() if one.pid in pids(made)]
    command.signal(signal.SIGINT)
    assert command.wait() == 130
    books = made.books()
    books.assert_whole()
    assert books.in_doubt_calls == 0
    assert books.rows["ready"] > 0
    said = command.err + command.out
    assert words
    assert not any(one in text for one in (secret, KEY) for text in (*words, said))


def test_without_a_database_it_is_refused_with_the_reason(scene: Make) -> None:
    made = scene(3)
    alone = made.command("run", str(made.sheet), "--on", "ray", "-y")
    assert alone.wait() == 2
    assert "--db" in alone.err
    hosts = made.command("run", str(made.sheet), "--db", made.database, "--hosts", "2", "-y")
    assert hosts.wait() == 2
    assert made.asked() == 0
