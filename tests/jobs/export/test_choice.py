"""Columns that were not asked for are left out."""

import pytest

from jobs.export.choice import chosen, projected, unknown_fields
from jobs.sheet.write.writers import Column, ColumnKind, ResultColumns

GRID = ResultColumns(
    columns=(
        Column(name="Prompt", kind=ColumnKind.OWN),
        Column(name="Cost price", kind=ColumnKind.OWN, hidden=True),
        Column(name="result_status", kind=ColumnKind.TEXT),
        Column(name="result_text", kind=ColumnKind.TEXT),
    )
)


@pytest.mark.parametrize(
    ("kind", "fields", "places"),
    [
        ("csv", None, [0, 2, 3]),
        ("tsv", {"text"}, [0, 3]),
        ("csv", {"cost price", "status", "text"}, None),
        ("csv", {"cost price"}, [0, 1]),
        ("jsonl", None, None),
        ("parquet", {"result_status"}, [0, 1, 2]),
    ],
)
def test_hidden_columns_go_into_csv_only_by_name(
    kind: str,
    fields: set[str] | None,
    places: list[int] | None,
) -> None:
    grid, found = chosen(GRID, kind=kind, fields=frozenset(fields) if fields else None)
    assert found == places
    left = range(4) if places is None else places
    assert list(grid.names) == [GRID.columns[place].name for place in left]


def test_a_workbook_hides_what_was_not_chosen() -> None:
    grid, places = chosen(GRID, kind="xlsx", fields=frozenset({"text"}))
    assert places is None
    assert [column.hidden for column in grid.columns] == [False, True, True, False]


def test_records_hold_the_chosen_columns_only() -> None:
    assert list(projected([["a", "b", "c"]], [0, 2])) == [["a", "c"]]


def test_a_name_is_ours_or_the_sheets() -> None:
    assert unknown_fields(["text", "result_cost", "prompt", "staus"], ["Prompt"]) == ["staus"]
