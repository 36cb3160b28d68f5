"""The workbook of corrections is readable on a laptop, in LibreOffice too."""

from pathlib import Path

import openpyxl

from jobs.sheet.result_names import chinese_name
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


def written(
    tmp_path: Path, *, chinese: bool, sent: frozenset[int], wrong: str | None = None
) -> openpyxl.Workbook:
    layout = FixSheet(
        headers=("id", "prompt"), sent=sent, hints=("x",), folder=tmp_path, chinese=chinese
    )
    row = FixRow(row=2, key="k", kind="x", reason="r", words="w", cells=["1", "a cat"], wrong=wrong)
    with (tmp_path / "fixes.xlsx").open("w+b") as file:
        write_fixes(file, layout, [row])
    return openpyxl.load_workbook(tmp_path / "fixes.xlsx")


def test_the_workbook_opens_at_the_cell_to_be_corrected(tmp_path: Path) -> None:
    book = written(tmp_path, chinese=False, sent=frozenset({1}))
    page = book["fixes"]
    assert book.active is page
    assert {one.activeCell for one in page.sheet_view.selection if one.pane == "bottomRight"} == {
        "G2"
    }
    assert page["G2"].value == "a cat"


def test_without_a_column_for_requests_it_opens_at_the_first_own_cell(tmp_path: Path) -> None:
    page = written(tmp_path, chinese=False, sent=frozenset())["fixes"]
    assert "F2" in {one.activeCell for one in page.sheet_view.selection}


def test_a_cell_that_is_known_to_be_wrong_is_the_one_it_opens_at(tmp_path: Path) -> None:
    page = written(tmp_path, chinese=False, sent=frozenset({1}), wrong="id")["fixes"]
    assert "F2" in {one.activeCell for one in page.sheet_view.selection}


def test_a_chinese_workbook_has_chinese_tabs_and_headers(tmp_path: Path) -> None:
    book = written(tmp_path, chinese=True, sent=frozenset({1}))
    assert book.sheetnames == ["改正", "说明"]
    heads = [cell.value for cell in book["改正"][1]]
    assert heads == [*map(chinese_name, LEADING_COLUMNS), "id", "prompt"]
