"""A results file has the user's columns unchanged and ours as promised, and is never partial."""

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from jobs.export import (
    ExportOptions,
    OutputError,
    Written,
    columns,
    format_of,
    results_path,
    stream_results,
    write_results,
)
from jobs.job import JSON
from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.formula import undo
from jobs.sheet.reader import open_sheet
from jobs.sheet.write import workbook
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.results import ResultRow
from tests.support.builders import NOW, PENDING, Fate, Sheet, make_table
from tests.support.exported import (
    FATES,
    FORMATS,
    HEADERS,
    NASTY,
    PLAIN,
    fields_of,
    only_row,
    ours,
    read_delimited,
    read_lines,
    written,
)


@pytest.mark.parametrize(("kind", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_own_columns_are_exact_in_delimited_results(
    tmp_path: Path, kind: str, delimiter: str
) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / f"results.{kind}"
    done = written(tmp_path, loaded, target, format=kind)
    assert done == Written(path=target, rows=5, moved=False)
    raw = target.read_bytes()
    assert raw.startswith("\ufeff编号".encode())
    assert raw.endswith(b"\r\n")
    head, *rows = read_delimited(target, delimiter)
    assert head == columns(loaded) == [*HEADERS, *RESULT_COLUMNS]
    assert [row[:4] for row in rows] == NASTY


def test_our_columns_say_what_became_of_each_row(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.csv"
    written(tmp_path, loaded, target, format="csv")
    done, refused, doubtful, pending, pictures = map(ours, read_delimited(target)[1:])
    assert done["result_status"] == "done"
    assert (done["result_cost"], done["result_seconds"]) == ("0.02", "1.235")
    tokens = ("result_prompt_tokens", "result_completion_tokens", "result_total_tokens")
    assert [done[name] for name in tokens] == ["10", "20", "30"]
    assert json.loads(done["result_data"]) == {"a": [1, "ü"]}
    assert (done["result_row"], done["result_key"], done["result_attempts"]) == ("2", "2", "1")
    assert (done["result_model"], done["result_finish"]) == ("m-2026", "stop")
    moment = datetime.fromisoformat(done["result_finished_at"])
    assert moment.timestamp() == NOW + 60
    assert moment.utcoffset() is not None
    assert refused["result_status"] == "failed"
    assert refused["result_error_class"] == "refused"
    assert doubtful["result_status"] == "in_doubt"
    assert doubtful["result_error"] == "cut off"
    unknown = set(RESULT_COLUMNS) - {
        *("result_status", "result_attempts", "result_model", "result_row", "result_key"),
    }
    assert pending["result_status"] == "pending"
    assert {pending[name] for name in unknown} == {""}
    assert pictures["result_files"] == "files/5-cat-1.png\nfiles/5-cat-2.png"
    assert pictures["result_urls"].split("\n")[1] == "https://cdn.example/5-cat-2.png"
    assert pictures["result_cost"] == ""


def test_our_foreign_text_is_neutralised_in_csv_and_the_users_is_not(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.csv"
    written(tmp_path, loaded, target, format="csv")
    rows = read_delimited(target)[1:]
    assert rows[0][1] == "=1+1"
    assert ours(rows[0])["result_text"] == '\'=HYPERLINK("http://e.x")'
    assert ours(rows[1])["result_error"] == "'=no, sorry"
    assert ours(rows[4])["result_request_id"] == "'@id"


def test_safe_csv_covers_all_columns_and_is_undone_exactly(tmp_path: Path) -> None:
    sheet = Sheet(headers=("=h", "prompt", "a", "b"), rows=NASTY)
    loaded = make_table(tmp_path, sheet, FATES)
    written(tmp_path, loaded, tmp_path / "safe.csv", format="csv", safe=True)
    rows = read_delimited(tmp_path / "safe.csv")
    assert rows[0][0] == "'=h"
    assert rows[1][1] == "'=1+1"
    assert [[undo(cell) for cell in row[:4]] for row in rows[1:]] == NASTY
    assert ours(rows[2])["result_row"] == "3"


def test_jsonl_has_the_columns_in_order_with_real_lists_and_null_for_unknown(
    tmp_path: Path,
) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.jsonl"
    written(tmp_path, loaded, target, format="jsonl")
    rows = read_lines(target)
    assert list(rows[0]) == ["编号", "prompt", "note", "note (2)", *RESULT_COLUMNS]
    assert [list(row.values())[:4] for row in rows] == NASTY
    assert rows[4]["result_files"] == ["files/5-cat-1.png", "files/5-cat-2.png"]
    assert rows[0]["result_text"] == '=HYPERLINK("http://e.x")'
    assert rows[0]["result_data"] == {"a": [1, "ü"]}
    assert (rows[0]["result_cost"], rows[4]["result_cost"]) == (0.02, None)
    assert rows[3]["result_files"] == []


TYPED: list[list[JSON]] = [
    ["a", 1, True, 1.5, ["x", "y"], {"k": [1, None]}, 1, 9007199254740993],
    ["b", None, None, 2, [], None, "one", 2**70],
    [None, 3, False, None, None, {"k": 2}, [1], None],
]
TYPED_HEADERS = ("t", "i", "b", "f", "l", "o", "mixed", "wide")


def test_typed_cells_keep_their_json_types_in_jsonl(tmp_path: Path) -> None:
    sheet = Sheet(headers=TYPED_HEADERS, rows=TYPED, format="json", typed=True)
    loaded = make_table(tmp_path, sheet)
    target = results_path(tmp_path, loaded)
    assert target == tmp_path / "results.jsonl"
    written(tmp_path, loaded, target, format=format_of(loaded))
    assert [list(row.values())[:8] for row in read_lines(target)] == TYPED


def test_typed_cells_keep_their_types_in_parquet_where_a_column_has_one(tmp_path: Path) -> None:
    sheet = Sheet(headers=TYPED_HEADERS, rows=TYPED, format="parquet", typed=True)
    loaded = make_table(tmp_path, sheet, FATES[:1])
    target = tmp_path / "results.parquet"
    written(tmp_path, loaded, target, format="parquet")
    table = pq.read_table(target).to_pydict()
    assert list(table) == columns(loaded)
    assert table["t"] == ["a", "b", None]
    assert table["i"] == [1, None, 3]
    assert table["b"] == [True, None, False]
    assert table["f"] == [1.5, 2.0, None]
    assert table["l"] == [["x", "y"], [], None]
    assert table["o"] == ['{"k":[1,null]}', None, '{"k":2}']
    assert table["mixed"] == ["1", "one", "[1]"]
    assert table["wide"] == ["9007199254740993", str(2**70), None]
    assert table["result_cost"] == [0.02, None, None]
    assert table["result_data"] == ['{"a":[1,"ü"]}', None, None]


def test_own_columns_are_exact_in_parquet(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.parquet"
    written(tmp_path, loaded, target, format="parquet")
    table = pq.read_table(target)
    assert table.column_names[:4] == ["编号", "prompt", "note", "note (2)"]
    assert [list(row.values())[:4] for row in table.to_pylist()] == NASTY
    assert table["result_files"].to_pylist()[4] == ["files/5-cat-1.png", "files/5-cat-2.png"]


def test_a_workbook_holds_every_own_cell_as_text_and_nothing_as_a_formula(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.xlsx"
    done = written(tmp_path, loaded, target, format="xlsx")
    assert (done.texts, done.replaced) == (1, 0)
    rows = CalamineWorkbook.from_path(str(target)).get_sheet_by_name("results").to_python()
    assert rows[0] == columns(loaded)
    note = "[40,000 characters: texts/6-prompt.txt]"
    assert [row[:4] for row in rows[1:5]] == NASTY[:4]
    assert rows[5][:4] == ["5", note, *NASTY[4][2:]]
    assert (tmp_path / "texts/6-prompt.txt").read_text() == "x" * 40_000
    sheet = openpyxl.load_workbook(target)["results"]
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert kinds == {"s", "n", "inlineStr"} - {"inlineStr"}
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:Y6"
    cost = sheet.cell(2, 5 + RESULT_COLUMNS.index("result_cost"))
    assert (cost.value, cost.data_type) == (0.02, "n")
    assert sheet.cell(3, 5).fill.fgColor.rgb == "FFFFC7CE"


def test_a_workbook_links_files_and_lists_failures_and_sums(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.xlsx"
    written(tmp_path, loaded, target, format="xlsx")
    book = openpyxl.load_workbook(target)
    at = 5 + RESULT_COLUMNS.index("result_files")
    link = book["results"].cell(6, at)
    assert link.value == "files/5-cat-1.png\nfiles/5-cat-2.png"
    assert link.hyperlink is not None
    assert str(link.hyperlink.target).replace("\\", "/") == "files/5-cat-1.png"
    assert [row[0].value for row in book["failures"].iter_rows(min_row=2)] == [3, 4]
    sums = {row[0].value: row[1].value for row in book["summary"].iter_rows()}
    assert (sums["rows"], sums["done"], sums["failed"], sums["in_doubt"]) == (5, 2, 1, 1)
    assert (sums["failed: refused"], sums["result_cost"]) == (1, 0.02)
    assert sums["result_total_tokens"] == 30
    assert sums["done rows without a known cost"] == 1
    assert sums["spent in all (at least, USD)"] == 0.02


@pytest.mark.parametrize(
    "name",
    ["../../etc/x.png", "/etc/x.png", "C:/x.png", "\\\\host\\x.png", "a.exe", "a#b.png", "%41.png"],
)
def test_a_doubtful_path_is_text_and_no_link(name: str) -> None:
    unsafe = name if name.startswith(("/", "C", "\\")) else f"files/{name}"
    assert not workbook.SAFE_LINK.fullmatch(unsafe)
    assert workbook.SAFE_LINK.fullmatch("../a b.rowmill/files/2-猫-1.png")


CONTROLS = "title\x0bsecond\x0cpage\x1funit\x01\x00\x1b _x000B_ _x005F_ \t\r\n\r end"


def test_control_characters_come_back_and_what_is_none_is_replaced_and_counted(
    tmp_path: Path,
) -> None:
    row = [CONTROLS, "ok\ttab", "\uffff", "x"]
    loaded = make_table(tmp_path, Sheet(headers=HEADERS, rows=[row]), [Fate(text=CONTROLS)])
    done = written(tmp_path, loaded, tmp_path / "r.xlsx", format="xlsx")
    assert done.replaced == 1
    cells = next(open_sheet(tmp_path / "r.xlsx").rows())[1]
    assert cells[:4] == [CONTROLS, "ok\ttab", "\ufffd", "x"]
    assert CONTROLS in cells[4:]
    assert b"title_x000B_second_x000C_page_x001F_" in ZipFile(tmp_path / "r.xlsx").read(
        "xl/worksheets/sheet1.xml"
    )
    assert written(tmp_path, loaded, tmp_path / "r.csv", format="csv").replaced == 0
    assert read_delimited(tmp_path / "r.csv")[1][:4] == row


@pytest.mark.parametrize("kind", FORMATS)
def test_half_a_character_cannot_stop_an_export(tmp_path: Path, kind: str) -> None:
    loaded = make_table(tmp_path, Sheet(headers=("p", "q"), rows=[["a", "b"]]))
    row = only_row(tmp_path, loaded)
    broken = ResultRow(**{**fields_of(row), "cells": '["\\ud83d", "b"]', "urls": ("\ud83d",)})
    target = tmp_path / f"r.{kind}"
    done = write_results([broken], loaded, target, format=kind)
    assert done.replaced == 2
    assert done.rows == 1


def test_the_length_of_a_cell_counts_as_excel_counts_it(tmp_path: Path) -> None:
    fits, too_long = "🐱" * 16_383, "🐱" * 16_384
    loaded = make_table(tmp_path, Sheet(headers=("a/b", ""), rows=[[fits, too_long]]))
    done = written(tmp_path, loaded, tmp_path / "r.xlsx", format="xlsx")
    assert done.texts == 1
    cells = CalamineWorkbook.from_path(str(tmp_path / "r.xlsx")).get_sheet_by_index(0).to_python()
    assert cells[1][0] == fits
    assert (tmp_path / "texts/2-column_2.txt").read_text() == too_long


def test_a_link_planted_among_the_texts_is_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / "texts").mkdir()
    for name in ("2-p.part", "2-p_v2.part"):
        (tmp_path / "texts" / name).symlink_to(precious)
    loaded = make_table(tmp_path, Sheet(headers=("p",), rows=[["x" * 40_000]]))
    written(tmp_path, loaded, tmp_path / "r.xlsx", format="xlsx")
    assert precious.read_text() == "keep me"
    assert (tmp_path / "texts/2-p.txt").read_text() == "x" * 40_000


def test_a_text_file_with_other_words_is_never_overwritten(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, Sheet(headers=("p",), rows=[["x" * 40_000]]))
    for _ in range(2):
        written(tmp_path, loaded, tmp_path / "r.xlsx", format="xlsx")
    assert [path.name for path in (tmp_path / "texts").iterdir()] == ["2-p.txt"]
    (tmp_path / "texts/2-p.txt").write_text("mine")
    written(tmp_path, loaded, tmp_path / "r.xlsx", format="xlsx")
    assert (tmp_path / "texts/2-p.txt").read_text() == "mine"
    assert (tmp_path / "texts/2-p_v2.txt").read_text() == "x" * 40_000


def test_results_of_a_results_file_replace_the_old_result_columns(tmp_path: Path) -> None:
    loaded = make_table(tmp_path / "one", PLAIN, FATES)
    first = tmp_path / "one/results.csv"
    written(tmp_path / "one", loaded, first, format="csv")
    sheet = open_sheet(first)
    again = Sheet(headers=sheet.layout.headers, rows=[cells for _, cells in sheet.rows()])
    loaded = make_table(tmp_path / "two", again, FATES)
    assert columns(loaded) == [*HEADERS, *RESULT_COLUMNS]
    second = tmp_path / "two/results.csv"
    written(tmp_path / "two", loaded, second, format="csv")
    assert second.read_bytes() == first.read_bytes()


def test_a_users_own_column_that_is_called_like_ours_stays(tmp_path: Path) -> None:
    own = Sheet(headers=("result_text", "prompt"), rows=[["mine", "cat"]])
    loaded = make_table(tmp_path, own, [Fate(text="theirs")])
    assert columns(loaded)[:3] == ["result_text", "prompt", "result_status"]
    written(tmp_path, loaded, tmp_path / "r.jsonl", format="jsonl")
    (row,) = read_lines(tmp_path / "r.jsonl")
    assert (row["result_text (2)"], row["result_text"]) == ("mine", "theirs")
    # such a results file used as a sheet keeps it: of two columns of a name only the last was ours
    headers = tuple(columns(loaded))
    again = make_table(tmp_path / "two", Sheet(headers=headers, rows=[["x"] * len(headers)]))
    assert columns(again) == columns(loaded)


def test_an_old_result_that_feeds_a_request_stays(tmp_path: Path) -> None:
    sheet = Sheet(
        headers=("prompt", *RESULT_COLUMNS),
        rows=[["p"] * 20],
        options={"column": {"result_text": "prompt"}},
    )
    assert columns(make_table(tmp_path, sheet)) == ["prompt", "result_text", *RESULT_COLUMNS]


@pytest.mark.parametrize(
    ("of_sheet", "of_results"),
    [("txt", "csv"), ("xls", "xlsx"), ("ods", "xlsx"), ("xlsb", "xlsx"), ("xlsm", "xlsx"),
     ("json", "jsonl"), ("tsv", "tsv"), ("parquet", "parquet")],
)  # fmt: skip
def test_results_have_the_sheets_format_or_the_nearest(
    tmp_path: Path, of_sheet: str, of_results: str
) -> None:
    loaded = make_table(tmp_path, Sheet(headers=("p",), rows=[["a"]], format=of_sheet))
    assert results_path(tmp_path, loaded) == tmp_path / f"results.{of_results}"


def test_paths_are_relative_to_the_results_file(tmp_path: Path) -> None:
    space = tmp_path / "p.rowmill"
    loaded = make_table(space, PLAIN, [PENDING] * 4 + FATES[4:])
    (tmp_path / "out").mkdir()
    written(space, loaded, tmp_path / "out/r.jsonl", format="jsonl")
    assert read_lines(tmp_path / "out/r.jsonl")[4]["result_files"][0] == (
        "../p.rowmill/files/5-cat-1.png"
    )


def test_a_row_longer_than_the_header_loses_nothing_and_shifts_nothing(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, Sheet(headers=("p", "q"), rows=[["a", "b", "c"], ["d"]]))
    written(tmp_path, loaded, tmp_path / "r.csv", format="csv")
    long, short = read_delimited(tmp_path / "r.csv")[1:]
    assert long[:3] == ["a", "b", "pending"]
    assert json.loads(ours(long)["result_data"]) == {"cells_beyond_header": ["c"]}
    assert short[:3] == ["d", "", "pending"]


def test_a_tab_too_small_for_the_rows_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_TAB_ROWS", 5)
    loaded = make_table(tmp_path, PLAIN)
    with pytest.raises(OutputError, match="write_rows, most 4"):
        written(tmp_path, loaded, tmp_path / "r.xlsx", format="xlsx")


def test_links_beyond_what_excel_takes_are_plain_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_TAB_LINKS", 2)
    loaded = make_table(tmp_path, PLAIN, [Fate(files=("a.png",))] * 5)
    written(tmp_path, loaded, tmp_path / "r.xlsx", format="xlsx")
    with ZipFile(tmp_path / "r.xlsx") as archive:
        assert archive.read("xl/worksheets/sheet1.xml").count(b"<hyperlink ") == 2


@pytest.mark.parametrize("kind", FORMATS)
def test_only_takes_rows_by_status(tmp_path: Path, kind: str) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    chosen = frozenset({"failed", "in_doubt"})
    assert written(tmp_path, loaded, tmp_path / "r", format=kind, only=chosen).rows == 2


@pytest.mark.parametrize("kind", FORMATS)
def test_a_stream_gets_the_same_rows(tmp_path: Path, kind: str) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    stream = io.BytesIO()
    row = only_row(tmp_path, loaded)
    tally = stream_results(
        [row], loaded, stream, format=kind, options=ExportOptions(workspace=tmp_path)
    )
    assert tally.rows == 1
    assert len(stream.getvalue()) > 200


CELL = st.text(max_size=12) | st.sampled_from(["=1", "\r\n", '"', "'=1", "\ufeff", "a\tb", "\x00"])


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LoadedSheet, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("sample")
    loaded = make_table(folder, Sheet(headers=("p", "q"), rows=[["a", "b"]]))
    return folder, loaded, fields_of(only_row(folder, loaded))


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4), safe=st.booleans())
def test_any_own_cells_come_back_exactly_from_csv_and_jsonl(
    sample: tuple[Path, LoadedSheet, dict[str, Any]], rows: list[tuple[str, str]], safe: bool
) -> None:
    folder, loaded, fields = sample
    made = [ResultRow(**{**fields, "cells": json.dumps(row)}) for row in rows]
    texts = {}
    for kind in ("csv", "jsonl"):
        stream = io.BytesIO()
        given_options = ExportOptions(workspace=folder, safe=safe)
        stream_results(made, loaded, stream, format=kind, options=given_options)
        texts[kind] = stream.getvalue().decode("utf-8")
    lines = texts["jsonl"].split("\n")[:-1]
    assert [tuple(json.loads(line).values())[:2] for line in lines] == rows
    stored = io.StringIO(texts["csv"].removeprefix("\ufeff"), newline="")
    read = [(row[0], row[1]) for row in list(csv.reader(stored, strict=True))[1:]]
    assert [(undo(p), undo(q)) for p, q in read] == rows if safe else read == rows
