"""A desk that is served from a thread, and a page's way of speaking to it."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from runner.desk.actions import Desk
from runner.desk.server import DeskServer

TIMEOUT_SECONDS = 90.0  # the tests share their cores


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDesk:
    """The address of a desk, and what its page knows."""

    url: str
    token: str

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def get(self, path: str = "", **headers: str) -> httpx.Response:
        """One GET request below the token."""
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=TIMEOUT_SECONDS)

    def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One write as the page sends it; a header that is given replaces the page's own."""
        own = {"X-Rowmill-Token": self.token, "Content-Type": "application/json"}
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return httpx.post(
            f"{self.url}{path}",
            content=content,
            headers={name: text for name, text in {**own, **given}.items() if text},
            timeout=TIMEOUT_SECONDS,
        )

    def do(self, action: str, **body: Any) -> dict[str, Any]:
        """One action, with what it told."""
        found: dict[str, Any] = self.post(f"do/{action}", body).json()
        return found

    def drop(self, name: str, content: bytes, how: str = "ask") -> httpx.Response:
        """Drop a sheet."""
        return self.post("drop", content, **{"X-Rowmill-Name": quote(name), "X-Rowmill-How": how})


@contextmanager
def opened_desk(folder: Path) -> Iterator[OpenDesk]:
    """Serve the desk of a folder from a thread."""
    ready, stop = threading.Event(), asyncio.Event()
    found: list[Any] = []

    async def serve() -> None:
        async with DeskServer(Desk(folder=folder), port=0) as desk:
            found.extend((desk.url, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(TIMEOUT_SECONDS)
    try:
        yield open_desk(str(found[0]))
    finally:
        found[1].call_soon_threadsafe(stop.set)
        thread.join()


def open_desk(url: str) -> OpenDesk:
    """The desk at this address, with the token of its page."""
    page = httpx.get(url, timeout=TIMEOUT_SECONDS).text
    token = re.search(r'"token": "([^"]+)"', page)
    assert token is not None
    return OpenDesk(url=url, token=token[1])
