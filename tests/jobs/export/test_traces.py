"""A results file is ours only if it is byte for byte one that we wrote at that place."""

from pathlib import Path

import pytest

from jobs.export.traces import TRACES_FILE, Traces, trace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty workspace folder."""
    folder = tmp_path / "a.rowmill"
    folder.mkdir()
    return folder


def put(path: Path, content: str, traces: Traces) -> None:
    """Write a file as an export does."""
    path.write_text(content)
    traces.add(path, trace(path))


def test_a_file_is_ours_until_a_byte_of_it_changes(workspace: Path) -> None:
    target = workspace / "results.csv"
    put(target, "one", Traces(workspace))
    assert Traces(workspace).is_ours(target)
    target.write_text("two")
    assert not Traces(workspace).is_ours(target)
    target.write_text("longer")
    assert not Traces(workspace).is_ours(target)


def test_the_version_before_a_crash_is_still_ours(workspace: Path) -> None:
    target, traces = workspace / "results.csv", Traces(workspace)
    put(target, "one", traces)
    part = workspace / "part"
    part.write_text("two")
    traces.add(target, trace(part))  # the process dies before the file is put in place
    assert traces.is_ours(target)
    traces.add(target, trace(part))
    part.replace(target)
    assert traces.is_ours(target)
    target.write_text("one")
    assert traces.is_ours(target)


def test_a_third_version_replaces_the_first(workspace: Path) -> None:
    target, traces = workspace / "results.csv", Traces(workspace)
    for content in ("one", "two", "three"):
        put(target, content, traces)
    target.write_text("one")
    assert not traces.is_ours(target)


def test_a_moved_workspace_still_knows_its_files(workspace: Path) -> None:
    put(workspace / "results.csv", "one", Traces(workspace))
    moved = workspace.rename(workspace.with_name("b.rowmill"))
    assert Traces(moved).is_ours(moved / "results.csv")


def test_a_copy_elsewhere_is_not_ours(workspace: Path) -> None:
    put(workspace / "results.csv", "one", Traces(workspace))
    copy = workspace.parent / "results.csv"
    copy.write_text("one")
    assert not Traces(workspace).is_ours(copy)


def test_files_that_are_gone_are_forgotten(workspace: Path) -> None:
    traces, gone = Traces(workspace), workspace.parent / "b.csv"
    put(gone, "one", traces)
    gone.unlink()
    put(workspace / "results.csv", "two", traces)
    gone.write_text("one")
    assert not traces.is_ours(gone)


@pytest.mark.parametrize(
    "record", ["", "{", "[]", '{"written": 3}', '{"written": {"results.csv": [{"size": "3"}, 4]}}']
)
def test_with_a_damaged_record_no_file_is_ours(workspace: Path, record: str) -> None:
    target = workspace / "results.csv"
    target.write_text("one")
    (workspace / TRACES_FILE).write_text(record)
    assert not Traces(workspace).is_ours(target)
