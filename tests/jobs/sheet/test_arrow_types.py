"""A parquet sheet's own columns come back with their types and values."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.export import write_results
from jobs.sheet.arrow_types import arrow_array, decoded_type, encoded_type
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.queries.results import results
from runner.workspace.workspace import SHEET_ID
from tests.support.world import TEXT, World

ZONE = dt.timezone(dt.timedelta(hours=8))
COLUMNS: dict[str, pa.Array] = {
    "tiny": pa.array([-128, 127, None], pa.int8()),
    "large": pa.array([0, 2**64 - 1, None], pa.uint64()),
    "half": pa.array([1.5, -0.25, None], pa.float16()),
    "single": pa.array([0.1, float("inf"), None], pa.float32()),
    "price": pa.array([Decimal("9.90"), Decimal("-0.05"), None], pa.decimal128(9, 2)),
    "great": pa.array([Decimal("1.23456789012345678901"), Decimal(7), None], pa.decimal256(60, 20)),
    "day": pa.array([dt.date(2026, 11, 23), dt.date(1, 1, 1), None], pa.date32()),
    "clock": pa.array([dt.time(16, 9), dt.time(23, 59, 59), None], pa.time32("s")),
    "clock_ns": pa.array([1, 86_399_999_999_999, None], pa.time64("ns")),
    "moment": pa.array(
        [dt.datetime.fromisoformat("2026-01-02T03:04:05.000006"), None, None], pa.timestamp("us")
    ),
    "moment_ns": pa.array([1, -1, None], pa.timestamp("ns", "UTC")),
    "zoned": pa.array(
        [dt.datetime(2026, 1, 2, tzinfo=ZONE), dt.datetime(1969, 1, 1, tzinfo=ZONE), None],
        pa.timestamp("ms", "Asia/Shanghai"),
    ),
    "span": pa.array([-1, 10**12, None], pa.duration("us")),
    "span_ns": pa.array([-1, 10**15 + 1, None], pa.duration("ns")),
    "raw": pa.array([b"\xff\x00", "caf\u00e9".encode(), None], pa.binary()),
    "fixed": pa.array([b"\x00\xff", b"ab", None], pa.binary(2)),
    "long": pa.array(["a", "", None], pa.large_string()),
    "kind": pa.array(["x", "y", None]).dictionary_encode(),
    "nothing": pa.array([None, None, None], pa.null()),
    "flag": pa.array([True, False, None]),
    "texts": pa.array([["a"], [], None], pa.list_(pa.string())),
    "pair": pa.array([[1, 2], [3, None], None], pa.list_(pa.int16(), 2)),
    "shown": pa.array(
        [{"bytes": b"\x89PNG\r\n\x1a\n", "path": "a.png"}, {"bytes": None, "path": "b"}, None],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    ),
    "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int8())),
    "deep": pa.array(
        [[{"at": dt.datetime.fromisoformat("2026-01-01")}], [], None],
        pa.list_(pa.struct([("at", pa.timestamp("s"))])),
    ),
}


@pytest.mark.parametrize("kind", [one.type for one in COLUMNS.values()])
def test_a_type_survives_as_text(kind: Any) -> None:
    assert decoded_type(encoded_type(kind)) == kind


def test_a_type_of_a_newer_program_is_none() -> None:
    for text in ("", "no base64!", "AAAA"):
        with pytest.raises(ValueError, match=r".*"):
            decoded_type(text)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["x"], pa.int8()),
        ([300], pa.int8()),
        ([{"base64": "!"}], pa.binary()),
        ([{"other": ""}], pa.binary()),
        (["yesterday"], pa.timestamp("s")),
        (["2026-01-01T00:00:00.5"], pa.timestamp("s")),
        ([["a"]], pa.list_(pa.int8())),
        (["1 fortnight"], pa.duration("s")),
        (["x"], pa.decimal128(4, 2)),
    ],
)
def test_a_cell_that_does_not_fit_is_no_value_of_the_type(values: list[Any], kind: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        arrow_array(values, kind)


def test_own_columns_of_a_parquet_sheet_are_carried_to_its_results(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.parquet"
    prompts = pa.array(["a cat", "a dog", "an owl"])
    pq.write_table(pa.table({"prompt": prompts, **COLUMNS}), sheet)
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (0, 3), done.err
    before = pq.read_table(sheet)
    after = pq.read_table(world.workspace(sheet).folder / "results.parquet")
    for name in before.column_names:
        assert after.schema.field(name).type == before.schema.field(name).type
        assert after[name].to_pylist() == before[name].to_pylist(), name


def test_a_column_whose_cells_no_longer_fit_is_written_as_before(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.parquet"
    pq.write_table(pa.table({"prompt": ["a cat"], "amount": pa.array([1], pa.int8())}), sheet)
    assert world.run("run", sheet, *TEXT).code == 0
    with world.store(sheet) as store, store.read() as tx:
        loaded = loaded_sheet(tx, SHEET_ID)
        rows = list(results(tx, SHEET_ID))
    assert loaded is not None
    other = [row._replace(cells='["a cat", 3000]') for row in rows]
    write_results(other, loaded, world.folder / "other.parquet")
    after = pq.read_table(world.folder / "other.parquet")
    assert after.schema.field("amount").type == pa.int64()
    assert after["amount"].to_pylist() == [3000]
