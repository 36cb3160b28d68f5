"""What a sheet hides is on no page: hidden columns are not told, hidden rows are left out."""

import openpyxl

from tests.support.world import TEXT, World


def test_hidden_columns_and_rows_are_on_no_page(world: World) -> None:
    sheet = world.folder / "a.xlsx"
    book = openpyxl.Workbook()
    tab = book.active
    assert tab is not None
    tab.append(["prompt", "shop", "supplier price"])
    for number in range(6):
        tab.append([f"a fox {number}", "north" if number % 2 else "south", f"secret {number % 2}"])
    tab.column_dimensions["C"].hidden = True
    tab.row_dimensions[4].hidden = True
    book.save(sheet)
    assert world.run("run", sheet, *TEXT).code == 0
    world.run("report", sheet)
    page = (world.workspace(sheet).folder / "report.html").read_text(encoding="utf-8")
    assert "north" in page
    assert "supplier price" not in page
    assert "secret" not in page
    assert "a fox 1" in page
    assert "a fox 2" not in page  # row 4
    assert "1 row hidden in the sheet is left out." in page
