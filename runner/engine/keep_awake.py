"""Keeps the machine awake during a run, where the system allows it."""

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

log = logging.getLogger("rowmill")

AFTER_SECONDS = 20.0  # a run that ends sooner does not need it
ES_CONTINUOUS, ES_SYSTEM_REQUIRED = 0x80000000, 0x00000001


async def keep_awake() -> None:
    """Begin after a while, end when cancelled. Never fails a run; the log says how it went."""
    await asyncio.sleep(AFTER_SECONDS)
    with _awake() as how:
        log.info("the machine is kept awake by %s", how or "nobody: the system has no way to ask")
        await asyncio.Event().wait()


@contextlib.contextmanager
def _awake() -> Iterator[str]:
    """Yields what keeps it awake; empty if nothing does."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - its windll exists on Windows only

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
    """A program that keeps the machine awake and ends with this process, however that ends."""
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
