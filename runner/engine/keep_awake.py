"""Keeps the machine awake while a run is going on, where the system lets it."""

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

log = logging.getLogger("rowmill")

AFTER = 20.0  # seconds; a run that is over sooner needs nothing
ES_CONTINUOUS, ES_SYSTEM_REQUIRED = 0x80000000, 0x00000001


async def keep_awake() -> None:
    """After a while, until cancelled. Never fails a run; the log says once how it went."""
    await asyncio.sleep(AFTER)
    with _awake() as how:
        log.info("the machine is kept awake by %s", how or "nobody: the system has no way to ask")
        await asyncio.Event().wait()


@contextlib.contextmanager
def _awake() -> Iterator[str]:
    """Names who keeps it awake; empty where nobody does."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - only here

        kernel = ctypes.windll.kernel32
        asked = kernel.SetThreadExecutionState(ES_CONTINUOUS | ES_SYSTEM_REQUIRED)
        try:
            yield "Windows" if asked else ""
        finally:
            kernel.SetThreadExecutionState(ES_CONTINUOUS)
        return
    process = _inhibitor()
    try:
        yield "the system" if process is not None else ""
    finally:
        if process is not None:
            _end(process)


def _inhibitor() -> "subprocess.Popen[bytes] | None":
    """A program that keeps it awake as long as we live: it ends with us, however we end."""
    if sys.platform == "darwin":
        words = ["caffeinate", "-i", "-w", str(os.getpid())]
    else:
        why = ["--who=rowmill", "--why=a run is going on", "--mode=block"]
        # `cat` ends when the pipe to us does.
        words = ["systemd-inhibit", "--what=sleep:idle", *why, "cat"]
    if shutil.which(words[0]) is None:
        return None
    null = subprocess.DEVNULL
    try:
        process = subprocess.Popen(  # noqa: S603 - two programs of the system, named above
            words, stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True
        )
    except OSError:
        return None
    try:
        process.wait(0.2)  # where there is no session bus it gives up at once
    except subprocess.TimeoutExpired:
        return process
    _end(process)
    return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.kill()
    process.wait()
