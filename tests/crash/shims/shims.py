"""Replaces the clock and the resolver of a process under test; files of the test control them."""

import json
import os
import socket
import sys
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


def _hurry_batches() -> None:
    """Ask after provider batches as if their hours were seconds."""
    import runner.lanes.batch_clock as clock  # noqa: PLC0415 - only where batches are bought

    hurried = {
        "ASK_FIRST": 0.2,
        "ASK_RARELY": 0.3,
        "LOOK_AFTER": 1.5,
        "CANCELLING": 0.2,
        "QUEUE_WAIT": 0.5,
        "LONGEST_RETRY": 0.5,
    }
    for module in list(sys.modules.values()):
        if module is clock or getattr(module, "__name__", "").startswith("runner."):
            for name, seconds in hurried.items():
                if hasattr(module, name):
                    setattr(module, name, seconds)


def install() -> None:
    """Install the replacements that the environment asks for."""
    if "SHIM_CLOCK" in os.environ:
        time.time = _false_wall
    if "SHIM_SLEPT" in os.environ:
        time.clock_gettime = _false_through
        import runner.engine.watchdog  # noqa: PLC0415 - after the clock is replaced

        runner.engine.watchdog.AFTER_SLEEP_SECONDS = float(os.environ["SHIM_AFTER_SLEEP_SECONDS"])
    if "SHIM_BATCH_CLOCK" in os.environ:
        _hurry_batches()
    if "SHIM_NAMES" in os.environ:
        socket.getaddrinfo = _false_names
