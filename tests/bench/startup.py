"""The cost of starting, beside importing the required libraries."""

import argparse
import tempfile
from pathlib import Path

from .measuring import PYTHON, ROOT, ROWMILL, Contender, in_turn, loading, measure, table
from .sheets import write_sheet

PAIRS = (
    ("import click", "rowmill --version"),
    ("import click, sqlalchemy, rich.console", "rowmill status"),
)


def main() -> None:
    """Print both pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        sheet = write_sheet(Path(name) / "chat.csv", 1000)
        measure(loading(sheet))
        for reference, ours in PAIRS:
            extra = [str(sheet)] if ours.endswith("status") else []
            words = [*ROWMILL, *ours.split()[1:], *extra]
            bare = Contender(name=reference, words=[PYTHON, "-c", reference], cwd=ROOT)
            costs = in_turn([bare, Contender(name=ours, words=words, cwd=ROOT)], rounds=args.rounds)
            base = costs[reference].cpu
            lines += [
                [what, f"{cost.cpu:.3f}", f"{cost.cpu / base:.2f}", f"{cost.wall:.3f}"]
                for what, cost in costs.items()
            ]
    print(table(["what", "CPU s", "ratio", "wall s"], lines))


if __name__ == "__main__":
    main()
