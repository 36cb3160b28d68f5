"""Loading a workbook, beside calamine alone reading all its cells in its own process."""

import argparse
import tempfile
from pathlib import Path

import xlsxwriter

from .measuring import HEADS, PYTHON, ROOT, Contender, in_turn, lines_of, loading, table
from .sheets import PROMPT

REFERENCE = "calamine, reading"
READ = """\
import sys, python_calamine
python_calamine.load_workbook(sys.argv[1]).get_sheet_by_index(0).to_python()
"""


def write_workbook(path: Path, rows: int) -> Path:
    """An xlsx with that many chat rows and the columns of the CSV that `load` reads."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["sku", "prompt", "shelf", "note"])
        for row in range(rows):
            sheet.write_row(row + 1, 0, [f"row-{row}", PROMPT.format(row=row), "north", "high"])
    return path


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sheet = write_workbook(Path(name) / "chat.xlsx", args.rows)
        reader = Contender(
            name=REFERENCE,
            words=[PYTHON, "-c", READ, str(sheet)],
            cwd=ROOT,
        )
        costs = in_turn([reader, loading(sheet)], rounds=args.rounds)
    print(table(HEADS, lines_of(costs, REFERENCE, rows=args.rows)))


if __name__ == "__main__":
    main()
