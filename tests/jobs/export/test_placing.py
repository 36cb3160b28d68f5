"""A results file appears complete or not at all, and never overwrites a file that is not ours."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from jobs.export import OutputError, write_results
from jobs.export.placing import part_beside, put, sweep
from jobs.export.traces import Traces
from jobs.lock import claim
from jobs.store.queries.results import ResultRow
from tests.support.builders import make_table
from tests.support.exported import FATES, FORMATS, PLAIN, only_row, written


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_that_dies_in_the_middle_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / f"results.{kind}"
    written(tmp_path, loaded, target, format=kind)
    before, row = target.read_bytes(), only_row(tmp_path, loaded)

    def dying() -> Iterator[ResultRow]:
        yield from [row] * 50
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_results(dying(), loaded, target, format=kind)
    assert target.read_bytes() == before
    assert not list(tmp_path.glob(".rowmill-*"))
    assert not list(tmp_path.glob("results.*.part"))
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("held", [b"", b"half a line"], ids=["nothing", "a half"])
def test_what_a_killed_export_left_is_swept_by_the_next(held: bytes, tmp_path: Path) -> None:
    left = tmp_path / ".rowmill-1.part"
    left.write_bytes(held)
    with part_beside(tmp_path / "r.csv"):
        assert not left.exists()
    assert not list(tmp_path.glob(".rowmill-*"))


def test_a_part_that_cannot_be_claimed_is_swept_a_day_later(tmp_path: Path) -> None:
    """Some disks have no locks; here a lock of another process has the same effect."""
    old, fresh = tmp_path / ".rowmill-1.part", tmp_path / ".rowmill-2.part"
    with old.open("wb") as one, fresh.open("wb") as other:
        assert claim(one)
        assert claim(other)
        os.utime(old, (time.time() - 90_000,) * 2)
        with part_beside(tmp_path / "r.csv"):
            assert (old.exists(), fresh.exists()) == (False, True)


def test_exports_into_one_folder_at_once_sweep_nothing_of_each_other(tmp_path: Path) -> None:
    target, ended = tmp_path / "r.csv", threading.Event()

    def others() -> None:
        while not ended.is_set():
            sweep(tmp_path)

    with ThreadPoolExecutor(2) as pool:
        swept = [pool.submit(others) for _ in range(2)]
        try:
            for number in range(100):
                with part_beside(target) as (_, file):
                    file.write(bytes(1000))
                    put(file, target, traces=Traces(tmp_path), now=float(number))
        finally:
            ended.set()
    assert [one.result() for one in swept] == [None, None]
    assert not list(tmp_path.glob(".rowmill-*"))


def test_our_own_results_are_overwritten_and_changed_ones_never(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.csv"
    for _ in range(2):
        assert not written(tmp_path, loaded, target, format="csv").moved
    with target.open("ab") as file:
        file.write(b"coloured")
    changed = target.read_bytes()
    moment = datetime(2026, 11, 23, 7, 10).astimezone().timestamp()
    names = ["results 2026-11-23 07-10.csv", "results 2026-11-23 07-10 (2).csv"]
    for name in names:
        done = written(tmp_path, loaded, target, format="csv", now=moment)
        assert (done.path, done.moved) == (tmp_path / name, True)
    assert target.read_bytes() == changed
    target.unlink()
    assert not written(tmp_path, loaded, target, format="csv").moved


def test_a_changed_byte_counts_even_where_the_size_is_the_same(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN)
    target = tmp_path / "results.csv"
    written(tmp_path, loaded, target, format="csv")
    target.write_bytes(target.read_bytes().replace(b"007", b"008"))
    assert written(tmp_path, loaded, target, format="csv").moved


def test_the_users_own_sheet_is_never_overwritten(tmp_path: Path) -> None:
    space = tmp_path / "prompts.rowmill"
    loaded = make_table(space, PLAIN)
    sheet, link = tmp_path / "prompts.csv", tmp_path / "link.csv"
    sheet.write_text("prompt\n")
    link.symlink_to(sheet)
    for target in (sheet, link):
        done = written(space, loaded, target, format="csv")
        assert (done.moved, done.path.parent) == (True, tmp_path)
    assert sheet.read_text() == "prompt\n"
    assert link.is_symlink()


def test_an_export_elsewhere_may_be_repeated(tmp_path: Path) -> None:
    space = tmp_path / "prompts.rowmill"
    loaded = make_table(space, PLAIN)
    for fate in range(2):
        assert not written(space, loaded, tmp_path / f"{fate // 2}.csv", format="csv").moved
    assert {path.name for path in tmp_path.iterdir()} == {"prompts.rowmill", "0.csv"}


def test_a_death_between_record_and_rename_is_no_change_by_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    target = tmp_path / "results.csv"
    written(tmp_path, loaded, target, format="csv", only=frozenset({"done"}))
    real = Path.replace

    def dying(self: Path, to: Path) -> Path:
        if to == target:
            raise KeyboardInterrupt
        return real(self, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            written(tmp_path, loaded, target, format="csv")
    done = written(tmp_path, loaded, target, format="csv")
    assert (done.moved, done.rows) == (False, 5)


@pytest.mark.parametrize("lock", ["~$results.xlsx", ".~lock.results.xlsx#"])
def test_a_workbook_open_in_a_spreadsheet_is_left_alone(tmp_path: Path, lock: str) -> None:
    loaded = make_table(tmp_path, PLAIN)
    target = tmp_path / "results.xlsx"
    written(tmp_path, loaded, target, format="xlsx")
    (tmp_path / lock).touch()
    assert written(tmp_path, loaded, target, format="xlsx").moved


def test_a_file_that_stays_locked_gets_a_sibling_after_some_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = make_table(tmp_path, PLAIN)
    target = tmp_path / "results.csv"
    written(tmp_path, loaded, target, format="csv")
    real, waits = Path.replace, list[float]()

    def locked(self: Path, to: Path) -> Path:
        if to == target:
            raise PermissionError(13, "used by another process")
        return real(self, to)

    monkeypatch.setattr(Path, "replace", locked)
    monkeypatch.setattr(time, "sleep", waits.append)
    done = written(tmp_path, loaded, target, format="csv")
    assert done.moved
    assert done.path.exists()
    assert 1.5 < sum(waits) < 3


def test_an_unreadable_record_overwrites_nothing(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN)
    target = tmp_path / "results.csv"
    written(tmp_path, loaded, target, format="csv")
    (tmp_path / "results.digest").write_text('{"written": {"results.csv": [{"size": "x"}]}}')
    assert written(tmp_path, loaded, target, format="csv").moved


def test_a_target_that_cannot_be_a_file_is_refused_in_words(tmp_path: Path) -> None:
    loaded = make_table(tmp_path, PLAIN)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    kinds = {"folder": "output_folder", "pipe": "output_no_file", "no/x.csv": "output_nowhere"}
    for name, kind in kinds.items():
        with pytest.raises(OutputError, match=kind):
            written(tmp_path, loaded, tmp_path / name, format="csv")
    assert Path(os.devnull).is_char_device()
    with pytest.raises(OutputError, match="output_no_file"):
        written(tmp_path, loaded, Path(os.devnull), format="csv")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_full_disk_is_an_output_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        written(tmp_path, loaded, tmp_path / f"out.{kind}", format=kind)
    assert caught.value.errno == 28
    assert {path.name for path in tmp_path.iterdir()} - {"texts"} <= {
        *("jobs.db", "jobs.db-wal", "jobs.db-shm"),
    }
