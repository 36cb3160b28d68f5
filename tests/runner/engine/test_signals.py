"""The third Ctrl-C ends a run even if its event loop is blocked."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import pytest

STUCK = """
    import asyncio, re
    from runner.engine.signals import stop_on_signals

    class Control:
        def cut(self): print("cut", flush=True)
        def halt(self, stop): print("halt", flush=True)
        def interrupt_words(self, presses): return f"press {presses}"

    async def main():
        with stop_on_signals(Control(), lambda text: print(text, flush=True)):
            print("ready", flush=True)
            WORK

    asyncio.run(main())
"""
SLEEPS = "await asyncio.sleep(60)"
MATCHES = 're.match(r"^(a+)+$", "a" * 40 + "!")'
COUNTS = "while True: pass"


def started(work: str) -> "subprocess.Popen[str]":
    code = textwrap.dedent(STUCK).replace("WORK", work)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("work", [SLEEPS, MATCHES, COUNTS], ids=["sleeps", "matches", "counts"])
@pytest.mark.timeout(60)
def test_the_third_signal_ends_the_process_whatever_the_loop_does(work: str) -> None:
    with started(work) as process:
        for _ in range(3):
            os.kill(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.3)
        assert process.wait(10) == 130


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.timeout(60)
def test_the_first_drains_and_the_second_gives_up() -> None:
    with started(SLEEPS) as process:
        said = []
        assert process.stdout is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(process.pid, number)
            said.append(process.stdout.readline())
        said.append(process.stdout.readline())
        process.kill()
    assert said == ["halt\n", "press 1\n", "cut\n"]
