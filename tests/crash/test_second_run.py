"""A table takes one run at a time; a second run is refused at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from runner.exits import Exit

from .audit import audit
from .harness import ROOT, Run, Scene, scene

CALL_SECONDS = 600.0  # how long a call takes if the first run is to stay busy


def refused(scene: Scene, holder: int) -> float:
    """A second run is refused within seconds, and the message names the first."""
    second = scene.start()
    code = second.wait()
    seconds = time.monotonic() - second.began
    assert code == Exit.BUSY, second.stderr
    assert f"process {holder} " in second.stderr
    return seconds


def given_up(scene: Scene, run: Run) -> int:
    """Send two signals, because its calls would outlast the test."""
    run.signal(signal.SIGINT)
    scene.until_printed("Stopping", run)
    run.signal(signal.SIGINT)
    return run.wait()


def test_a_second_run_is_refused_at_once_and_told_who_holds_the_table(tmp_path: Path) -> None:
    with scene(tmp_path, rows=8, latency=CALL_SECONDS) as one:
        first = one.start()
        assert one.until_calls(1, first)
        seconds = min(refused(one, first.pid) for _ in range(3))
        print(f"refused after {seconds:.2f} s")
        assert given_up(one, first) == Exit.INTERRUPTED


def test_of_ten_runs_started_together_exactly_one_runs(tmp_path: Path) -> None:
    with scene(tmp_path, rows=30, latency=CALL_SECONDS) as one:
        runs = [one.start() for _ in range(10)]
        assert one.until(lambda: sum(run.alive for run in runs) <= 1 and one.calls() >= 16)
        (winner,) = [run for run in runs if run.alive]
        codes = {run.wait() for run in runs if run is not winner}
        assert codes == {Exit.BUSY}, [run.stderr for run in runs]
        assert one.calls() == 16
        assert given_up(one, winner) == Exit.INTERRUPTED
        assert not audit(one, [], full=False).problems


def test_a_stopped_run_still_holds_its_table_and_goes_on_afterwards(tmp_path: Path) -> None:
    with scene(tmp_path, rows=40, latency=0.3) as one:
        first = one.start()
        assert one.until_calls(4, first)
        first.signal(signal.SIGSTOP)
        refused(one, first.pid)
        time.sleep(0.5)  # its calls are answered in the meantime
        first.signal(signal.SIGCONT)
        assert first.wait() == Exit.DONE
        found = audit(one, [])
        assert not found.problems
        assert found.billed == 40


def test_a_lock_file_that_is_deleted_lets_nobody_else_in(tmp_path: Path) -> None:
    with scene(tmp_path, rows=8, latency=CALL_SECONDS) as one:
        first = one.start()
        assert one.until_calls(8, first)
        one.workspace.lock_file.unlink()
        second = one.start()
        assert second.wait() == Exit.BUSY, second.stderr
        assert "process 0" not in second.stderr
        assert one.calls() == 8
        assert given_up(one, first) == Exit.INTERRUPTED


FORK = """
import os, signal, sys
from pathlib import Path
from jobs.lock import Lock
lock = Lock(Path(sys.argv[1]))
lock.acquire()
if os.fork() == 0:
    print(os.getpid(), flush=True)
    signal.pause()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_that_outlives_a_killed_run_does_not_hold_its_table(tmp_path: Path) -> None:
    with scene(tmp_path, rows=2) as one:
        one.workspace.make()
        words = [sys.executable, "-c", FORK, str(one.workspace.lock_file)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as parent:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            assert parent.wait() == -signal.SIGKILL
            try:
                assert one.start().wait() == Exit.DONE
            finally:
                os.kill(child, signal.SIGKILL)
