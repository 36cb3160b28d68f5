"""A sheet whose rows are nearly all blank cells is refused; a dense one of any size is not."""

from pathlib import Path

import pytest

from jobs.sheet.area import MAX_COLUMNS, MAX_SPARSE_CELLS, MAX_SPARSENESS, Area
from jobs.sheet.finding import SheetError

PATH = Path("a.jsonl")


def area(rows: int, cells_in_each: int) -> Area:
    found = Area()
    for _ in range(rows):
        found.add_row(cells_in_each)
    return found


def refusal(found: Area, columns: int) -> str:
    with pytest.raises(SheetError) as caught:
        found.check(PATH, columns)
    return caught.value.findings[0].kind


def test_more_columns_than_excel_has_are_refused() -> None:
    area(1, MAX_COLUMNS).check(PATH, MAX_COLUMNS)
    assert refusal(area(1, 1), MAX_COLUMNS + 1) == "too_many_columns"


def test_a_large_area_must_not_be_nearly_empty() -> None:
    columns = 1_000
    rows = MAX_SPARSE_CELLS // columns + 1
    assert refusal(area(rows, 1), columns) == "too_sparse"
    area(rows, columns // MAX_SPARSENESS).check(PATH, columns)


def test_a_small_area_may_be_empty() -> None:
    area(2, 1).check(PATH, 1_000)
