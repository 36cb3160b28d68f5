"""One long night: hosts are killed, frozen and cut off, their database restarts, by chance."""

import random
import signal
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from tests.hosts.conftest import Make
from tests.support.cabled_hosts import CabledHosts, cabled_hosts
from tests.support.hosts import Host, HostScene

HOSTS = 4
CALLS = 16  # at once, of one host
FROZEN_SECONDS = 6.0
CUT_OFF_SECONDS = 8.0
AWAY_SECONDS = (1.0, 8.0)
FIRST = ("-e", "chat", "-m", "mock-text", "--in-doubt", "hold")


@dataclass(slots=True)
class Night:
    """What happens to the hosts of one run; every turn waits until rows are done again."""

    here: HostScene
    chance: random.Random
    cabled: CabledHosts | None = None  # on machines with a cable each
    hosts: dict[int, Host] = field(default_factory=dict)  # by machine
    killed: int = 0

    def begin(self) -> None:
        if self.cabled is not None:
            self.hosts[0] = self.cabled.start(0, *FIRST, concurrency=CALLS)
        else:
            hold = FIRST[-2:]
            self.hosts[0] = self.here.start(*hold, machine="m0", concurrency=CALLS)
        self.here.until(partial(is_done, self.here, 1))
        for machine in range(1, HOSTS):
            self.join(machine)

    def join(self, machine: int) -> None:
        """Start one more, and wait until it works: none starts while the database is away."""
        if self.cabled is not None:
            host = self.cabled.start(machine, concurrency=CALLS)
        else:
            host = self.here.start(joins=True, machine=f"m{machine}", concurrency=CALLS)
        self.here.until(lambda: self.is_at_work(host) or not host.alive)
        self.hosts[machine] = host

    def is_at_work(self, host: Host) -> bool:
        """True once this host has told of calls in flight."""
        found = self.here.query("SELECT pid FROM hosts WHERE state = 'live' AND in_flight > 0")
        return (host.pid,) in [tuple(row) for row in found]

    def turn(self, kind: str) -> None:
        """One thing happens."""
        done = self.here.done()
        getattr(self, kind)()
        self.here.until(partial(is_done, self.here, min(done + 1, len(self.here.prompts))))

    def kill(self) -> None:
        machine = self._machine()
        self.hosts[machine].kill()
        self.killed += 1
        self.join(machine)  # it finds the spool

    def freeze(self) -> None:
        victim = self.hosts[self._machine()]
        victim.signal(signal.SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        victim.signal(signal.SIGCONT)

    def cut(self) -> None:
        assert self.cabled is not None
        island = self.cabled.islands[self._machine()]
        island.pull_the_cable()
        time.sleep(CUT_OFF_SECONDS)
        island.plug_it_in()

    def _machine(self) -> int:
        return self.chance.choice(sorted(self.hosts))

    def restart(self) -> None:
        self.here.server.crash()
        time.sleep(self.chance.uniform(*AWAY_SECONDS))
        self.here.server.start()


def is_done(here: HostScene, rows: int) -> bool:
    return here.done() >= rows


def turns(chance: random.Random, **counts: int) -> list[str]:
    every = [kind for kind, count in counts.items() for _ in range(count)]
    chance.shuffle(every)
    return every


def run_night(here: HostScene, seed: int, cabled: CabledHosts | None = None, **counts: int) -> None:
    """Play it, and look at the books: nothing lost, nothing paid twice, little held."""
    here.timeout = 30.0
    night = Night(here, random.Random(seed), cabled)
    night.begin()
    for kind in turns(night.chance, **counts):
        if here.done() < len(here.prompts) * 0.9:
            night.turn(kind)
    codes = [host.wait(300) for host in night.hosts.values()]
    books = here.books()
    books.assert_whole(twice=0)
    held = books.rows.pop("in_doubt", 0)
    assert books.rows == {"done": len(here.prompts) - held}
    assert held <= night.killed * CALLS
    assert set(codes) <= {0, 4}
    print(f"{counts}: {night.killed} kills, {books.billed} calls billed, {held} held, twice 0")


@pytest.mark.timeout(400)
def test_a_short_night_loses_nothing_and_pays_nothing_twice(scene: Make) -> None:
    run_night(scene(1_500, latency=0.4), 1, kill=4, freeze=2, restart=1)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_short_night_with_cut_cables_loses_nothing_and_pays_nothing_twice(scene: Make) -> None:
    here = scene(1_200, latency=0.4)
    with cabled_hosts(here, HOSTS) as cabled:
        run_night(here, 3, cabled, kill=2, freeze=1, restart=1, cut=3)


@pytest.mark.long
@pytest.mark.timeout(14_400)
def test_a_long_night_loses_nothing_and_pays_nothing_twice(scene: Make) -> None:
    here = scene(20_000, latency=1.0)
    with cabled_hosts(here, HOSTS) as cabled:
        run_night(here, 2, cabled, kill=200, freeze=50, restart=20, cut=50)
