"""The user's columns are the same after reading, exporting and reading again."""

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.export import ExportOptions, write_results
from jobs.job import JSON
from jobs.sheet.reader import open_sheet
from jobs.store import Store
from jobs.store.queries.results import results
from tests.support.builders import NOW, PENDING, SHEET_ID, Sheet, make_table

FORMATS = ("csv", "tsv", "jsonl", "xlsx", "parquet")
# Excludes what no workbook can store: control characters and lone surrogates.
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=8
) | st.sampled_from(
    [
        *("007", "NA", "null", "1e5", "=1+1", "'=1+1", "'x", "#N/A", "16:09:00", "-", "\"", '"a'),
        *("a,b", "a;b", "a\tb", "a|b", "a\nb", " a ", "True", "12345678901234567890", "“a”"),
        "_x000D_",
    ]
)  # fmt: skip


def own_columns(folder: Path, loaded: object, format_: str, *, safe: bool, width: int) -> object:
    """The user's columns of an exported file, read as a sheet."""
    target = folder / f"out.{format_}"
    with Store.look(folder / "jobs.db") as store, store.read() as tx:
        given_ = ExportOptions(workspace=folder, safe=safe, now=NOW)
        write_results(results(tx, SHEET_ID), loaded, target, format=format_, options=given_)  # type: ignore[arg-type]  # a LoadedSheet
    return [list(cells[:width]) for _, cells in open_sheet(target).rows()]


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXT.filter(str.strip), TEXT, TEXT), min_size=1, max_size=4),
    safe=st.booleans(),
)
def test_own_columns_survive_every_format(rows: list[tuple[str, ...]], *, safe: bool) -> None:
    headers = ("prompt", "note", "编号")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([headers, *rows])
        read: list[list[JSON]] = [list(cells) for _, cells in open_sheet(folder / "in.csv").rows()]
        assert read == [list(row) for row in rows]
        loaded = make_table(folder, Sheet(headers=headers, rows=read), [PENDING] * len(read))
        for format_ in FORMATS:
            assert own_columns(folder, loaded, format_, safe=safe, width=3) == read, format_


@pytest.mark.parametrize("format_", FORMATS)
def test_long_and_many_lined_cells_survive(tmp_path: Path, format_: str) -> None:
    rows: list[list[JSON]] = [["a cat", "x" * 32_000], ["line\nline", "1\n2\n3"]]
    loaded = make_table(tmp_path, Sheet(headers=("prompt", "note"), rows=rows), [PENDING] * 2)
    assert own_columns(tmp_path, loaded, format_, safe=False, width=2) == rows
