"""CPU of the whole runner per row, beside loops that only send: 0 ms answers, all durable."""

import argparse
import tempfile
from pathlib import Path

from .measuring import (
    HEADS,
    PYTHON,
    ROOT,
    Contender,
    Gateway,
    fresh,
    gateway,
    in_turn,
    less,
    lines_of,
    run_words,
    table,
)
from .sheets import write_sheet

REFERENCES = ("httpx-aiohttp", "aiohttp")


def contenders(folder: Path, gate: Gateway, *, rows: int, in_flight: int) -> list[Contender]:
    """The two loops and the runner over the same rows."""
    base = gate.base(0)
    sheet = write_sheet(folder / str(rows) / "chat.csv", rows)
    url = f"{base}/v1/chat/completions"
    counts = ["--rows", str(rows), "--in-flight", str(in_flight)]
    loops = [
        Contender(
            name=name,
            words=[PYTHON, "-m", "tests.bench.loops", name, url, *counts],
            cwd=ROOT,
        )
        for name in REFERENCES
    ]
    runner = Contender(
        name="rowmill run",
        words=run_words(sheet, base, in_flight=in_flight),
        cwd=folder,
        before=fresh(sheet),
    )
    return [*loops, runner]


def main() -> None:
    """Print one table for each number of calls in flight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[256, 1000])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, gateway() as gate:
        folder = Path(name)
        for in_flight in args.in_flight:
            start = in_turn(contenders(folder, gate, rows=1, in_flight=in_flight), rounds=1)
            costs = in_turn(
                contenders(folder, gate, rows=args.rows, in_flight=in_flight), rounds=args.rounds
            )
            whole = {f"{one}, whole command": cost for one, cost in costs.items()}
            alone = {one: less(cost, start[one]) for one, cost in costs.items()}
            print(f"\n{args.rows:,} rows, {in_flight} in flight; then less the cost of one row\n")
            print(
                table(
                    HEADS,
                    lines_of(whole, f"{REFERENCES[0]}, whole command", rows=args.rows)
                    + lines_of(alone, REFERENCES[0], rows=args.rows),
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
