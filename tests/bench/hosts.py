"""Measures a run on PostgreSQL beside the same run on a folder, and what a row costs the server."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres_server import DURABLE, Server, running_server

from .measuring import (
    ROOT,
    Contender,
    Gateway,
    forgotten,
    gateway,
    in_turn,
    loading,
    measure,
    run_words,
    table,
)
from .sheets import write_sheet

IN_FOLDER = "--db=none"  # an earlier turn's database is remembered
TICKS = os.sysconf("SC_CLK_TCK")
HEADS = (
    "what",
    "rows/s",
    "share of SQLite",
    "CPU µs a row",
    "server CPU µs a row",
    "rows/s a core",
)


def server_cpu(server: Server) -> float:
    """Seconds of CPU that the server and its processes, ended ones included, have used."""
    assert server.process is not None
    postmaster = server.process.pid
    total = sum(_times(postmaster))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(entry) == postmaster:
            total += sum(_times(int(entry.name))[:2])
    return total / TICKS


def _stat(folder: Path) -> list[str]:
    try:
        return (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _parent(folder: Path) -> int:
    found = _stat(folder)
    return int(found[1]) if found else 0


def _times(pid: int) -> Sequence[int]:
    """Its own time in user and kernel, and that of its children that ended."""
    found = _stat(Path(f"/proc/{pid}"))
    return [int(one) for one in found[11:15]] if found else [0, 0, 0, 0]


def runs(sheet: Path, base: str, in_flight: int) -> Contender:
    """A run on a folder."""
    return Contender(
        name="SQLite",
        words=[*run_words(sheet, base, in_flight=in_flight), IN_FOLDER],
        cwd=ROOT,
        before=forgotten(sheet.with_suffix(".rowmill")),
    )


def shared(one: Contender, sheet: Path, server: Server) -> Contender:
    """The same on a new database."""
    return Contender(
        name="PostgreSQL",
        words=[*(word for word in one.words if word != IN_FOLDER), "--db", server.new_database()],
        cwd=ROOT,
        before=forgotten(sheet.with_suffix(".rowmill")),
        ends=one.ends,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one run took: seconds, and the CPU of the run and of the server."""

    wall: float
    cpu: float
    server: float

    def less(self, other: "Spent") -> "Spent":
        """Without what a shorter run takes too."""
        return Spent(
            wall=self.wall - other.wall,
            cpu=self.cpu - other.cpu,
            server=self.server - other.server,
        )


def spent(one: Contender, server: Server) -> Spent:
    """Run it once."""
    before = server_cpu(server)
    cost = measure(one)
    return Spent(wall=cost.wall, cpu=cost.cpu, server=server_cpu(server) - before)


def best_of(
    folder: Path, base: str, server: Server, args: argparse.Namespace, rows: int
) -> dict[str, Spent]:
    """The quickest of several runs over so many rows, on each place in turn."""
    sheet = write_sheet(folder / f"{base.rpartition('/')[2]}-{rows}" / "chat.csv", rows)
    alone = runs(sheet, base, args.in_flight)
    found: dict[str, list[Spent]] = {"SQLite": [], "PostgreSQL": []}
    for _ in range(args.rounds):
        found["SQLite"].append(spent(alone, server))
        found["PostgreSQL"].append(spent(shared(alone, sheet, server), server))
    return {name: min(some, key=lambda one: one.wall) for name, some in found.items()}


def compare_runs(
    folder: Path, gate: Gateway, server: Server, args: argparse.Namespace
) -> Iterator[list[str]]:
    """A line for each place and each time of an answer, less what starting and ending take."""
    for milliseconds in (0, 500):
        base = gate.base(milliseconds)
        few, many = (
            best_of(folder, base, server, args, rows) for rows in (args.in_flight, args.rows)
        )
        rows = args.rows - args.in_flight
        net = {name: many[name].less(few[name]) for name in many}
        for name, cost in net.items():
            is_shared = name == "PostgreSQL"
            yield [
                f"{name}, {milliseconds} ms",
                f"{rows / cost.wall:,.0f}",
                f"{net['SQLite'].wall / cost.wall:.2f}",
                f"{cost.cpu / rows * 1e6:.0f}",
                f"{cost.server / rows * 1e6:.0f}" if is_shared else "-",
                f"{rows / cost.server:,.0f}" if is_shared else "-",
            ]


def compare_loads(folder: Path, server: Server, rows: int) -> list[str]:
    """Seconds to load a sheet into a new table of each kind."""
    sheet = write_sheet(folder / "load" / "chat.csv", rows)
    alone = loading(sheet)
    costs = in_turn([alone], rounds=1)[alone.name], measure(shared(alone, sheet, server))
    seconds = [cost.wall for cost in costs]
    return [f"{rows:,} rows", *(f"{one:.1f}" for one in seconds), f"{seconds[1] / seconds[0]:.2f}"]


def main() -> None:
    """Print what a run and a load take on each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--load", type=int, default=200_000)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        running_server(DURABLE) as server,
        gateway() as gate,
    ):
        assert server is not None, "PostgreSQL is not installed"
        print(table(HEADS, list(compare_runs(Path(name), gate, server, args))))
        print()
        loads = compare_loads(Path(name), server, args.load)
        print(table(("load", "SQLite s", "PostgreSQL s", "ratio"), [loads]))


if __name__ == "__main__":
    main()
