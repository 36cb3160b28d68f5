"""Provider batches of a shared table: leased by one host, taken over when it is lost."""

import pytest

from runner.mock.batch_script import BatchScript
from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene

pytestmark = pytest.mark.timeout(300)  # the machine may have more to do
LANE = '\n[provider.wenwen.lanes.batch]\nform = "openai"\nfactor = 0.5\nmax_rows = 10\n'


def started(made: HostScene, *options: str, machine: str = "east", joins: bool = False) -> Host:
    """A host whose own settings say how batches are bought."""
    made.environment(machine)
    config = made.home(machine) / "lanes.toml"
    limits = f"[limits]\nlost_after = {made.lost_after}\ntimeout = {made.timeout}\n"
    config.write_text(limits + LANE, encoding="utf-8")
    return made.start(*options, machine=machine, joins=joins, ROWMILL_CONFIG=str(config))


def states(made: HostScene) -> list[str]:
    return [state for (state,) in made.query("SELECT state FROM provider_batches ORDER BY id")]


def test_two_hosts_create_each_batch_once(scene: Make) -> None:
    made = scene(30, batches=BatchScript(seconds=3.0))
    started(made, "--lane", "batch")
    made.until(lambda: made.query("SELECT count(*) FROM hosts") == [(1,)])
    started(made, machine="north", joins=True)
    assert made.wait() == [0, 0], [host.err for host in made.hosts]
    books = made.books()
    books.assert_whole()
    assert (books.rows, books.billed) == ({"done": 30}, 30)
    assert states(made) == ["taken_in"] * 3
    assert made.gateway is not None
    assert len(made.gateway.gateway.batches) == 3


def test_the_batches_of_a_lost_host_are_taken_in_by_another(scene: Make) -> None:
    made = scene(20, batches=BatchScript(seconds=8.0))
    first = started(made, "--lane", "batch")
    made.until(lambda: states(made) == ["created"] * 2)
    second = started(made, machine="north", joins=True)
    made.until(lambda: made.query("SELECT count(*) FROM hosts") == [(2,)])
    first.kill()
    assert second.wait() == 0, second.err
    books = made.books()
    books.assert_whole()
    assert (books.rows, books.billed) == ({"done": 20}, 20)
    assert made.gateway is not None
    assert len(made.gateway.gateway.batches) == 2
