"""Results as a workbook, beside XlsxWriter alone on the same cells.

Ours reads the table, cleans and measures texts, colours, links, lists the failures and sums up; the
reference only writes cells (and pictures) that are ready in a file of JSON lines.
"""

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from jobs.export import ExportOptions, write_results
from jobs.export.records import records
from jobs.export.shape import columns
from jobs.store import Store
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.queries.results import results
from jobs.store.queries.totals import spent
from jobs.thumbnails import thumb_path

from .measuring import HEADS, PYTHON, ROOT, Contender, in_turn, lines_of, table
from .sheets import PROMPT

CASES = (("100,000 rows", 100_000, 0), ("5,000 rows with thumbnails", 5_000, 5_000))
EDGE = 256


def make(folder: Path, rows: int, pictures: int) -> None:
    """A table of done rows, the thumbnails, and the same cells for the reference."""
    from tests.support.builders import Fate, Sheet, make_table  # noqa: PLC0415 - only where a table is made

    cells = [[f"row-{k}", PROMPT.format(row=k), "north", "high"] for k in range(rows)]
    fates = [
        Fate(
            text=f"The answer to row {k}, as long as an answer of a few words is.",
            files=(f"{k}.png",) if k < pictures else (),
            cost=0.001,
            tokens=(30, 20),
            request_id=f"req-{k}",
        )
        for k in range(rows)
    ]
    loaded = make_table(
        folder, Sheet(headers=["sku", "prompt", "shelf", "note"], rows=cells), fates
    )
    for k in range(pictures):
        _thumbnail(thumb_path(folder, f"{k}.png"), seed=k)
    store = Store.look(folder / "jobs.db")
    with store.read() as tx, (folder / "cells.jsonl").open("w") as out:
        out.write(json.dumps(columns(loaded)) + "\n")
        for record in records(results(tx, 1), loaded, files_at="files"):
            out.write(json.dumps(record) + "\n")
    store.close()


def _thumbnail(path: Path, *, seed: int) -> None:
    """A unique JPEG of about 10 kB."""
    from PIL import Image, ImageFilter  # noqa: PLC0415 - only where pictures are made

    path.parent.mkdir(exist_ok=True)
    noise = random.Random(seed).randbytes(EDGE * EDGE * 3)
    image = Image.frombytes("RGB", (EDGE, EDGE), noise).filter(ImageFilter.GaussianBlur(2))
    image.save(path, "JPEG", quality=80)


def ours(folder: Path) -> None:
    """Write it as the command does."""
    store = Store.look(folder / "jobs.db")
    with store.read() as tx:
        loaded = loaded_sheet(tx, 1)
        assert loaded is not None
        given = ExportOptions(
            workspace=folder, spent=spent(tx, 1), thumbs=(folder / "thumbs").exists()
        )
        write_results(results(tx, 1), loaded, folder / "results.xlsx", options=given, format="xlsx")
    store.close()


def alone(folder: Path) -> None:
    """XlsxWriter with the same cells and pictures, and nothing else."""
    from xlsxwriter import Workbook  # noqa: PLC0415 - as the command does

    book = Workbook(str(folder / "alone.xlsx"), {"constant_memory": True})
    page = book.add_worksheet()
    with (folder / "cells.jsonl").open() as lines:
        for row, line in enumerate(lines):
            for column, value in enumerate(json.loads(line)):
                if isinstance(value, str) and value:
                    page.write_string(row, column, value)
                elif isinstance(value, int | float):
                    page.write_number(row, column, value)
                elif isinstance(value, list) and value:
                    page.write_string(row, column, "\n".join(value))
            thumbnail = thumb_path(folder, f"{row - 1}.png")
            if row and thumbnail.exists():
                page.set_row_pixels(row, 124)
                scale = {"x_scale": 0.375, "y_scale": 0.375, "object_position": 1}
                page.insert_image(row, 4, str(thumbnail), scale)
    book.close()


def main() -> None:
    """One table a case."""
    for name, rows, pictures in CASES:
        folder = Path(tempfile.mkdtemp(prefix="rowmill-bench-"))
        try:
            make(folder, rows, pictures)
            words = [PYTHON, "-m", "tests.bench.workbooks"]
            found = in_turn(
                [
                    Contender(name=what, words=[*words, what, str(folder)], cwd=ROOT)
                    for what in ("alone", "ours")
                ],
                rounds=3,
            )
            size = (folder / "results.xlsx").stat().st_size / 1e6
            print(f"\n{name}: {size:.1f} MB\n")
            print(table(HEADS, lines_of(found, "alone", rows=rows)))
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ours", folder]:
            ours(Path(folder))
        case ["alone", folder]:
            alone(Path(folder))
        case _:
            main()
