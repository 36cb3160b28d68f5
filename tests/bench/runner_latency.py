"""Rate of the whole runner with slow answers, as a share of the bare loop's rate."""

import argparse
import tempfile
from pathlib import Path

from .measuring import PYTHON, ROOT, Contender, fresh, gateway, in_turn, run_words, table
from .sheets import write_sheet

LOOP = "httpx-aiohttp"


def main() -> None:
    """Print the rates, each from a long minus a short run, to cancel out starting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=1000)
    parser.add_argument("--milliseconds", type=int, default=2000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, gateway() as gate:
        base = gate.base(args.milliseconds)
        contenders = []
        for rows in (args.in_flight, args.rows):
            counts = ["--rows", str(rows), "--in-flight", str(args.in_flight)]
            url = f"{base}/v1/chat/completions"
            loop = [PYTHON, "-m", "tests.bench.loops", LOOP, url, *counts]
            contenders.append(Contender(name=f"{LOOP} {rows}", words=loop, cwd=ROOT))
            sheet = write_sheet(Path(name) / str(rows) / "chat.csv", rows)
            words = run_words(sheet, base, in_flight=args.in_flight)
            contenders.append(
                Contender(name=f"rowmill run {rows}", words=words, cwd=ROOT, before=fresh(sheet))
            )
        costs = in_turn(contenders, rounds=args.rounds)
    between = args.rows - args.in_flight
    rates = {}
    for what in (LOOP, "rowmill run"):
        long, short = costs[f"{what} {args.rows}"], costs[f"{what} {args.in_flight}"]
        rates[what] = between / (long.wall - short.wall), (long.cpu - short.cpu) / between * 1e6
    lines = [
        [what, f"{cpu:.0f}", f"{rate:.0f}", f"{rate / rates[LOOP][0]:.1%}"]
        for what, (rate, cpu) in rates.items()
    ]
    print(f"\n{args.in_flight:,} in flight, answers after {args.milliseconds} ms\n")
    print(table(["what", "CPU µs a row", "rows/s", "share"], lines))


if __name__ == "__main__":
    main()
