"""Machines with a network of their own: namespaces, each with one cable to this one."""

import asyncio
import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

NET = f"10.213.{os.getpid() % 250}"
CENTRE = f"{NET}.254"
"""The address of this machine, for all namespaces."""


def _do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@functools.cache
def why_not() -> str | None:
    """Why there can be no namespaces here; None if there can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "ip is not installed (Debian: iproute2)"
    name = f"rmt{os.getpid()}"
    try:
        _do("ip", "netns", "add", name)
        _do("ip", "link", "add", name, "type", "veth", "peer", "name", "c0", "netns", name)
    except subprocess.CalledProcessError as error:
        return f"no network namespace can be made here: {error.stderr.decode().strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    """A namespace; from inside this machine is at `CENTRE`, over one cable."""

    name: str

    def words(self, *words: str) -> list[str]:
        """A command line that runs inside."""
        return ["ip", "netns", "exec", self.name, *words]

    def pull_the_cable(self) -> None:
        _do("ip", "link", "set", self.name, "down")

    def plug_it_in(self) -> None:
        _do("ip", "link", "set", self.name, "up")


@contextmanager
def islands(count: int) -> Iterator[list[Island]]:
    """So many namespaces, or a skip that names what is missing."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with ExitStack() as stack:
        _do("ip", "addr", "add", f"{CENTRE}/32", "dev", "lo")
        stack.callback(_do, "ip", "addr", "del", f"{CENTRE}/32", "dev", "lo")
        yield [stack.enter_context(_island(number)) for number in range(count)]


@contextmanager
def _island(number: int) -> Iterator[Island]:
    name = f"rm{os.getpid() % 100_000}x{number}"
    here, there = f"{NET}.{number * 4 + 1}", f"{NET}.{number * 4 + 2}"
    _do("ip", "netns", "add", name)
    try:
        _do("ip", "link", "add", name, "type", "veth", "peer", "name", "cable", "netns", name)
        _do("ip", "addr", "add", f"{here}/30", "dev", name)
        _do("ip", "link", "set", name, "up")
        _do("ip", "-n", name, "addr", "add", f"{there}/30", "dev", "cable")
        _do("ip", "-n", name, "link", "set", "cable", "up")
        _do("ip", "-n", name, "link", "set", "lo", "up")
        _do("ip", "-n", name, "route", "add", "default", "via", here)
        yield Island(name=name)
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


class Relay:
    """Makes a server of this machine reachable at `CENTRE`, byte for byte."""

    def __init__(self, *, to: int | Path) -> None:
        self.port = 0
        self._to = to
        self._ready = threading.Event()
        self._open: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, CENTRE, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        await asyncio.gather(*self._open)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._open.add(me)
        if isinstance(self._to, int):
            ours, theirs = await asyncio.open_connection("127.0.0.1", self._to)
        else:
            ours, theirs = await asyncio.open_unix_connection(str(self._to))
        ends = (
            asyncio.create_task(_copied(reader, theirs)),
            asyncio.create_task(_copied(ours, writer)),
            asyncio.create_task(self._over.wait()),
        )
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        for one in (writer, theirs):
            one.transport.abort()
            with suppress(OSError):
                await one.wait_closed()
        self._open.discard(me)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
