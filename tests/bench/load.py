"""A sheet into the table, beside the sqlite3 shell's own import into a table with a unique key."""

import argparse
import tempfile
from pathlib import Path

from .measuring import HEADS, ROOT, Contender, in_turn, lines_of, loading, table
from .sheets import write_sheet

SCRIPT = """\
pragma journal_mode=wal;
create table lines (sku text unique, prompt text, shelf text, note text);
.mode csv
.import --skip 1 {sheet} lines
"""
REFERENCE = "sqlite3 .import"


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sheet = write_sheet(Path(name) / "chat.csv", args.rows)
        target = sheet.with_name("plain.db")
        shell = Contender(
            name=REFERENCE,
            words=["sqlite3", str(target)],
            cwd=ROOT,
            before=lambda: target.unlink(missing_ok=True),
            feed=SCRIPT.format(sheet=sheet),
        )
        costs = in_turn([shell, loading(sheet)], rounds=args.rounds)
    print(table(HEADS, lines_of(costs, REFERENCE, rows=args.rows)))


if __name__ == "__main__":
    main()
