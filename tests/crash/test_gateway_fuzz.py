"""The invariants hold with random gateways, kills and clock jumps."""

import csv
import os
import random
import signal
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.store import Store
from runner.exits import Exit
from runner.views.audit import compare
from tests.support.chaotic_gateway import (
    PRICE,
    Chaos,
    ChaoticGateway,
    Part,
    random_part,
    text_of,
)

from .harness import KEY, ROOT
from .prefork import Forked, Prefork

ENDED = ("done", "failed", "in_doubt")
MAX_RUN_SECONDS = 100.0  # on a busy machine
GOOD_EXITS = frozenset({Exit.DONE, Exit.SOME_FAILED})


@dataclass(slots=True)
class Sheet:
    """One small sheet and one chaotic gateway."""

    folder: Path
    chaos: Chaos
    url: str
    prefork: Prefork
    options: tuple[str, ...] = ()
    kills: int = 0
    told: list[str] = field(default_factory=list)

    def start(self) -> Forked:
        """Start the real command as a process."""
        number = len(self.told)
        out, err = self.folder / f"out-{number}.txt", self.folder / f"err-{number}.txt"
        self.told.append(str(err))
        words = ["run", str(self.folder / "a.csv"), "-e", "chat", "-m", "m", "-y"]
        words += ["--base-url", self.url, "--progress", "none", *self.options]
        return self.prefork.start(words, environ=self._environment(), out=out, err=err)

    def finish(self) -> int:
        """Run without interference; returns the exit code."""
        process = self.start()
        try:
            return process.wait(MAX_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"a run did not end: {self.last_words}") from None

    def killed(self, after: float) -> None:
        """Kill a run after so many seconds, unless it ends first."""
        process = self.start()
        time.sleep(after)
        self.kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(30)

    @property
    def last_words(self) -> str:
        return Path(self.told[-1]).read_text(encoding="utf-8", errors="replace")[-2000:]

    def jump(self, seconds: float) -> None:
        """Make the wall clock jump, for later runs or for the current one."""
        (self.folder / "clock").write_text(str(seconds), encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        places = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        return {
            "PATH": os.environ.get("PATH", ""),
            **dict.fromkeys(places, str(home)),
            "PYTHONPATH": str(ROOT),
            "ROWMILL_API_KEY": KEY,
            "LANG": "C.UTF-8",
            "SHIM_CLOCK": str(self.folder / "clock"),
        }

    def results(self) -> dict[int, dict[str, str]]:
        with (self.folder / "a.rowmill/results.csv").open(encoding="utf-8-sig") as file:
            return {int(line["id"]): line for line in csv.DictReader(file)}


def problems_of(sheet: Sheet, code: int) -> list[str]:
    """The invariants that fail after the last run, which had no interference."""
    found = []
    if code not in GOOD_EXITS:
        found.append(f"the last run ended with {code}: {sheet.last_words}")
    with closing(Store.look(sheet.folder / "a.rowmill/jobs.db")) as store:
        books = compare(sheet.chaos.bill, store)
    if not books.balanced:
        found.append(f"books: {books}")
    for row, line in sheet.results().items():
        found += _problems_of_row(sheet, row, line)
    return found


def _problems_of_row(sheet: Sheet, row: int, line: dict[str, str]) -> list[str]:
    part, status = sheet.chaos.parts[row], line["result_status"]
    tally = sheet.chaos.tallies.get(row)
    where = f"row {row} ({part}, {tally}): {status} {line['result_error']}"
    found = []
    if status not in ENDED:
        found.append(f"starved: {where}")
    if part.always:
        return found if status == "failed" else [*found, f"should have failed: {where}"]
    if tally is None:
        return [*found, f"never sent: {where}"]
    if tally.whole and not sheet.kills and status != "done":
        found.append(f"an answer that was sent whole is lost: {where}")
    if status == "done" and line["result_text"] != text_of(row):
        found.append(f"not what was sent: {where}: {line['result_text'][:80]}")
    if status == "failed":
        found.append(f"failed though its answer could be had: {where}")
    if tally.billed > 1 + tally.doubted + sheet.kills:
        found.append(f"paid too often: {where}")
    return found


def one_sheet(folder: Path, prefork: Prefork, seed: int) -> tuple[Sheet, list[str]]:
    """A random sheet, gateway and sequence of kills, all derived from a seed."""
    luck = random.Random(seed)
    folder.mkdir()
    rows = luck.randrange(3, 13)
    parts = {row: random_part(luck) for row in range(1, rows + 1)}
    if luck.random() < 0.2:
        parts[luck.randrange(1, rows + 1)] = Part(
            turns=[], wrapping="plain", stream="plain", always=luck.choice(("400", "429"))
        )
    streamed = luck.random() < 0.5
    lines = "".join(f'{row},"row {row}. A lamp"\n' for row in parts)
    (folder / "a.csv").write_text("id,prompt\n" + lines, encoding="utf-8")
    (folder / "clock").write_text("0", encoding="utf-8")
    chaos = Chaos(parts=parts, bill=folder / "bill.jsonl")
    options: tuple[str, ...] = ("-c", str(luck.choice((1, 3, 8))))
    options += ("--set", "stream=true") if streamed else ()
    with ChaoticGateway(chaos) as gateway:
        sheet = Sheet(folder=folder, chaos=chaos, url=gateway.url, prefork=prefork, options=options)
        for _ in range(luck.choice((0, 0, 1, 2))):
            sheet.killed(luck.uniform(0.2, 1.5))
            if luck.random() < 0.5:
                sheet.jump(luck.choice((-86_400.0, -3_600.0, 3_600.0, 86_400.0)))
        code = sheet.finish()
        return sheet, problems_of(sheet, code)


def fuzz(tmp_path: Path, prefork: Prefork, seeds: range) -> None:
    """Run the sheets of all these seeds; returns one line of counts."""
    calls = billed = kills = 0
    failed = []
    for seed in seeds:
        sheet, problems = one_sheet(tmp_path / str(seed), prefork, seed)
        calls += sum(one.calls for one in sheet.chaos.tallies.values())
        billed += sum(one.billed for one in sheet.chaos.tallies.values())
        kills += sheet.kills
        failed += [f"seed {seed}: {problem}" for problem in problems]
    print(
        f"{len(seeds)} sheets: {calls} calls, {billed} billed, {kills} kills, {len(failed)} wrong"
    )
    assert not failed, "\n".join(failed)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_random_gateways_lose_no_answer_and_starve_no_row(tmp_path: Path, prefork: Prefork) -> None:
    fuzz(tmp_path, prefork, range(8))


@pytest.mark.long
@pytest.mark.timeout(0)
def test_many_random_gateways_lose_no_answer_and_starve_no_row(
    tmp_path: Path, prefork: Prefork, pytestconfig: pytest.Config
) -> None:
    """`--sheets` sets the number of sheets."""
    fuzz(tmp_path, prefork, range(1000, 1000 + int(pytestconfig.getoption("--sheets"))))


@pytest.mark.deep
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_a_cap_holds_against_a_random_gateway(tmp_path: Path, prefork: Prefork, seed: int) -> None:
    """The runs are killed on the way; calls in doubt count at their price."""
    luck = random.Random(7000 + seed)
    rows, cap = 12, 0.05
    parts = {row: random_part(luck) for row in range(1, rows + 1)}
    (tmp_path / "clock").write_text("0", encoding="utf-8")
    lines = "".join(f'{row},"row {row}. A lamp"\n' for row in parts)
    (tmp_path / "a.csv").write_text("id,prompt\n" + lines, encoding="utf-8")
    prices = tmp_path / "prices.toml"
    prices.write_text(f'[prices."m"]\ncall = {PRICE}\ncurrency = "USD"\n', encoding="utf-8")
    chaos = Chaos(parts=parts, bill=tmp_path / "bill.jsonl")
    with ChaoticGateway(chaos) as gateway:
        sheet = Sheet(
            folder=tmp_path,
            chaos=chaos,
            url=gateway.url,
            prefork=prefork,
            options=("--max-cost", str(cap), "-c", "8", "--config", str(prices)),
        )
        sheet.killed(luck.uniform(0.3, 1.0))
        for _ in range(2):
            assert sheet.finish() in (Exit.STOPPED, Exit.SOME_FAILED, Exit.DONE), sheet.last_words
    billed = sum(one.billed for one in chaos.tallies.values())
    assert billed * PRICE <= cap + 1e-9, chaos.tallies
    assert billed >= 2
