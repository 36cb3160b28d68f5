"""After a power cut everything acknowledged is still there, and every file is complete."""

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from runner.exits import Exit
from runner.mock.picture_shapes import PictureShape

from .audit import Account, audit
from .disks import Disk, disk
from .harness import Photo, Scene, scene
from .prefork import Prefork

_DONE_FILES = "SELECT name FROM files WHERE state = 'done'"


def cut(scene: Scene, power: Disk, chance: random.Random, number: int) -> Photo | None:
    """Start a run and cut the power while it works; None if it ended first."""
    before = scene.calls()
    run = scene.start()
    if not scene.until_calls(before + 1, run):
        return None
    time.sleep(chance.uniform(0.0, 0.5))
    acknowledged = scene.reached_table()
    files = set(scene.query(_DONE_FILES))
    if not run.kill():
        return None
    power.cut_power()
    with closing(sqlite3.connect(scene.workspace.table)) as table:
        assert table.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    photo = scene.photo(f"cut-{number}")
    assert acknowledged <= photo.in_table, "an answer was acknowledged and is gone"
    assert files <= set(scene.query(_DONE_FILES)), "a file was acknowledged and is gone"
    return photo


def cut_often(tmp_path: Path, prefork: Prefork, cuts: int, *, seed: int) -> Account:
    """Cut the power of a picture sheet's runs so many times; then let the run finish."""
    chance = random.Random(seed)
    with (
        disk(tmp_path, megabytes=48) as power,
        scene(
            tmp_path,
            rows=25 * cuts,
            endpoint="chat-image",
            latency=(0.1, 0.4),
            forms=(PictureShape.MARKDOWN, PictureShape.INLINE),
            prefork=prefork,
            desk=power.place,
        ) as one,
    ):
        power.settle()
        photos: list[Photo] = []
        while len(photos) < cuts and (photo := cut(one, power, chance, len(photos))):
            photos.append(photo)
        assert one.start().wait() == Exit.DONE, one.runs[-1].stderr
        return audit(one, photos)


def test_ten_power_cuts_lose_nothing_that_was_acknowledged(
    tmp_path: Path, prefork: Prefork
) -> None:
    found = cut_often(tmp_path, prefork, 10, seed=3)
    print(found)
    assert not found.problems
    assert found.kills == 10


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(20))
def test_two_hundred_power_cuts_lose_nothing_that_was_acknowledged(
    seed: int, tmp_path: Path, prefork: Prefork
) -> None:
    found = cut_often(tmp_path, prefork, 10, seed=100 + seed)
    print(found)
    assert not found.problems


def test_files_on_another_disk_than_the_table_are_whole_after_a_power_cut(
    tmp_path: Path, prefork: Prefork
) -> None:
    with (
        disk(tmp_path, "tables", megabytes=32) as tables,
        disk(tmp_path, "pictures", megabytes=32) as pictures,
        scene(
            tmp_path, rows=120, endpoint="chat-image", latency=(0.1, 0.4), prefork=prefork,
            forms=(PictureShape.MARKDOWN,), desk=tables.place,
        ) as one,
    ):  # fmt: skip
        one.workspace.make()
        (pictures.place / "files").mkdir()
        one.workspace.files.symlink_to(pictures.place / "files")
        tables.settle()
        pictures.settle()
        chance = random.Random(7)
        photos = []
        for number in range(2):
            photo = cut(one, tables, chance, number)
            assert photo is not None
            pictures.cut_power()
            photos.append(photo)
        assert one.start().wait() == Exit.DONE, one.runs[-1].stderr
        assert not audit(one, photos).problems
