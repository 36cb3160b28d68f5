"""`rowmill serve` answers only its own page, serves only its own files, and changes only rows."""

import asyncio
import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from runner.report import live_feed
from runner.report.server import LivePage
from runner.workspace.workspace import Workspace
from tests.support.browser import Browser, Sight
from tests.support.world import PICTURE, World

TIMEOUT_SECONDS = 60.0  # the tests share their cores


@contextmanager
def served(workspace: Workspace) -> Iterator[str]:
    """Serve the page of a workspace from a thread; yields its address."""
    ready, stop = threading.Event(), asyncio.Event()
    found: list[Any] = []

    async def serve() -> None:
        async with LivePage(workspace, port=0) as page:
            found.extend((page.url, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(TIMEOUT_SECONDS)
    try:
        yield str(found[0])
    finally:
        found[1].call_soon_threadsafe(stop.set)
        thread.join()


def get(url: str, **headers: str) -> httpx.Response:
    """One GET request with a long timeout."""
    return httpx.get(url, headers=headers, timeout=TIMEOUT_SECONDS)


def token_of(url: str) -> str:
    """The token that the page sends with a write."""
    found = re.search(r'"live":"([^"]+)"', get(url).text)
    assert found is not None
    return found[1]


def put_back(url: str, rows: object, token: str | None) -> httpx.Response:
    """A write as the page sends it."""
    headers = {} if token is None else {"X-Rowmill-Token": token}
    return httpx.post(f"{url}retry", json={"rows": rows}, headers=headers, timeout=TIMEOUT_SECONDS)


@pytest.fixture
def failed(world: World) -> Path:
    """A sheet with one picture and one refused row."""
    world.mock({"bad": ["moderation"]})
    sheet = world.prompts("a.csv", "a fox", "a bad one")
    world.run("run", sheet, *PICTURE)
    return sheet


def test_only_this_machines_own_name_with_the_token_is_answered(world: World, failed: Path) -> None:
    with served(world.workspace(failed)) as url:
        parts = urlsplit(url)
        assert parts.hostname == "127.0.0.1"
        assert get(url).status_code == 200
        for host in ("evil.example", f"evil.example:{parts.port}", "127.0.0.1", ""):
            assert get(url, Host=host).status_code == 400, host
        assert get(f"http://127.0.0.1:{parts.port}/").status_code == 404
        assert get(f"http://127.0.0.1:{parts.port}/guess/events").status_code == 404


def test_the_page_may_speak_to_its_own_server_and_to_nobody_else(
    world: World, failed: Path
) -> None:
    with served(world.workspace(failed)) as url:
        answer = get(url)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', answer.text)
    assert policy is not None
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert policy[1].endswith("connect-src &#x27;self&#x27;")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"


def test_pictures_are_given_out_and_nothing_beside_them(world: World, failed: Path) -> None:
    workspace = world.workspace(failed)
    (name,) = world.files(failed)
    (workspace.files / "page.html").write_text("<script>alert(1)</script>")
    (workspace.files / "out").symlink_to(workspace.table)
    with served(workspace) as url:
        assert get(f"{url}files/{name}").headers["Content-Type"] == "image/png"
        assert get(f"{url}thumbs/{name}.jpg").headers["Content-Type"] == "image/jpeg"
        page = get(f"{url}files/page.html")
        assert page.headers["Content-Type"] == "application/octet-stream"
        assert page.headers["Content-Disposition"] == "attachment"
        outside = ("../jobs.db", "..%2fjobs.db", "%2e%2e/jobs.db", "/etc/passwd", "out", "")
        for path in (*outside, "a.html%00.png", f"{'n' * 5000}.png"):
            assert get(f"{url}files/{path}").status_code == 404, path
            assert get(f"{url}thumbs/{path}").status_code == 404, path


def test_a_write_without_the_token_changes_nothing(world: World, failed: Path) -> None:
    before = world.standing(failed)
    with served(world.workspace(failed)) as url:
        token = token_of(url)
        assert put_back(url, [3], None).status_code == 403
        assert put_back(url, [3], token[:-1]).status_code == 403
        for wrong in ([], "3", [3.5], [True], [-1], [1 << 40], {"a": 1}, None):
            assert put_back(url, wrong, token).status_code == 400, wrong
        assert put_back(url, [2, 99], token).status_code == 409  # done, and not there
    assert world.standing(failed) == before == {"done": 1, "failed": 1}


def test_a_ticked_row_is_put_back_for_the_next_run(world: World, failed: Path) -> None:
    with served(world.workspace(failed)) as url:
        answer = put_back(url, [3], token_of(url))
    assert answer.json() == {"count": 1, "note": "no run is in progress; rowmill run sends them"}
    assert world.standing(failed) == {"done": 1, "pending": 1}


def test_many_scattered_rows_fit_into_a_write(world: World, failed: Path) -> None:
    place = world.workspace(failed).place
    assert live_feed.put_back(place, list(range(1, 4001, 2))) == 1
    assert world.standing(failed) == {"done": 1, "pending": 1}


def test_news_come_once_and_only_of_what_changed(world: World, failed: Path) -> None:
    told = live_feed.Feed(world.workspace(failed), token="x")
    listener = told.listener()
    first = json.loads(listener.news() or "{}")
    assert [one[0] for one in first["rows"]] == [2, 3]
    assert "1 of 2 rows" in first["summary"]
    assert "as of" in first["made"]
    assert listener.news() is None
    live_feed.put_back(world.workspace(failed).place, [3])
    news = json.loads(listener.news() or "{}")
    assert [(one[0], one[2]) for one in news["rows"]] == [(3, "pending")]


def test_the_command_tells_its_address_and_ends_with_ctrl_c(world: World, failed: Path) -> None:
    process = world.start("serve", failed, "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    url = line.rpartition(" ")[2].strip()
    assert get(url).status_code == 200
    process.send_signal(signal.SIGINT)
    done = world.finish(process)
    assert done.code == 0
    assert "Ctrl-C stops it" in done.err


def test_a_taken_port_is_named_when_it_was_asked_for(world: World, failed: Path) -> None:
    port = world.port  # the gateway's
    done = world.run("serve", failed, "--port", port)
    assert done.code == 3
    assert f"Port {port} cannot be used" in done.err


def test_an_open_page_puts_a_row_back_and_sees_it_end(
    browser: Browser, world: World, failed: Path
) -> None:
    run: list[subprocess.Popen[bytes]] = []

    def act(sight: Sight) -> None:
        page = sight.page
        assert page.locator(".lead").inner_text() == "1 of 2 rows are done."
        page.locator("[data-status=failed]").click()
        page.get_by_label("Tick row 3").check()
        page.get_by_role("button", name="Retry in the run").click()
        page.wait_for_selector("[data-status=pending]")
        assert "Requeued: 1" in page.locator("#said").inner_text()
        run.append(world.start("run", failed, *PICTURE))
        page.locator("[data-status=all]").click()
        page.wait_for_selector("#grid > .card.is-done[aria-posinset='2']")
        sight.wait("[...document.querySelectorAll('.card img')].at(1)?.naturalWidth === 256")
        sight.wait("document.querySelector('.lead').textContent.startsWith('2 of 2')")
        assert not sight.problems

    with served(world.workspace(failed)) as url:
        browser.look(url, act)
    assert world.finish(run[0]).code == 0
    assert world.standing(failed) == {"done": 2}
