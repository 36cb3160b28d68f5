"""Machines with a network of their own: namespaces, each with one cable to this one."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

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
