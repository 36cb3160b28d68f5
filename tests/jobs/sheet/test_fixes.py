"""The workbook of corrections is readable on a laptop, in LibreOffice too."""

from pathlib import Path

import openpyxl

from jobs.sheet.write.fixes import LEADING_COLUMNS, FixRow, FixSheet, write_fixes


def test_the_cell_to_be_corrected_is_on_the_screen_and_no_text_overlaps(tmp_path: Path) -> None:
    layout = FixSheet(headers=("prompt", "id"), sent=frozenset({0}), hints=("x",), folder=tmp_path)
    rows = [
        FixRow(row=2, key="k", kind="refused", reason="r" * 100, words="w", cells=["a cat", "1"]),
        FixRow(row=3, key="k", kind="refused", reason="r", words="w", cells=["猫" * 100, "1"]),
        FixRow(row=4, key="k", kind="refused", reason="r", words="w", cells=["a\nb" * 99, "1"]),
        FixRow(row=5, key="k", kind="refused", reason="r", words="w", cells=["x", "1"]),
    ]
    with (tmp_path / "fixes.xlsx").open("w+b") as file:
        assert write_fixes(file, layout, rows) == 4
    page = openpyxl.load_workbook(tmp_path / "fixes.xlsx")["fixes"]
    letters = "ABCDEFG"[: len(LEADING_COLUMNS)]
    assert sum(page.column_dimensions[one].width for one in letters) < 90
    assert [page.row_dimensions[row].height for row in (2, 3, 4, 5)] == [45, 60, 180, None]
