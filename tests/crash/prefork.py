"""Forks processes of the real command from one process that has done the imports."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner import cli

ROOT = Path(cli.__file__).parents[1]
SHIMS = str(Path(__file__).parent / "shims")
POSSIBLE = hasattr(os, "fork")

MAKER = """
import json, os, signal, sys
sys.path.insert(0, os.environ["SHIMS"])
import shims
import runner.cli, runner.commands.run, runner.commands.retry, runner.engine.session
import jobs.sheet.text.delimited, jobs.sheet.write.delimited, runner.mock.server_thread

def child(order):
    os.chdir(order["folder"])
    for number, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        there = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(there, number)
        os.close(there)
    os.environ.clear()
    os.environ.update(order["environ"])
    shims.install()
    sys.argv = ["rowmill", *order["words"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also where nohup started the tests
    try:
        runner.cli.main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

def reap(*_):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        os.write(1, json.dumps({"ended": pid, "status": status}).encode() + b"\\n")

def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            child(json.loads(line))
        os.write(1, json.dumps({"began": pid}).encode() + b"\\n")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
main()
"""


class Forked:
    """One process, with the parts of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int, ended: "threading.Event") -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended

    def finish(self, status: int) -> None:
        """Record its exit code."""
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()

    def poll(self) -> int | None:
        """Its exit code, or None while it is alive."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; TimeoutExpired where it does not end in time."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("rowmill", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send the signal, unless the process has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Prefork:
    """The process maker; closing it does not end the processes it made."""

    def __init__(self) -> None:
        self._maker = subprocess.Popen(
            [sys.executable, "-c", MAKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={
                "PYTHONPATH": str(ROOT),
                "SHIMS": SHIMS,
                "PATH": os.environ.get("PATH", ""),
                "LANG": "C.UTF-8",
            },
        )
        self._children: dict[int, Forked] = {}
        self._new: list[Forked] = []
        self._came = threading.Semaphore(0)
        threading.Thread(target=self._listen, daemon=True).start()

    def start(
        self, words: Sequence[str], *, environ: Mapping[str, str], out: Path, err: Path
    ) -> Forked:
        """Run `rowmill` with these arguments."""
        order = {
            "words": list(words),
            "environ": dict(environ),
            "folder": str(out.parent),
            "out": str(out),
            "err": str(err),
        }
        assert self._maker.stdin is not None
        self._maker.stdin.write(json.dumps(order).encode() + b"\n")
        self._maker.stdin.flush()
        assert self._came.acquire(timeout=60), "no process was made"
        return self._new.pop()

    def close(self) -> None:
        """End the maker."""
        assert self._maker.stdin is not None
        self._maker.stdin.close()
        self._maker.kill()
        self._maker.wait()
        assert self._maker.stdout is not None
        self._maker.stdout.close()

    def _listen(self) -> None:
        assert self._maker.stdout is not None
        for line in self._maker.stdout:
            told = json.loads(line)
            if "began" in told:
                child = Forked(told["began"], threading.Event())
                self._children[child.pid] = child
                self._new.append(child)
                self._came.release()
            else:
                self._children.pop(told["ended"]).finish(told["status"])
