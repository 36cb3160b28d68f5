"""A host stands still at a named place for longer than others wait for it, and goes on."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene

FROZEN_SECONDS = 8.0
OLDEST_SECONDS = 4.0  # a call leaves a second after its claim at most; the rest is this machine's
PLACES = (
    ("call.written", "hold"),
    ("call.durable", "retry"),
    ("call.connected", "hold"),
    ("call.connected", "retry"),
    ("call.answering", "hold"),
    ("answer.spooled", "retry"),
    ("answer.written", "hold"),
    ("answer.durable", "retry"),
)


def is_stopped(host: Host) -> bool:
    state = Path(f"/proc/{host.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return state[0] == "T"


def ages(here: HostScene) -> list[float]:
    """How many seconds after its claim each call arrived; the two clocks differ a little."""
    claims = here.query("SELECT call_key, started_at FROM calls")
    return [
        min(
            one["time"] - at
            for key, at in claims
            if str(one["key"]).startswith(key) and at < one["time"] + 1
        )
        for one in here.billed()
    ]


def run_with_freeze(here: HostScene, place: str, policy: str) -> list[Host]:
    """Two hosts, of which one is frozen at this place, the tenth time it comes there."""
    first = here.start("--in-doubt", policy)
    here.until(lambda: here.done() > 0)
    freeze = f"{place}=stop@10"
    frozen = here.start(joins=True, machine="frozen", ROWMILL_FAILPOINT=freeze)
    here.until(lambda: is_stopped(frozen))
    return [first, frozen]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.timeout(200)
@pytest.mark.parametrize(("place", "policy"), PLACES)
def test_a_host_that_stood_still_brings_its_answers_and_sends_nothing_that_is_too_old(
    scene: Make, place: str, policy: str
) -> None:
    here = scene(300, latency=0.2)
    here.timeout = 20.0  # no call is cut by its own limit
    hosts = run_with_freeze(here, place, policy)
    time.sleep(FROZEN_SECONDS)
    os.kill(hosts[1].pid, signal.SIGCONT)
    first, frozen = here.wait(hosts)
    assert first in (0, 4)  # what is held when it ends is rescued by the other one
    assert frozen == 0, hosts[1].err
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows == {"done": 300}
    assert max(ages(here)) < OLDEST_SECONDS
