"""Whole commands, measured in turn: CPU seconds, wall seconds and peak memory of each."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
ROWMILL = (PYTHON, "-m", "runner.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of one command: CPU and wall seconds, peak memory in MB (its largest process)."""

    cpu: float
    wall: float
    peak: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One command of a comparison; `before` prepares each run and is not measured."""

    name: str
    words: Sequence[str]
    cwd: Path
    before: Callable[[], None] = lambda: None
    feed: str = ""  # standard input
    ends: int = 0  # the expected exit code
    environ: Mapping[str, str] = field(
        default_factory=dict
    )  # in addition to the common environment


def environment() -> dict[str, str]:
    """The environment of every measured command: this tree, a dummy key, no user settings.

    Bytecode is cached, as with an installed rowmill: compiling is not part of every start.
    """
    users = ("ROWMILL_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(users)}
    return kept | {"PYTHONPATH": str(ROOT), "ROWMILL_API_KEY": "bench", "ROWMILL_LANG": "en"}


def measure(one: Contender) -> Cost:
    """Run it once. A command that fails stops the benchmark with its output."""
    one.before()
    started = time.perf_counter()
    process = subprocess.Popen(
        list(one.words),
        cwd=one.cwd,
        env=environment() | dict(one.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(one.feed)
    process.stdin.close()
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode != one.ends:
        raise SystemExit(f"{' '.join(one.words)} ended with {process.returncode}:\n{said}")
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.perf_counter() - started,
        peak=usage.ru_maxrss / 1024,
    )


def in_turn(contenders: Sequence[Contender], *, rounds: int) -> dict[str, Cost]:
    """The medians of several rounds; in each round every contender runs once."""
    costs: dict[str, list[Cost]] = {one.name: [] for one in contenders}
    for _ in range(rounds):
        for one in contenders:
            costs[one.name].append(measure(one))
    return {name: _median(found) for name, found in costs.items()}


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        cpu=statistics.median(one.cpu for one in costs),
        wall=statistics.median(one.wall for one in costs),
        peak=max(one.peak for one in costs),
    )


def less(cost: Cost, start: Cost) -> Cost:
    """The same minus the cost of starting; memory unchanged."""
    return replace(cost, cpu=cost.cpu - start.cpu, wall=cost.wall - start.wall)


@dataclass(slots=True)
class Gateway:
    """The bench gateway, running in a process of its own."""

    process: "subprocess.Popen[str]"
    port: int

    def base(self, milliseconds: int) -> str:
        """A base URL whose answers take that long."""
        return f"http://127.0.0.1:{self.port}/{milliseconds}ms"

    def moment(self) -> float:
        """Wait for the times of the first request and of the first paid one (Unix seconds)."""
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())


@contextmanager
def gateway() -> Iterator[Gateway]:
    """A gateway, inside `with`."""
    process = subprocess.Popen(
        [PYTHON, "-m", "tests.bench.gateway"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Gateway(process=process, port=int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run_words(sheet: Path, base: str, *, in_flight: int) -> list[str]:
    """`rowmill run` over a sheet of chat rows."""
    return [*_asked(sheet, base), "-c", str(in_flight), "-y", "--progress", "none"]


def loading(sheet: Path) -> Contender:
    """A run without consent: it loads the sheet, then stops with 3 before it sends anything."""
    words = [*_asked(sheet, "http://127.0.0.1:1"), "--no-input"]
    return Contender(name="rowmill, loading", words=words, cwd=ROOT, before=fresh(sheet), ends=3)


def _asked(sheet: Path, base: str) -> list[str]:
    given = ["-e", "chat", "-m", "mock-chat", "--base-url", base, "-q"]
    return [*ROWMILL, "run", str(sheet), *given]


def fresh(sheet: Path) -> Callable[[], None]:
    """Remove what an earlier run over this sheet left."""
    return forgotten(sheet.with_suffix(".rowmill"))


def forgotten(folder: Path) -> Callable[[], None]:
    """Remove a folder if it exists."""
    return lambda: shutil.rmtree(folder, ignore_errors=True)


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    marks = ["---"] * len(heads)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *lines))


def lines_of(costs: Mapping[str, Cost], reference: str, *, rows: int) -> list[list[str]]:
    """One line per contender: CPU first, then wall time and memory; ratios to the reference."""
    base = costs[reference]
    return [
        [
            name,
            f"{cost.cpu:.2f}",
            f"{cost.cpu / rows * 1e6:.0f}",
            f"{cost.cpu / base.cpu:.2f}",
            f"{cost.wall:.2f}",
            f"{rows / cost.wall:,.0f}",
            f"{cost.peak:.0f}",
        ]
        for name, cost in costs.items()
    ]


HEADS = ("what", "CPU s", "CPU µs a row", "ratio", "wall s", "rows/s", "peak MB")
