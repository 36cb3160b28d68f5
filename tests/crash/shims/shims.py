"""Replaces the clock and the resolver of a process under test; files of the test control them."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

_wall, _through, _getaddrinfo = time.time, time.clock_gettime, socket.getaddrinfo


def _offset(name: str) -> float:
    text = Path(os.environ[name]).read_text()
    return float(text or 0)


def _false_wall() -> float:
    return _wall() + _offset("SHIM_CLOCK")


def _false_through(clock: int) -> float:
    found = _through(clock)
    return found + _offset("SHIM_SLEPT") if clock == time.CLOCK_BOOTTIME else found


def _false_names(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
    known = json.loads(Path(os.environ["SHIM_NAMES"]).read_text()).get(host)
    if known is None:
        return _getaddrinfo(host, port, *rest, **more)
    addresses = known.get("addresses", ["127.0.0.1"])
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    time.sleep(known.get("slow", 0))
    return [one for each in addresses for one in _getaddrinfo(each, port, *rest, **more)]


def install() -> None:
    """Install the replacements that the environment asks for."""
    if "SHIM_CLOCK" in os.environ:
        time.time = _false_wall
    if "SHIM_SLEPT" in os.environ:
        time.clock_gettime = _false_through
        import runner.engine.watchdog  # noqa: PLC0415 - after the clock is replaced

        runner.engine.watchdog.AFTER_SLEEP_SECONDS = float(os.environ["SHIM_AFTER_SLEEP_SECONDS"])
    if "SHIM_NAMES" in os.environ:
        socket.getaddrinfo = _false_names
