"""Runs a mock gateway in a thread, or in the foreground until Ctrl-C."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings


class MockThread:
    """A gateway in a thread with its own loop, inside `with`; `gateway` may be read from outside.

    Entering raises OSError like MockGateway.
    """

    def __init__(self, settings: MockSettings | None = None) -> None:
        self.gateway = MockGateway(settings)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="mock-gateway", daemon=True)

    @property
    def base_url(self) -> str:
        """The address where it listens."""
        return self.gateway.base_url

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._error:
            self._thread.join()
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self.gateway:
            self._ready.set()
            await self._stop.wait()


def serve_forever(settings: MockSettings, started: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; calls `started` with the base URL once it listens. Raises OSError."""

    async def serve() -> None:
        async with MockGateway(settings) as gateway:
            started(gateway.base_url)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
