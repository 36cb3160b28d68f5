"""Guests look and mark: no key, no run, no retry, nothing of the desk itself."""

import asyncio
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from runner.desk.actions import Desk
from runner.desk.guests import GuestServer
from runner.report.own_names import is_own_name
from tests.support.browser import PHONE, Browser, Sight
from tests.support.world import PICTURE, World

TIMEOUT_SECONDS = 60.0


@contextmanager
def guests_of(folder: Path, host: str = "0.0.0.0") -> Iterator[str]:
    """Show the folder's desk to guests; yields the address on this machine."""
    ready, stop = threading.Event(), asyncio.Event()
    found: list[Any] = []

    async def serve() -> None:
        async with GuestServer(Desk(folder=folder), host=host) as server:
            found.extend((server.url, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(TIMEOUT_SECONDS)
    parts = urlsplit(str(found[0]))
    try:
        yield f"http://127.0.0.1:{parts.port}{parts.path}"
    finally:
        found[1].call_soon_threadsafe(stop.set)
        thread.join()


def get(url: str, **headers: str) -> httpx.Response:
    """One GET request, redirects followed."""
    return httpx.get(url, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=True)


@pytest.fixture
def sheet(world: World) -> Path:
    """A sheet with one picture and one refused row."""
    world.mock({"bad": ["moderation"]})
    sheet = world.prompts("a.csv", "a fox", "a bad one")
    world.run("run", sheet, *PICTURE)
    return sheet


def test_a_guest_marks_a_result_and_cannot_retry(world: World, sheet: Path) -> None:
    world.prompts("not-run.csv", "a hen")
    with guests_of(world.folder) as url:
        listed = get(url).text
        assert "a.csv" in listed
        assert "not-run.csv" not in listed
        page = get(f"{url}look/a.csv")
        assert page.status_code == 200
        token = re.search(r'"live":"([^"]+)"', page.text)
        assert token is not None
        headers = {"X-Rowmill-Token": token[1]}
        gallery = str(page.url)
        rows = {"rows": [3]}
        assert httpx.post(f"{gallery}retry", json=rows, headers=headers).status_code == 404
        for path in ("again", "take-back", "words/2"):
            answer = httpx.post(f"{gallery}{path}", json={"rows": [2]}, headers=headers)
            assert answer.status_code == 404, path
        mark = {"rows": [2], "stars": 4}
        assert httpx.post(f"{gallery}pick", json=mark, headers=headers).status_code == 200
        assert httpx.post(f"{gallery}pick", json=mark).status_code == 403
    assert world.standing(sheet) == {"done": 1, "failed": 1}
    assert world.run("export", sheet, "--picks", world.folder / "picks").code == 0


def test_guests_have_none_of_the_desks_actions(world: World, sheet: Path) -> None:
    with guests_of(world.folder) as url:
        for path in ("do/sheets", "do/key", "do/run", "drop", "look"):
            assert httpx.post(f"{url}{path}", json={}).status_code in {403, 404, 405}, path
        for path in ("files/a.csv/x.png", "back/a.csv/x", "look/../x.csv", "look/%2e%2e%2fx.csv"):
            assert get(f"{url}{path}").status_code == 404, path
        answer = get(url)
    assert "script" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_foreign_name_is_no_name_of_this_machine(world: World, sheet: Path) -> None:
    with guests_of(world.folder) as url:
        port = urlsplit(url).port
        assert get(url, Host=f"192.168.1.20:{port}").status_code == 200
        for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.nip.io:{port}"):
            assert get(url, Host=host).status_code == 400, host
            gallery = get(f"{url}look/a.csv").url
            named = f"evil.example:{gallery.port}"
            assert get(str(gallery), Host=named).status_code == 400


@pytest.mark.parametrize(
    ("given", "listening", "is_own"),
    [
        ("127.0.0.1:80", "127.0.0.1", True),
        ("localhost:80", "127.0.0.1", True),
        ("192.168.1.2:80", "127.0.0.1", False),
        ("192.168.1.2:80", "192.168.1.2", True),
        ("localhost:80", "192.168.1.2", False),
        ("10.0.0.1:80", "0.0.0.0", True),
        ("[fe80::1]:80", "::", True),
        ("evil.example:80", "0.0.0.0", False),
        ("10.0.0.1:81", "0.0.0.0", False),
        ("10.0.0.1", "0.0.0.0", False),
        ("", "0.0.0.0", False),
    ],
)
def test_a_host_header_names_this_server(given: str, listening: str, is_own: bool) -> None:
    assert is_own_name(given, listening, 80) is is_own


def test_the_gallery_on_a_phone_offers_guests_nothing_that_costs(
    browser: Browser, world: World, sheet: Path
) -> None:
    def act(sight: Sight) -> None:
        page = sight.page
        page.get_by_role("link", name="a.csv").click()
        page.wait_for_selector("#grid .card")
        assert page.get_by_role("button", name="Retry").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not sight.problems

    with guests_of(world.folder) as url:
        browser.look(url, act, viewport=PHONE)


def test_the_command_tells_both_addresses(world: World, sheet: Path) -> None:
    process = world.start(
        *("desk", world.folder, "--port", "0", "--no-open", "--host", "127.0.0.1")
    )
    assert process.stdout is not None
    own, others = (process.stdout.readline().decode() for _ in range(2))
    assert get(own[own.index("http") :].strip()).status_code == 200
    assert get(others[others.index("http") :].strip()).status_code == 200
    process.send_signal(signal.SIGINT)
    assert world.finish(process).code == 0


def test_an_address_that_is_not_this_machines_is_told(world: World) -> None:
    done = world.run("desk", world.folder, "--port", "0", "--no-open", "--host", "192.0.2.1")
    assert done.code == 3
    assert "192.0.2.1 cannot be used" in done.err
