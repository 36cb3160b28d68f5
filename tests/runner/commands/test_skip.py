"""`rowmill skip` closes exactly the chosen rows."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.job import Failure, FailureClass
from jobs.store import Store
from jobs.store.queries.results import results
from jobs.store.queries.totals import Counts, counts
from runner import cli
from runner.workspace.workspace import SHEET_ID, Workspace
from tests.support.builders import IN_DOUBT, PENDING, REFUSED, Fate, Sheet, make_table

DONE = Fate(text="yes")
SERVER = Fate(failure=Failure(kind=FailureClass.SERVER, cause="server_error"))
FATES = (DONE, REFUSED, REFUSED, SERVER, IN_DOUBT, PENDING)  # rows 2 to 7; 8 and 9 are waiting


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("ROWMILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "prompts.rowmill"
    cells = [[f"row {number}"] for number in range(8)]
    make_table(folder, Sheet(headers=["prompt"], rows=cells), FATES)
    return Workspace(folder=folder)


def skip(*words: str) -> Result:
    return CliRunner().invoke(cli.rowmill, ["--lang", "en", "skip", "prompts.rowmill", *words])


def standing(workspace: Workspace) -> Counts:
    with Store.look(workspace.table) as store, store.read() as tx:
        return counts(tx, SHEET_ID)


def skipped(workspace: Workspace) -> list[int]:
    with Store.look(workspace.table) as store, store.read() as tx:
        return [row.row for row in results(tx, SHEET_ID, only={"skipped"})]


def test_a_class_closes_its_rows_and_no_others(workspace: Workspace) -> None:
    result = skip("--class", "refused", "-y")
    assert result.exit_code == 0, result.stderr
    assert "Rows to skip: 2 (2 × refused)" in result.stderr
    assert "Rows skipped: 2." in result.stderr
    assert result.stdout == ""
    assert skipped(workspace) == [3, 4]
    assert standing(workspace).failed == 1


def test_rows_in_doubt_are_a_class_too(workspace: Workspace) -> None:
    assert skip("--class", "in_doubt", "-y").exit_code == 0
    assert skipped(workspace) == [6]


def test_rows_by_number_leave_done_ones_and_those_in_flight_alone(workspace: Workspace) -> None:
    result = skip("--rows", "2-9", "-y")
    assert "2 × pending, 2 × refused, 1 × in_doubt, 1 × server" in result.stderr
    assert skipped(workspace) == [3, 4, 5, 6, 8, 9]
    assert (standing(workspace).done, standing(workspace).sending) == (1, 1)


def test_rows_and_class_together_take_what_is_both(workspace: Workspace) -> None:
    assert skip("--rows", "4-9", "--class", "refused,server", "-y").exit_code == 0
    assert skipped(workspace) == [4, 5]


def test_without_a_terminal_and_without_y_nothing_changes(workspace: Workspace) -> None:
    result = skip("--class", "refused")
    assert result.exit_code == 3
    assert "add -y" in result.stderr
    assert skipped(workspace) == []


def test_rows_that_cannot_be_closed_are_told_with_the_range(workspace: Workspace) -> None:
    for words in (("--rows", "2"), ("--rows", "900"), ("--class", "key")):
        result = skip(*words, "-y")
        assert result.exit_code == 3
        assert "2 to 9" in result.stderr


def test_without_rows_and_class_it_is_a_usage_error(workspace: Workspace) -> None:
    result = skip("-y")
    assert result.exit_code == 2
    assert "--rows" in result.stderr


def test_it_works_beside_a_run(workspace: Workspace) -> None:
    lock = workspace.hold()
    try:
        assert skip("--class", "refused", "-y").exit_code == 0
    finally:
        lock.release()
    assert skipped(workspace) == [3, 4]
