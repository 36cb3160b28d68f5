"""Tests of `runner.workspace.spool_folders`: who may read and clear which spool."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from runner.protocol.call import Reply
from runner.workspace.spool import Spool
from runner.workspace.spool_folders import SpoolFolder, abandoned

HOLDER = """
import sys
from pathlib import Path
from runner.workspace.spool import Spool
from runner.workspace.spool_folders import SpoolFolder
from runner.protocol.call import Reply
folder = SpoolFolder.new(Path(sys.argv[1]))
Spool(folder.path).append(7, Reply(status=200, headers={}, body=b"paid"))
print("ready", flush=True)
sys.stdin.read()
"""


def reply() -> Reply:
    return Reply(status=200, headers={}, body=b"paid")


def test_the_spool_of_a_live_process_is_left_alone_and_that_of_a_dead_one_taken_over(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        assert list(abandoned(tmp_path)) == []
        os.kill(other.pid, signal.SIGKILL)
        other.wait(10)
        (folder,) = abandoned(tmp_path)
    assert [record.call_id for record in folder.records()] == [7]
    assert list(abandoned(tmp_path)) == []  # held by us now
    folder.close()
    (folder,) = abandoned(tmp_path)
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_two_processes_of_one_machine_never_share_a_folder(tmp_path: Path) -> None:
    one, other = SpoolFolder.new(tmp_path), SpoolFolder.new(tmp_path)
    assert one.path != other.path
    one.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_answers_outlives_its_process_and_an_empty_one_does_not(
    tmp_path: Path,
) -> None:
    folder = SpoolFolder.new(tmp_path)
    spool = Spool(folder.path)
    spool.append(1, reply())
    spool.append(2, reply())
    spool.forget(1)
    spool.flush()
    spool.close()
    folder.close()
    (left,) = abandoned(tmp_path)
    assert [record.call_id for record in left.records()] == [1, 2]
    left.remove()


def test_a_folder_that_is_being_made_is_seen_by_nobody(tmp_path: Path) -> None:
    (tmp_path / ".4711-abcd").mkdir()
    assert list(abandoned(tmp_path)) == []
