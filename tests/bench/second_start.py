"""Time from the start of a resumed run to its first requests, beside importing its libraries."""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from .measuring import (
    PYTHON,
    ROOT,
    Contender,
    environment,
    gateway,
    loading,
    measure,
    run_words,
    table,
)
from .sheets import write_sheet

LIBRARIES = "click, sqlalchemy, rich.console, httpx, aiohttp"


def seconds_to_requests(sheet: Path) -> tuple[float, float]:
    """Start a run over a loaded table, and kill it after its first paid request."""
    with gateway() as gate:
        started = time.time()
        run = subprocess.Popen(
            run_words(sheet, gate.base(0), in_flight=256),
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return gate.moment() - started, gate.moment() - started
        finally:
            run.kill()
            run.wait()


def main() -> None:
    """Print the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sheet = write_sheet(Path(name) / "chat.csv", args.rows)
        measure(loading(sheet))
        imports = Contender(name="", words=[PYTHON, "-c", f"import {LIBRARIES}"], cwd=ROOT)
        found: dict[str, list[float]] = {
            f"import {LIBRARIES}": [],
            f"{args.rows:,} rows resumed, first request": [],
            "the same, first paid request": [],
        }
        for _ in range(args.rounds):
            for seconds, moment in zip(
                found.values(),
                (measure(imports).wall, *seconds_to_requests(sheet)),
                strict=True,
            ):
                seconds.append(moment)
    lines = [
        [what, f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}", f"{max(seconds):.2f}"]
        for what, seconds in found.items()
    ]
    print(table(["what", "median s", "least", "most"], lines))


if __name__ == "__main__":
    main()
