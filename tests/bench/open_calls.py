"""Thousands of calls open at once, as on a slow lane: memory and CPU of the run while it waits.

    python -m tests.bench.open_calls [CALLS] [SECONDS]

A server of its own process holds every call for the given time. Once all are open, the process
table says what the run uses. Needs 1,000 descriptors more than calls (`ulimit -n`).
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.measuring import PYTHON, ROOT, ROWMILL, environment

SETTLE_SECONDS = 5.0  # after the last call was opened, before the wait is measured


def main(calls: int, seconds: int) -> None:
    """Open the calls, measure the wait, and print one line of JSON."""
    gateway = subprocess.Popen(
        [PYTHON, "-m", "tests.bench.gateway"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert gateway.stdout is not None
    port = int(gateway.stdout.readline())
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), port, calls, seconds)
    gateway.terminate()
    gateway.wait()
    print(json.dumps(found))


def measured(folder: Path, port: int, calls: int, seconds: int) -> dict[str, float]:
    """One run of so many calls, each held for so many seconds."""
    sheet = folder / "rows.txt"
    sheet.write_text("".join(f"row {number}\n" for number in range(calls)), encoding="utf-8")
    config = folder / "own.toml"
    config.write_text("[provider.wenwen.lanes.flex]\nform = 'service_tier'\n", encoding="utf-8")
    url = f"http://127.0.0.1:{port}/{seconds * 1000}ms"
    words = [*ROWMILL, "run", str(sheet), "-e", "chat", "-m", "m", "-y", "--base-url", url]
    words += ["-c", str(calls), "--lane", "flex", "--config", str(config), "--quiet"]
    words += ["--in-doubt", "hold"]
    started = time.monotonic()
    run = subprocess.Popen(words, cwd=folder, env=environment())
    process = psutil.Process(run.pid)
    opened = _wait_until_open(process, calls, started)
    time.sleep(SETTLE_SECONDS)
    before, at = process.cpu_times(), time.monotonic()
    time.sleep(max(seconds - opened - 2 * SETTLE_SECONDS, 5.0))
    after, waited = process.cpu_times(), time.monotonic() - at
    used = after.user + after.system - before.user - before.system
    resident = process.memory_info().rss
    code = run.wait()
    return {
        "calls": calls,
        "opened_after_s": round(opened, 1),
        "waited_s": round(waited, 1),
        "cpu_share_percent": round(100 * used / waited, 2),
        "rss_waiting_mb": round(resident / 1e6, 1),
        "exit": code,
        "whole_s": round(time.monotonic() - started, 1),
    }


def _wait_until_open(process: psutil.Process, calls: int, started: float) -> float:
    """Seconds until the run has as many connections as calls."""
    while process.num_fds() < calls:
        time.sleep(0.2)
    return time.monotonic() - started


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given or [15_000, 60]))
