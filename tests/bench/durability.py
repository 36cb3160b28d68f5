"""Measures the cost of durability: the same run with it switched off step by step."""

import argparse
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .measuring import (
    PYTHON,
    ROOT,
    ROWMILL,
    Contender,
    Gateway,
    forgotten,
    gateway,
    in_turn,
    run_words,
    table,
)
from .sheets import write_sheet

MEMORY = Path("/dev/shm")
SHIM = Path(__file__).parent / "no_sync.c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run the same sheet: its command, the place of its table, its shim."""

    name: str
    command: Sequence[str] = ROWMILL
    in_memory: bool = False
    synced: bool = True


WAYS = (
    Way(name="nothing stored", command=(PYTHON, "-m", "tests.bench.unstored"), in_memory=True),
    Way(name="table in memory", in_memory=True),
    Way(name="nothing forced to the disk", synced=False),
    Way(name="everything on"),
)


def compiled(folder: Path) -> Path:
    """The shim that answers every sync at once."""
    made = folder / "no_sync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(made), str(SHIM)], check=True)
    return made


def contenders(
    disk: Path, memory: Path, gate: Gateway, args: argparse.Namespace
) -> Iterator[Contender]:
    """Each way over a short and a long sheet, to subtract the cost of starting."""
    shim = compiled(disk)
    base = gate.base(args.milliseconds)
    for rows in (args.in_flight, args.rows):
        sheet = write_sheet(disk / str(rows) / "chat.csv", rows)
        for number, way in enumerate(WAYS):
            place = (memory if way.in_memory else disk) / f"{rows}-{number}"
            words = run_words(sheet, base, in_flight=args.in_flight)[len(ROWMILL) :]
            yield Contender(
                name=f"{way.name} {rows}",
                words=[*way.command, *words, "--workspace", str(place)],
                cwd=ROOT,
                before=forgotten(place),
                environ={} if way.synced else {"LD_PRELOAD": str(shim)},
            )


def main() -> None:
    """Print rate and CPU of each way; shares are relative to the run that stores nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=1000)
    parser.add_argument("--milliseconds", type=int, default=2000)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as disk,
        tempfile.TemporaryDirectory(dir=MEMORY) as memory,
        gateway() as gate,
    ):
        costs = in_turn(list(contenders(Path(disk), Path(memory), gate, args)), rounds=args.rounds)
    between = args.rows - args.in_flight
    rates: dict[str, tuple[float, float]] = {}
    for way in WAYS:
        long, short = costs[f"{way.name} {args.rows}"], costs[f"{way.name} {args.in_flight}"]
        rates[way.name] = (
            between / (long.wall - short.wall),
            (long.cpu - short.cpu) / between * 1e6,
        )
    rate, cpu = rates[WAYS[0].name]
    lines = [
        [name, f"{own:.0f}", f"{own / cpu:.2f}", f"{speed:.0f}", f"{speed / rate:.1%}"]
        for name, (speed, own) in rates.items()
    ]
    print(f"\n{args.in_flight:,} in flight, answers after {args.milliseconds} ms\n")
    print(table(["what", "CPU µs a row", "ratio", "rows/s", "share"], lines))


if __name__ == "__main__":
    main()
