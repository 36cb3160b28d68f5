"""parquet values keep their types."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.sheet.reader import Sheet, SheetError, open_sheet


def sheet_of(folder: Path, columns: dict[str, Any], **options: Any) -> Sheet:
    path = folder / "sheet.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return open_sheet(path)


def test_types_survive(tmp_path: Path) -> None:
    columns = {
        "prompt": ["a cat", "007"],
        "seed": [9007199254740993, None],
        "tags": [["a", "b"], []],
        "more": [{"x": 1, "y": None}, {"x": 2, "y": "z"}],
        "flag": [True, None],
        "share": [0.5, float("nan")],
    }
    sheet = sheet_of(tmp_path, columns)
    assert sheet.layout.typed
    assert sheet.layout.headers == tuple(columns)
    assert list(sheet.rows()) == [
        (1, ["a cat", 9007199254740993, ["a", "b"], {"x": 1, "y": None}, True, 0.5]),
        (2, ["007", None, [], {"x": 2, "y": "z"}, None, None]),
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (dt.date(2026, 11, 23), "2026-11-23"),
        (dt.datetime(2026, 11, 23, 8, 30), "2026-11-23T08:30:00"),  # noqa: DTZ001 - a sheet's times have no zone
        (dt.time(16, 9), "16:09:00"),
        (dt.timedelta(hours=1), "1:00:00"),
        (Decimal("12.50"), 12.5),
        (Decimal(12), 12),
        (Decimal("0.12345678901234567890"), "0.12345678901234567890"),
        (b"caf\xc3\xa9", "café"),
    ],
)
def test_other_values_become_json(tmp_path: Path, value: object, cell: object) -> None:
    assert list(sheet_of(tmp_path, {"v": [value]}).rows()) == [(1, [cell])]


@pytest.mark.parametrize(
    ("value", "cell"), [(b"\xff\xfe", {"base64": "//4="}), (float("inf"), "inf")]
)
def test_a_value_without_json_is_carried_and_an_error_only_where_it_is_needed(
    tmp_path: Path, value: object, cell: object
) -> None:
    sheet = sheet_of(tmp_path, {"prompt": ["a", "b"], "v": [value, value]})
    sheet.needed = frozenset({0})
    assert list(sheet.rows()) == [(1, ["a", cell]), (2, ["b", cell])]
    assert sheet.findings == []
    sheet.needed = frozenset({0, 1})
    list(sheet.rows())
    assert [(f.kind, f.row, f.column) for f in sheet.findings] == [
        ("value_without_json", 1, "v"),
        ("value_without_json", 2, "v"),
    ]


def test_batches_and_row_groups_keep_the_numbers(tmp_path: Path) -> None:
    prompts = [f"p{i}" if i % 100 else None for i in range(1, 12_001)]
    sheet = sheet_of(tmp_path, {"prompt": prompts}, row_group_size=700)
    rows = list(sheet.rows())
    assert len(rows) == 11_880
    assert rows[-1] == (11_999, ["p11999"])


def test_a_cut_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sheet.parquet"
    pq.write_table(pa.table({"prompt": ["a"]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SheetError, match="damaged_parquet"):
        open_sheet(path)
