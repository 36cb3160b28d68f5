"""Peak memory of the whole runner over a small and a large sheet; it must not grow with rows."""

import argparse
import tempfile
from pathlib import Path

from .measuring import ROOT, Contender, fresh, gateway, measure, run_words, table
from .sheets import write_sheet


def main() -> None:
    """Print one line per sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--in-flight", type=int, default=256)
    args = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as name, gateway() as gate:
        for rows in args.rows:
            sheet = write_sheet(Path(name) / str(rows) / "chat.csv", rows)
            words = run_words(sheet, gate.base(0), in_flight=args.in_flight)
            cost = measure(Contender(name="", words=words, cwd=ROOT, before=fresh(sheet)))
            line = [f"{rows:,}", f"{cost.cpu:.1f}", f"{cost.wall:.1f}", f"{cost.peak:.1f}"]
            lines.append(line)
    print(table(["rows", "CPU s", "wall s", "peak MB"], lines))


if __name__ == "__main__":
    main()
