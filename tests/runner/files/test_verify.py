"""A saved file is good, missing or damaged: by its size, or with `verify` by all its bytes."""

import hashlib
from pathlib import Path

import pytest

from jobs.store.queue.refetch import AnswerFile
from runner.files.verify import Condition, inspect_files

CONTENT = b"a picture"


def saved(name: str) -> AnswerFile:
    digest = hashlib.sha256(CONTENT).digest()
    return AnswerFile(
        job_id=1, call_id=1, number=1, row=2, name=name, size=len(CONTENT), sha256=digest
    )


def conditions(folder: Path, *names: str, verify: bool) -> list[Condition]:
    found = inspect_files([saved(name) for name in names], folder, verify=verify)
    return [one.condition for one in found]


@pytest.mark.parametrize("verify", [False, True])
def test_each_file_has_its_condition_in_order(tmp_path: Path, verify: bool) -> None:
    (tmp_path / "good.png").write_bytes(CONTENT)
    (tmp_path / "short.png").write_bytes(CONTENT[:-1])
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to("good.png")
    names = ("good.png", "gone.png", "short.png", "folder.png", "link.png", "good.png/inside.png")
    assert conditions(tmp_path, *names, verify=verify) == [
        Condition.GOOD,
        Condition.MISSING,
        Condition.DAMAGED,
        Condition.DAMAGED,
        Condition.DAMAGED,
        Condition.MISSING,
    ]


def test_other_bytes_of_the_same_size_are_found_by_reading_them(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(CONTENT[::-1])
    assert conditions(tmp_path, "a.png", verify=False) == [Condition.GOOD]
    assert conditions(tmp_path, "a.png", verify=True) == [Condition.DAMAGED]
