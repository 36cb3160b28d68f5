"""The live display of a run: a panel on a terminal, lines elsewhere."""

import asyncio
import math
import queue
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TextIO

from runner.catalogue.safe_text import visible
from runner.console.screen import console, folded_text
from runner.console.snapshot import ProgressEvent, Snapshot, json_of, line_of, note_of
from runner.console.terminal_title import TerminalTitle, knows_titles

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

__all__ = ["Display", "ProgressEvent", "Snapshot", "json_of", "line_of", "mode_of", "render"]

REFRESHES_PER_SECOND = 2.0
PLAIN_LINE_SECONDS = 30.0
PLAIN_LINE_SHARE = 0.05
JSON_LINE_SECONDS = 1.0
ECHO_COLUMNS = 3  # kept free: a terminal echoes ^C behind the panel, and a wrapped line tears it
MIN_COLUMNS = 20
STOP_TIMEOUT_SECONDS = 2.0  # how long `stop` waits for a blocked terminal


def mode_of(asked: str, stream: TextIO) -> str:
    """How to show the run: `auto` means the bar on a terminal and plain lines elsewhere."""
    if asked != "auto":
        return asked
    return "bar" if stream.isatty() else "plain"


def render(snapshot: Snapshot, width: int) -> "RenderableType":
    """The whole display; below 80 columns its three blocks are stacked."""
    from runner.console.progress_view import render as draw  # noqa: PLC0415 - loads rich, only to draw

    return draw(snapshot, width)


class Display:
    """Shows a run until `stop`. A failure here ends the display, never the run.

    A separate thread does all writing: a terminal paused with Ctrl-S, or a pipe that nothing
    reads, must not block the calls. Only `_guarded` catches what that raises: OSError, ValueError
    on a closed stream, rich.errors.ConsoleError. `failure` then says why the display stopped. What
    `take` raises is not caught.
    """

    def __init__(
        self, asked: str = "auto", *, stream: TextIO | None = None, color: str = "auto"
    ) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.mode = mode_of(asked, self.stream)
        self.color = color
        self.failure: str | None = None
        self._live: Live | None = None
        self._title = TerminalTitle(self.stream) if knows_titles(self.stream) else None
        self._last_at = -math.inf
        self._last_share = -1.0
        self._task: asyncio.Task[None] | None = None
        # None ends the thread.
        self._orders: queue.SimpleQueue[Snapshot | str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="display", daemon=True)

    def start(self, take: Callable[[], Awaitable[Snapshot]]) -> None:
        """Begin to show the run in a task of its own."""
        self._task = asyncio.create_task(self.run(take), name="display")

    async def run(self, take: Callable[[], Awaitable[Snapshot]]) -> None:
        """Take and show a snapshot twice a second, until cancelled or failed."""
        while self.mode != "none" and self.failure is None:
            self.show(await take())
            await asyncio.sleep(1 / REFRESHES_PER_SECOND)

    def show(self, snapshot: Snapshot) -> None:
        """Show this soon; returns immediately."""
        # One in the queue is enough: they must not pile up while the terminal is blocked.
        if self._orders.empty():
            self._order(snapshot)

    def tell(self, text: str) -> None:
        """Print one line above the display; returns immediately."""
        self._order(text)

    async def stop(self, last: Snapshot | None = None) -> None:
        """Show the last state, which stays in the scroll-back, then stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if last is not None:
            self._last_at = -math.inf
            self._order(last)
        if self._thread.is_alive():
            self._orders.put(None)
            await asyncio.to_thread(self._thread.join, STOP_TIMEOUT_SECONDS)

    def _order(self, order: Snapshot | str) -> None:
        if self.mode == "none" and isinstance(order, Snapshot):
            return
        if self._thread.ident is None:
            self._thread.start()
        self._orders.put(order)

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            if self.failure is None:
                self._guarded(partial(self._show, order))
        if self._live is not None:
            self._guarded(self._live.stop)
        if self._title is not None:
            self._guarded(self._title.restore)

    def _guarded(self, act: Callable[[], None]) -> None:
        from rich.errors import ConsoleError  # noqa: PLC0415 - loads rich, only to draw

        try:
            act()
        except (OSError, ValueError, ConsoleError) as error:
            self.failure = f"{type(error).__name__}: {error}"

    def _show(self, order: Snapshot | str) -> None:
        if isinstance(order, str):
            self._print(order)
        elif self.mode == "bar":
            self._draw(order)
        elif self._is_due(order):
            self._write(json_of(order) if self.mode == "json" else line_of(order))

    def _print(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(folded_text(text), soft_wrap=True)
        elif self.mode == "json":
            self._write(note_of(text))
        else:
            self._write(text)

    def _write(self, line: str) -> None:
        self.stream.write(f"{visible(line)}\n")
        self.stream.flush()

    def _draw(self, snapshot: Snapshot) -> None:
        from rich.live import Live  # noqa: PLC0415 - loads rich, only to draw

        if self._live is None:
            # Never screen=True: the last state must stay in the scroll-back.
            self._live = Live(
                console=console(self.stream, color=self.color),
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        width = max(self._live.console.width - ECHO_COLUMNS, MIN_COLUMNS)
        self._live.update(render(snapshot, width), refresh=True)
        if self._title is not None:
            self._title.show(snapshot.ended, snapshot.total, snapshot.title)

    def _is_due(self, snapshot: Snapshot) -> bool:
        """True every 30 s or 5 %, whichever is later; for JSON lines, every second."""
        share = snapshot.ended / snapshot.total if snapshot.total else 1.0
        waited = snapshot.now - self._last_at
        if self.mode == "json":
            due = waited >= JSON_LINE_SECONDS
        else:
            moved = share - self._last_share >= PLAIN_LINE_SHARE
            # A slow run still prints a line every five minutes, though it moved less than 5 %.
            due = waited >= PLAIN_LINE_SECONDS and (moved or waited >= 10 * PLAIN_LINE_SECONDS)
        if due:
            self._last_at, self._last_share = snapshot.now, share
        return due
