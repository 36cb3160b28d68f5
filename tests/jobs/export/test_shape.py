"""The columns and the format of results follow from the sheet, its layout and the file name."""

from typing import Any

import pytest

from jobs.export.shape import columns, format_for, format_of, grid, own_columns
from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.text.safe_csv import MARKER_COLUMNS
from jobs.sheet.write.writers import ColumnKind
from jobs.store.loaded_sheets import LoadedSheet

MARKERS = tuple(sorted(MARKER_COLUMNS))


def sheet(
    *headers: str, name: str = "a.csv", layout: Any = None, options: Any = None
) -> LoadedSheet:
    return LoadedSheet(
        id=1,
        sheet=name,
        sheet_digest=b"",
        options_digest=b"",
        headers=headers,
        layout=layout or {},
        id_column=None,
        options=options or {},
        attached=[],
        loaded_at=0.0,
    )


def own(loaded: LoadedSheet) -> list[str]:
    return [loaded.headers[place] for place in own_columns(loaded)]


def test_the_users_columns_come_first_and_ours_follow() -> None:
    assert columns(sheet("b", "a", "b")) == ["b", "a", "b", *RESULT_COLUMNS]


def test_one_column_that_is_named_like_ours_is_the_users() -> None:
    assert own(sheet("prompt", "result_text")) == ["prompt", "result_text"]


def test_results_used_as_a_sheet_lose_the_last_column_of_each_of_our_names() -> None:
    loaded = sheet("result_text", "prompt", *MARKERS, "Result_Text ")
    assert own_columns(loaded) == (0, 1)


def test_an_old_result_that_feeds_a_request_is_kept() -> None:
    mapped = {"column": {"result_text": "prompt"}}
    loaded = sheet("prompt", "result_text", *MARKERS, options=mapped)
    last = max(place for place, name in enumerate(loaded.headers) if name == "result_text")
    assert last in own_columns(loaded)


@pytest.mark.parametrize(
    ("name", "layout", "found"),
    [
        ("a.csv", {}, "csv"),
        ("a.TSV", {}, "tsv"),
        ("a.ods", {}, "xlsx"),
        ("a.json", {}, "jsonl"),
        ("a.parquet", {}, "parquet"),
        ("a", {}, "csv"),
        ("a.odd", {}, "csv"),
        ("a.csv", {"format": "xlsx"}, "xlsx"),  # a workbook under a wrong name
    ],
)
def test_results_have_the_sheets_own_format(name: str, layout: Any, found: str) -> None:
    assert format_of(sheet("prompt", name=name, layout=layout)) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [("r.csv", "csv"), ("r.NDJSON", "jsonl"), ("r.xlsx", "xlsx"), ("r.xls", None), ("r.pdf", None)],
)
def test_a_file_name_asks_for_a_format_that_we_write(name: str, found: str | None) -> None:
    assert format_for(name) == found


def test_hidden_rows_columns_and_types_are_those_of_the_layout() -> None:
    layout = {"hidden_columns": [1], "hidden_rows": "2-4,9", "types": ["int64", "string"]}
    found = grid(sheet("a", "b", layout=layout))
    mine = [one for one in found.columns if one.kind is ColumnKind.OWN]
    assert [(one.arrow, one.hidden) for one in mine] == [("int64", False), ("string", True)]
    assert found.hidden_rows == {2, 3, 4, 9}


def test_types_of_another_number_of_columns_are_ignored() -> None:
    found = grid(sheet("a", "b", layout={"types": ["int64"]}))
    assert {one.arrow for one in found.columns} == {""}
