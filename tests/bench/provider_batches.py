"""A sheet bought in provider batches: memory of both runs, and how fast results are taken in."""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .measuring import ROOT, ROWMILL, Contender, Cost, environment, fresh, less, measure, table
from .sheets import write_sheet

FORMS = {"openai": "chat", "anthropic": "messages", "gemini": "gemini", "openrouter": "chat"}
SETTINGS = """
[provider.wenwen.lanes.batch]
form = "{form}"
max_rows = {size}

[prices.mock-text]
call = 0.002
"""
WORK_SECONDS = 1.0  # that the mock waits between the steps of a batch, beside its own work


@contextmanager
def mock() -> Iterator[str]:
    """A mock gateway in a process of its own; gives its address."""
    words = [*ROWMILL, "mock", "--port", "0", "--batch-seconds", str(WORK_SECONDS)]
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().decode().split()[-1]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def run(sheet: Path, base_url: str, form: str, *more: str) -> Contender:
    """One run of the sheet by batches."""
    config = sheet.with_name("settings.toml")
    words = [*ROWMILL, "run", str(sheet), "-e", FORMS[form], "-m", "mock-text", "-y", "-q"]
    words += ["--base-url", base_url, "--config", str(config), "--lane", "batch"]
    return Contender(name="", words=[*words, "--progress", "none", *more], cwd=ROOT)


def bought(folder: Path, rows: int, size: int, form: str) -> tuple[Cost, Cost]:
    """What creating the batches costs, and what taking them in costs, each in a run of its own.

    The second is without the writing of results and report, as the commands of that name do it; a
    run that has nothing to do is what each of the three takes to start.
    """
    sheet = write_sheet(folder / "chat.csv", rows)
    sheet.with_name("settings.toml").write_text(SETTINGS.format(form=form, size=size))
    fresh(sheet)()
    with mock() as base_url:
        created = measure(run(sheet, base_url, form, "--submit-only"))
        time.sleep(WORK_SECONDS + rows / 1_500)  # the mock answers some 3,000 rows a second
        taken_in = measure(run(sheet, base_url, form))
        idle = measure(run(sheet, base_url, form))
    results = str(folder / "again.csv")
    for words in (["export", str(sheet), "-o", results], ["report", str(sheet)]):
        taken_in = less(taken_in, measure(Contender(name="", words=[*ROWMILL, *words], cwd=ROOT)))
    return created, replace(taken_in, cpu=taken_in.cpu + idle.cpu)


def main() -> None:
    """Print one line per run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=50_000, help="rows of one batch")
    parser.add_argument("--form", choices=FORMS, default="openai")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        costs = bought(Path(name), args.rows, args.size, args.form)
    lines = []
    for what, cost in zip(("load, pack, create", "take in"), costs, strict=True):
        line = [what, f"{cost.cpu:.1f}", f"{args.rows / cost.cpu:,.0f}", f"{cost.peak:.1f}"]
        lines.append(line)
    print(table(["run", "CPU s", "rows a CPU second", "peak MB"], lines))


if __name__ == "__main__":
    main()
