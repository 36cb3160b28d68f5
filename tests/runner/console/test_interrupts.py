"""Ctrl-C also stops a run in places where Python would print the interrupt and ignore it."""

import subprocess
import sys
import time

LOST = """\
import signal, time, weakref
from runner.console.interrupts import redeliver_interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was ignored
redeliver_interrupts()

class Lock: pass
lock = Lock()
seen = weakref.ref(lock, lambda _: signal.raise_signal(signal.SIGINT))
del lock
try:
    time.sleep(30)
except KeyboardInterrupt:
    print("heard")
"""
OTHER = """\
import weakref
from runner.console.interrupts import redeliver_interrupts
redeliver_interrupts()

class Lock: pass
lock = Lock()
seen = weakref.ref(lock, lambda _: 1 / 0)
del lock
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_ctrl_c_in_a_callback_is_heard_a_moment_later() -> None:
    began = time.monotonic()
    done = run(LOST)
    assert (done.stdout, done.stderr) == ("heard\n", "")
    assert time.monotonic() - began < 30


def test_other_exceptions_in_callbacks_are_told_as_usual() -> None:
    done = run(OTHER)
    assert "ZeroDivisionError" in done.stderr
