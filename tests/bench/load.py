"""Loading a sheet, beside the sqlite3 shell's import into a table of job rows.

The shell's `.import` cannot fill columns that a sheet does not have, so it goes through a second
table without an index, as one would write it by hand.
"""

import argparse
import tempfile
from pathlib import Path

from .measuring import HEADS, ROOT, Contender, in_turn, lines_of, loading, table
from .sheets import write_sheet

SCRIPT = """\
pragma journal_mode=wal;
pragma synchronous=normal;
create table job (
    id integer primary key, sku text unique, prompt text, shelf text, note text,
    state text default 'ready', attempts integer default 0
);
create table lines (sku, prompt, shelf, note);
.mode csv
.import --skip 1 {sheet} lines
insert into job (sku, prompt, shelf, note) select * from lines;
drop table lines;
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
