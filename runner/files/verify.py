"""Compares saved files with what the table says about them."""

import hashlib
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobs.store.queue.refetch import AnswerFile
from runner.workspace.target import FILES, FileTarget

HASH_THREADS = 4  # threads; hashing releases the GIL
TARGET_THREADS = 16  # threads that wait for a target


class Condition(StrEnum):
    """The condition of a saved file."""

    GOOD = "good"
    MISSING = "missing"
    DAMAGED = "damaged"  # other bytes than were saved, or not a regular file


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheck:
    """One file and its condition."""

    file: AnswerFile
    condition: Condition


def inspect_files(
    files: Iterable[AnswerFile], folder: Path, *, verify: bool
) -> Iterator[FileCheck]:
    """Each file's condition, in order: by its size, with `verify` by all its bytes."""
    look = _by_bytes if verify else _by_size
    with ThreadPoolExecutor(HASH_THREADS) as pool:
        kept = list(files)
        conditions = pool.map(lambda file: look(file, folder / file.name), kept)
        for file, condition in zip(kept, conditions, strict=True):
            yield FileCheck(file=file, condition=condition)


def inspect_target(
    files: Iterable[AnswerFile], target: FileTarget, *, verify: bool
) -> Iterator[FileCheck]:
    """The same for files on a target. Raises FileTargetError if it cannot be asked."""
    with ThreadPoolExecutor(TARGET_THREADS) as pool:
        kept = list(files)
        conditions = pool.map(lambda file: _on_target(file, target, verify=verify), kept)
        for file, condition in zip(kept, conditions, strict=True):
            yield FileCheck(file=file, condition=condition)


def _on_target(file: AnswerFile, target: FileTarget, *, verify: bool) -> Condition:
    try:
        size = target.size_of(f"{FILES}/{file.name}")
    except FileNotFoundError:  # a name that no target has
        size = None
    if size is None:
        return Condition.MISSING
    same = size == file.size and (
        not verify or target.digest_of(f"{FILES}/{file.name}") == file.sha256
    )
    return Condition.GOOD if same else Condition.DAMAGED


def _by_size(file: AnswerFile, path: Path) -> Condition:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Condition.MISSING
    whole = stat.S_ISREG(status.st_mode) and status.st_size == file.size
    return Condition.GOOD if whole else Condition.DAMAGED


def _by_bytes(file: AnswerFile, path: Path) -> Condition:
    condition = _by_size(file, path)
    if condition is not Condition.GOOD:
        return condition
    with path.open("rb") as opened:
        same = hashlib.file_digest(opened, "sha256").digest() == file.sha256
    return Condition.GOOD if same else Condition.DAMAGED
