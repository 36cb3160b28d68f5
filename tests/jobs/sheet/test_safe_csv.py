"""Reading removes what --safe-csv put before cells, and nothing else."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.reader import open_sheet
from jobs.sheet.write.delimited import write_delimited
from jobs.sheet.write.writers import Column, ColumnKind, ResultColumns
from tests.support.world import TEXT, World

ROWS = ["=1+1", "-5 dogs", "'quoted", "+1", "plain", "@home", "'=x", "-5"]


def written(path: Path, cells: list[str], *, safe: bool, results: bool = True) -> Path:
    """A results file with one user column."""
    ours = RESULT_COLUMNS if results else ()
    own = Column(name="prompt", kind=ColumnKind.OWN)
    grid = ResultColumns(columns=(own, *(Column(name=name, kind=ColumnKind.TEXT) for name in ours)))
    with path.open("wb") as file:
        records = [[cell, *("" for _ in ours)] for cell in cells]
        write_delimited(file, grid, records, delimiter=",", safe=safe)
    return path


def prompts(path: Path) -> list[object]:
    return [cells[0] for _, cells in open_sheet(path).rows()]


@pytest.mark.parametrize("safe", [True, False])
def test_a_results_file_reads_back_as_the_user_wrote_it(tmp_path: Path, *, safe: bool) -> None:
    path = written(tmp_path / "a.csv", ROWS, safe=safe)
    assert prompts(path) == ROWS
    kinds = [finding.kind for finding in open_sheet(path).findings]
    assert ("safe_csv" in kinds) is safe


def test_cells_that_only_look_safely_written_are_the_users_own(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ["'=1+1", "plain", ',"result_status","'], safe=False)
    assert prompts(path) == ["'=1+1", "plain", ',"result_status","']


def test_a_file_rewritten_with_all_cells_quoted_is_not_taken_for_a_safe_one(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ["'=1+1", "=1+1"], safe=False)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    assert prompts(path) == ["'=1+1", "=1+1"]


def test_a_sheet_that_is_no_results_file_is_never_changed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ["'=1+1", "plain"], safe=False, results=False)
    assert prompts(path) == ["'=1+1", "plain"]


TEXTS = st.text(st.sampled_from("=+-@'|%\t 1a＝,\""), min_size=1, max_size=5).filter(str.strip)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cells=st.lists(TEXTS, min_size=1, max_size=8))
def test_written_safely_and_read_is_what_it_was(tmp_path: Path, cells: list[str]) -> None:
    assert prompts(written(tmp_path / "a.csv", cells, safe=True)) == cells


def test_the_round_trip_through_the_commands(world: World) -> None:
    world.mock()
    sheet = world.sheet(
        "a.csv", ["id", "prompt"], *([f"k{i}", text] for i, text in enumerate(ROWS))
    )
    world.run("run", sheet, *TEXT)
    out = world.folder / "safe.csv"
    assert world.run("export", sheet, "-o", out, "--safe-csv").code == 0
    assert "'=1+1" in out.read_text(encoding="utf-8-sig")
    assert [cells[1] for _, cells in open_sheet(out).rows()] == ROWS
    refused = world.run("run", out, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "results file outside its workspace" in refused.err
