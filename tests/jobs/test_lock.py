"""One process runs a table at a time; the lock ends with its process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.errors import TableError
from jobs.lock import Lock, LockedError, holder, is_held

HOLD = """
import sys
from pathlib import Path
from jobs.lock import Lock
lock = Lock(Path(sys.argv[1]))
lock.acquire()
"""
WAIT = "print('held', flush=True)\nsys.stdin.read()\n"


@contextmanager
def holding(path: Path, *, more: str = "") -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD + more + WAIT, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_second_process_is_refused_at_once_and_told_by_whom(path: Path) -> None:
    with holding(path) as first:
        assert is_held(path)
        with pytest.raises(LockedError, match=f"pid {first.pid}") as refused:
            Lock(path).acquire()
    assert refused.value.holder.pid == first.pid
    assert refused.value.holder.host


def test_the_refusal_does_not_wipe_who_holds_it(path: Path) -> None:
    with holding(path) as first:
        for _ in range(2):
            with pytest.raises(LockedError):
                Lock(path).acquire()
        assert holder(path).pid == first.pid


def test_a_killed_holder_frees_it_at_once(path: Path) -> None:
    with holding(path) as first:
        first.kill()
        first.wait()
        assert not is_held(path)
        lock = Lock(path)
        lock.acquire()
        assert holder(path).pid == os.getpid()
        lock.release()


def test_a_process_started_by_the_holder_does_not_keep_it(path: Path) -> None:
    more = """
import subprocess
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print(child.pid, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD + more, path], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        child = int(first.stdout.readline())
        try:
            first.kill()
            first.wait()
            assert not is_held(path)
        finally:
            os.kill(child, signal.SIGTERM)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_keep_it(path: Path) -> None:
    more = """
import os, time
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
time.sleep(0.2)
print(child, flush=True)
"""
    with holding_parent(path, more) as (first, child):
        first.kill()
        first.wait()
        assert not is_held(path)
        os.kill(child, signal.SIGTERM)


@contextmanager
def holding_parent(path: Path, more: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A lock holder that prints a number, usually its child's pid, and then waits."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD + more + "sys.stdin.read()\n", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_a_deleted_lock_file_is_noticed(path: Path) -> None:
    lock = Lock(path)
    lock.acquire()
    assert lock.held()
    path.unlink()
    assert not lock.held()
    path.touch()
    assert not lock.held()
    lock.release()


def test_a_released_lock_can_be_taken_again(path: Path) -> None:
    for _ in range(3):
        lock = Lock(path)
        assert not lock.held()
        lock.acquire()
        assert lock.held()
        assert is_held(path)
        lock.release()
        lock.release()
        assert not lock.held()
        assert not is_held(path)
        assert holder(path).pid == 0


def test_asking_leaves_the_lock_to_its_holder_and_free_when_free(path: Path) -> None:
    assert not is_held(path)
    assert not path.exists()
    lock = Lock(path)
    lock.acquire()
    assert [is_held(path) for _ in range(5)] == [True] * 5
    lock.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff\xfe"])
def test_an_unreadable_holder_is_none(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert holder(path).pid == 0
    lock = Lock(path)
    lock.acquire()
    assert json.loads(path.read_bytes())["pid"] == os.getpid()
    lock.release()


@pytest.mark.skipif(os.name == "nt", reason="flock is not how Windows locks")
def test_a_folder_without_locks_is_said_to_be_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(TableError, match=r"table_no_lock.*not implemented"):
        Lock(path).acquire()
