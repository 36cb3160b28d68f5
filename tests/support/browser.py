"""A real browser, headless, shared by all tests of one process."""

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Playwright, Request, sync_playwright

T = TypeVar("T")
DESK = {"width": 1400, "height": 900}
PHONE = {"width": 390, "height": 844}
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def chromium_path() -> str | None:
    """The path of chromium, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(slots=True)
class Sight:
    """One open page, its requests and its errors."""

    page: Page
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # dialogs and errors, except missing files

    def nodes(self) -> int:
        """The number of elements on the page."""
        return int(self.page.evaluate("document.querySelectorAll('*').length"))

    def wait(self, expression: str, *, seconds: float = 20) -> None:
        """Wait until it is true; the page's policy blocks the driver's own way of waiting."""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, (expression, self.problems)
            self.page.wait_for_timeout(30)

    def count(self, selector: str) -> int:
        """The number of elements that match."""
        return self.page.locator(selector).count()


class Browser:
    """Chromium in a thread of its own, since its driver runs an event loop as tests do."""

    def __init__(self, path: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browser")
        self._playwright: Playwright
        self._chromium: Chromium
        self._thread.submit(self._start, path).result()

    def _start(self, path: str) -> None:
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=path, args=list(FLAGS))

    def close(self) -> None:
        """Close the browser."""
        self._thread.submit(self._stop).result()
        self._thread.shutdown()

    def _stop(self) -> None:
        self._chromium.close()
        self._playwright.stop()

    def look(self, address: Path | str, act: Callable[[Sight], T], **options: Any) -> T:
        """Open a page in a fresh context and call `act` with it."""
        url = address.as_uri() if isinstance(address, Path) else address
        return self._thread.submit(self._look, url, act, options).result()

    def _look(self, url: str, act: Callable[[Sight], T], options: dict[str, Any]) -> T:
        context = self._chromium.new_context(**{"viewport": DESK, **options})
        context.set_default_timeout(20_000)
        try:
            sight = Sight(page=context.new_page())
            _watch(sight)
            sight.page.goto(url)
            return act(sight)
        finally:
            context.close()


def _watch(sight: Sight) -> None:
    def asked(request: Request) -> None:
        sight.requests.append(request.url)

    def said(message: Any) -> None:
        if message.type == "error" and "ERR_FILE_NOT_FOUND" not in message.text:
            sight.problems.append(f"console: {message.text}")

    def opened(dialog: Any) -> None:
        sight.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    sight.page.on("request", asked)
    sight.page.on("console", said)
    sight.page.on("dialog", opened)
    sight.page.on("pageerror", lambda error: sight.problems.append(f"script: {error}"))
