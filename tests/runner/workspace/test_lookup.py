"""A command's words name one workspace: by sheet, by folder, by results, or the only one here."""

from pathlib import Path

import pytest

from runner.exits import Refusal
from runner.workspace.lookup import (
    around,
    find,
    neighbours,
    of_rehearsal,
    of_sheet,
    remember,
    renamed_from,
)
from runner.workspace.workspace import Workspace
from tests.support.builders import Sheet, make_table

ONE_ROW = Sheet(headers=("prompt",), rows=[["a cat"]], options={"sheet_path": "../prompts.csv"})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an empty state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def table(folder: Path) -> Path:
    make_table(folder, ONE_ROW)
    return folder


def test_a_sheet_has_its_workspace_beside_it(place: Path) -> None:
    assert of_sheet(Path("a.csv"), None).folder == place / "a.rowmill"
    assert of_sheet(Path("a.csv"), Path("w")).folder == place / "w"
    assert of_rehearsal(Path("a.csv"), None).folder == place / "a.rehearsal"


def test_a_workspace_elsewhere_is_remembered_while_it_exists(place: Path) -> None:
    sheet, elsewhere = Path("a.csv"), place.parent / "elsewhere"
    remember(sheet, Workspace(folder=elsewhere))
    assert of_sheet(sheet, None).folder == place / "a.rowmill"
    elsewhere.mkdir()
    assert of_sheet(sheet, None).folder == elsewhere
    remember(sheet, Workspace(folder=place / "a.rowmill"))
    assert of_sheet(sheet, None).folder == place / "a.rowmill"


def test_a_rehearsal_is_never_remembered(place: Path) -> None:
    elsewhere = place.parent / "a.rehearsal"
    elsewhere.mkdir()
    remember(Path("a.csv"), Workspace(folder=elsewhere))
    assert of_sheet(Path("a.csv"), None).folder == place / "a.rowmill"


def test_the_only_workspace_here_needs_no_name(place: Path) -> None:
    with pytest.raises(Refusal):
        find(None)
    table(place / "a.rowmill")
    assert find(None).folder == place / "a.rowmill"
    table(place / "b.rowmill")
    with pytest.raises(Refusal, match=r"a\.rowmill, b\.rowmill"):
        find(None)


def test_a_workspace_is_found_by_sheet_folder_and_results(place: Path) -> None:
    folder = table(place / "a.rowmill")
    for named in ("a.csv", "a.rowmill", "a.rowmill/results.csv", "a.rowmill/other.csv"):
        assert find(Path(named)).folder == folder
    with pytest.raises(Refusal):
        find(Path("b.csv"))
    with pytest.raises(Refusal):
        find(Path("a.csv"), Path("no-such-folder"))


def test_only_a_results_file_stands_for_a_workspace_of_any_name(place: Path) -> None:
    folder = table(place / "plain")
    found = around(folder / "results-2.csv")
    assert found is not None
    assert found.folder == folder
    assert around(folder / "prompts.csv") is None
    assert around(place / "results.csv") is None


def test_a_renamed_sheet_is_offered_the_workspace_whose_sheet_is_gone(place: Path) -> None:
    old = table(place / "prompts.rowmill")
    (place / "prompts.csv").touch()
    assert renamed_from(Path("new.csv")) is None
    (place / "prompts.csv").unlink()
    found = renamed_from(Path("new.csv"))
    assert found is not None
    assert found.folder == old
    table(place / "other.rowmill")
    with pytest.raises(Refusal, match=r"other\.rowmill, prompts\.rowmill"):
        renamed_from(Path("new.csv"))


def test_a_sheet_with_a_workspace_of_its_own_was_not_renamed(place: Path) -> None:
    table(place / "prompts.rowmill")
    table(place / "new.rowmill")
    assert renamed_from(Path("new.csv")) is None


def test_neighbours_are_the_other_workspaces_of_a_folder(place: Path) -> None:
    for name in ("b.rowmill", "a.rowmill", "c.rehearsal"):
        table(place / name)
    found = neighbours(Workspace(folder=place / "a.rowmill"))
    assert [one.folder.name for one in found] == ["b.rowmill"]
