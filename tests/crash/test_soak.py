"""Memory and file descriptors of a run do not grow with the number of rows it has done."""

import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from runner.exits import Exit
from runner.mock.faults import FaultPlan

from .audit import audit
from .harness import Scene, scene
from .prefork import Prefork

MAX_CALLS = 200
ENDINGS = {"07,": "502", "27,": "cut", "47,": "html", "67,": "500", "87,": "reset_after"}
FAULTS = FaultPlan.scripted({ending: (fault,) for ending, fault in ENDINGS.items()})
"""One row in twenty meets one. Refusals that ask a run to slow down are left out: it would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The resources that a process uses at one moment."""

    memory: float  # MB
    descriptors: int
    threads: int
    rows: int


def used_by(scene: Scene, process: psutil.Process) -> Use:
    done = scene.query("SELECT count(*) FROM calls WHERE wire IS NOT NULL")
    return Use(
        memory=process.memory_info().rss / 1e6,
        descriptors=process.num_fds(),
        threads=process.num_threads(),
        rows=sum(count for (count,) in done),
    )


def soaked(scene: Scene, seconds: float) -> list[Use]:
    """Run for so long, measure every second, then stop with a signal."""
    run = scene.start(concurrency=MAX_CALLS)
    process = psutil.Process(run.pid)
    assert scene.until_calls(MAX_CALLS, run)
    found = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and run.alive:
        found.append(used_by(scene, process))
        time.sleep(1.0)
    run.signal(2)
    assert run.wait(1200) in (Exit.INTERRUPTED, Exit.DONE, Exit.SOME_FAILED), run.stderr
    return found


def drift_of(scene: Scene, found: list[Use]) -> tuple[float, str]:
    """Memory drift after the warm-up in percent, and one line of figures."""
    warm = found[len(found) // 4 :]
    quarter = max(len(warm) // 4, 1)
    first = statistics.median(use.memory for use in warm[:quarter])
    last = statistics.median(use.memory for use in warm[-quarter:])
    drift = (last - first) / first * 100
    log = scene.workspace.log.read_text()
    late = re.findall(r"late by (\d+) ms", log)
    descriptors = [use.descriptors for use in warm]
    threads = [use.threads for use in warm]
    return drift, (
        f"{found[-1].rows:,} calls in {len(found)} s: memory {first:.0f} to {last:.0f} MB "
        f"({drift:+.1f} %), descriptors {min(descriptors)} to {max(descriptors)}, "
        f"threads {min(threads)} to {max(threads)}, loop late by {late[-1] if late else '?'} ms"
    )


@pytest.mark.long
@pytest.mark.timeout(0)
def test_a_long_run_stays_level(
    tmp_path: Path, prefork: Prefork, pytestconfig: pytest.Config
) -> None:
    """Two hundred calls at once, one in twenty failing; `--minutes` sets the duration."""
    minutes = float(pytestconfig.getoption("--minutes"))
    rows = int(minutes * 60 * 340) + 2000  # more rows than two hundred calls of 0.6 s can use up
    with scene(tmp_path, rows=rows, latency=(0.2, 1.0), faults=FAULTS, prefork=prefork) as one:
        found = soaked(one, minutes * 60)
        drift, figures = drift_of(one, found)
        print(figures)
        assert drift < 5
        warm = found[len(found) // 4 :]
        assert max(use.threads for use in warm) <= min(use.threads for use in warm) + 4
        assert max(use.descriptors for use in warm) <= MAX_CALLS + 120
        problems = [text for text in audit(one, [], full=False).problems if "I4" not in text]
        assert not problems


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_million_rows_pass_in_a_hundred_megabytes(
    ending: str, tmp_path: Path, prefork: Prefork
) -> None:
    """Load a sheet of a million rows, run a thousand of them, and export all."""
    sheet = tmp_path / f"prompts.{ending}"
    with sheet.open("w", encoding="utf-8") as file:
        if ending == "csv":
            file.write("id,prompt\n")
        for n in range(1_000_000):
            prompt = f"A lamp of number {n}, on a white table"
            line = f'{n},"{prompt}"' if ending == "csv" else f'{{"id": {n}, "prompt": "{prompt}"}}'
            file.write(f"{line}\n")
    with scene(tmp_path / "desk", rows=1, prefork=prefork) as one:
        words = ["run", str(sheet), "-e", "chat", "-m", "mock-text", "-y", "--limit", "1000"]
        words += ["--base-url", one.gateway.base_url, "--progress", "none"]
        out, err = tmp_path / "out.txt", tmp_path / "err.txt"
        run = prefork.start(words, environ=one.environment(), out=out, err=err)
        process, most = psutil.Process(run.pid), 0.0
        while run.poll() is None:
            try:
                most = max(most, process.memory_info().rss / 1e6)
            except psutil.Error:
                break
            time.sleep(0.05)
        assert run.wait(60) == Exit.DONE, err.read_text()
    print(f"1,000,000 rows of {ending}: {most:.0f} MB at most")
    assert most < 100
