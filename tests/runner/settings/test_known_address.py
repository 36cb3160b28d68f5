"""Each workspace has its own remembered base URL, in the user's state folder only."""

from pathlib import Path

import pytest

from runner.settings.known_address import known_address, note_use, remember_address, was_used

ONE, TWO = "https://one.example/v1", "https://two.example/v1"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace folder, with an empty state folder elsewhere."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "a.rowmill"
    folder.mkdir()
    return folder


def test_the_last_address_of_a_flag_is_known(workspace: Path) -> None:
    assert known_address(workspace) is None
    remember_address(workspace, ONE)
    remember_address(workspace, TWO)
    assert known_address(workspace) == TWO
    assert known_address(workspace.with_name("b.rowmill")) is None


def test_nothing_is_written_into_the_workspace(workspace: Path) -> None:
    remember_address(workspace, ONE)
    note_use(workspace, ONE)
    assert list(workspace.iterdir()) == []


def test_use_and_memory_are_two_things(workspace: Path) -> None:
    note_use(workspace, ONE)
    assert known_address(workspace) is None
    assert was_used(workspace, ONE)
    assert not was_used(workspace, TWO)
    note_use(workspace, TWO)
    assert not was_used(workspace, ONE)


def test_a_state_folder_that_cannot_be_written_is_no_error(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    (tmp_path / "home").write_text("the same, for systems without XDG")
    remember_address(workspace, ONE)
    note_use(workspace, ONE)
    assert known_address(workspace) is None
