"""The sheets of the benchmarks."""

import csv
from pathlib import Path

PROMPT = (
    "row {row}: a red fox in the snow, oil painting, soft morning light, wide angle,"
    " highly detailed, muted colours, film grain"
)


def write_sheet(path: Path, rows: int) -> Path:
    """A CSV of that many chat rows: id, prompt and two columns that are carried along.

    It gets a folder of its own: beside a sheet with the same rows it would count as that one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "prompt", "shelf", "note"])
        writer.writerows(
            [f"row-{row}", PROMPT.format(row=row), "north", "high"] for row in range(rows)
        )
    return path
