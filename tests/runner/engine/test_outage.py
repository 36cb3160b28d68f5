"""An address that never answered stops a run; after a first answer, outages are waited out."""

import socket
import threading
from collections.abc import Iterator

import pytest

from runner.engine import outage
from tests.support.deciding import deciding
from tests.support.trap import GOOD, HTML, raw
from tests.support.world import TEXT, World

PAGE = raw(HTML, headers={"Content-Type": "text/html"})


@pytest.fixture
def quickly(world: World) -> World:
    """A world that gives up an address quickly."""
    world.monkeypatch.setattr(outage, "NO_CONTACT_SECONDS", 0.3)
    return world


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_port_that_refuses_from_the_start_stops_the_run_and_is_named(
    quickly: World, closed_port: int
) -> None:
    quickly.monkeypatch.setenv("ROWMILL_BASE_URL", f"http://127.0.0.1:{closed_port}")
    sheet = quickly.prompts("a.csv", "one", "two")
    done = quickly.run("run", sheet, *TEXT, "--json")
    assert (done.code, done.json["stopped"]) == (6, "unreachable"), done.err
    assert f"127.0.0.1:{closed_port} has never responded" in done.err
    assert set(quickly.column(sheet)) == {"pending"}


def test_a_host_that_does_not_exist_stops_the_run(quickly: World) -> None:
    quickly.monkeypatch.setenv("ROWMILL_BASE_URL", "http://no-such-host.invalid/v1")
    done = quickly.run("run", quickly.prompts("a.csv", "one"), *TEXT, "--json")
    assert (done.code, done.json["stopped"]) == (6, "unreachable"), done.err
    assert "no-such-host.invalid" in done.err


def test_tls_spoken_to_a_plain_port_stops_the_run(quickly: World) -> None:
    with deciding(quickly, lambda asked: GOOD) as server:
        address = server.url.replace("http:", "https:")
        quickly.monkeypatch.setenv("ROWMILL_BASE_URL", address)
        done = quickly.run("run", quickly.prompts("a.csv", "one"), *TEXT, "--json")
    assert (done.code, done.json["stopped"]) == (6, "unreachable"), done.err


def test_a_dead_proxy_stops_the_run(quickly: World, closed_port: int) -> None:
    quickly.monkeypatch.setenv("ROWMILL_BASE_URL", "https://api.example.com")
    quickly.monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port}")
    done = quickly.run("run", quickly.prompts("a.csv", "one"), *TEXT, "--json")
    assert (done.code, done.json["stopped"]) == (6, "unreachable"), done.err


def test_a_web_page_instead_of_a_gateway_stops_the_run(quickly: World) -> None:
    with deciding(quickly, lambda asked: PAGE, models=PAGE) as server:
        sheet = quickly.prompts("a.csv", *(f"prompt {k}" for k in range(20)))
        done = quickly.run("run", sheet, *TEXT, "-c", 2, "--json")
        assert (done.code, done.json["stopped"]) == (6, "unreachable"), done.err
        assert len(server.asked) <= 4


def test_an_address_that_answered_in_an_earlier_run_is_waited_for(quickly: World) -> None:
    def opened() -> None:
        server = quickly.mock()
        assert server.base_url.endswith(str(port))

    assert quickly.gateway is not None
    sheet = quickly.prompts("a.csv", "one", "two")
    assert quickly.run("run", sheet, *TEXT, "--limit", 1).code == 0
    port = quickly.port
    quickly.stop()
    later = threading.Timer(3.0, opened)
    later.start()
    done = quickly.run("run", sheet, "-y")
    later.join()
    assert done.code == 0, done.err
    assert quickly.column(sheet) == ["done", "done"]
