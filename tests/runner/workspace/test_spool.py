"""Answers that are not in the table yet survive their process."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.protocol.call import Reply
from runner.workspace import spool as spooling
from runner.workspace.spool import Spool, clear, pack, replay

WRITER = """
import sys
from pathlib import Path
from runner.workspace.spool import Spool
from runner.protocol.call import Reply
spool = Spool(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**9):
    reply = Reply(status=200, headers={"n": str(number)}, body=str(number).encode() * 300)
    spool.append(number, reply)
    print(number, flush=True)
"""


def reply(body: bytes = b"body", **headers: str) -> Reply:
    return Reply(status=200, headers=headers, body=body, seconds=1.5)


def calls(folder: Path) -> list[int]:
    """The answers that the next run would find."""
    return [record.call_id for record in replay(folder)]


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    before = time.time()
    spool.append(7, reply(b"\x00\xffbytes", date="now", 名="é"))
    (record,) = replay(tmp_path)
    assert record.reply == reply(b"\x00\xffbytes", date="now", 名="é")
    assert (record.call_id, before <= record.at <= time.time()) == (7, True)
    spool.close()


def test_every_acknowledged_answer_survives_kill_nine(tmp_path: Path) -> None:
    """Kill writers in a loop; each continues after what the previous one left."""
    chance = random.Random(4)
    acknowledged = -1
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path, str(acknowledged + 1)],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(20, 400)):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
        found = calls(tmp_path)
        assert set(found) >= set(range(acknowledged + 1))
        acknowledged = max(found)
    for record in replay(tmp_path):
        assert record.reply.body == str(record.call_id).encode() * 300


def test_a_tail_torn_at_any_byte_costs_only_itself(tmp_path: Path) -> None:
    first, second = pack(1, reply(b"one")), pack(2, reply(b"two" * 10))
    path = tmp_path / "00000001.spool"
    for cut in range(len(second)):
        path.write_bytes(first + second[:cut])
        assert calls(tmp_path) == [1]
    path.write_bytes(first + second)
    assert calls(tmp_path) == [1, 2]


def test_a_flipped_bit_costs_only_its_own_answer(tmp_path: Path) -> None:
    records = [pack(number, reply(b"x" * 20)) for number in (1, 2, 3)]
    path = tmp_path / "00000001.spool"
    for at in range(len(records[1])):
        damaged = bytearray(records[1])
        damaged[at] ^= 0x10
        path.write_bytes(records[0] + bytes(damaged) + records[2])
        found = calls(tmp_path)
        in_number = 4 <= at < 12  # the checksum does not cover the call's number
        assert found[0] == 1
        assert found[-1] == 3
        assert len(found) == (3 if in_number else 2)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_never_an_answer(content: bytes) -> None:
    assert list(spooling._records(content)) == []


def test_what_is_durable_elsewhere_is_forgotten(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in (1, 2):
        spool.append(number, reply())
    spool.forget(1)
    assert calls(tmp_path) == [1, 2]  # the file is deleted as a whole
    spool.forget(2)
    assert calls(tmp_path) == []
    spool.append(3, reply())
    assert calls(tmp_path) == [3]
    spool.forget(99)
    assert calls(tmp_path) == [3]
    spool.close()


def test_full_segments_are_closed_and_dropped_when_all_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "SEGMENT_BYTES", 1000)
    spool = Spool(tmp_path)
    for number in range(30):
        spool.append(number, reply(b"y" * 300))
        if number >= 5:
            spool.forget(number - 5)
    assert set(calls(tmp_path)) >= set(range(25, 30))
    assert len(list(tmp_path.glob("*.spool"))) < 6
    for number in range(30):
        spool.forget(number)
    assert calls(tmp_path) == []
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_spool_leaves_only_what_is_still_needed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(1, reply())
    spool.close()
    assert calls(tmp_path) == [1]
    clear(tmp_path, keep=tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_new_spool_never_writes_into_the_files_of_an_earlier_run(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        Spool(tmp_path).append(number, reply())
    assert calls(tmp_path) == [1, 2, 3]
    assert len(list(tmp_path.glob("*.spool"))) == 3


def test_a_disk_that_takes_only_a_part_does_not_hide_what_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.append(1, reply())
    whole = os.write
    with monkeypatch.context() as full:
        full.setattr("runner.workspace.spool.os.write", lambda fd, data: whole(fd, data[:30]))
        with pytest.raises(OSError, match="30 of"):
            spool.append(2, reply())
    spool.append(3, reply())
    assert calls(tmp_path) == [1, 3]
    assert not (tmp_path / "00000001.spool").read_bytes().count(b"RWS1") > 2
    spool.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_spool_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    spool.close()


def test_clearing_keeps_the_answers_of_calls_that_nobody_settled(tmp_path: Path) -> None:
    for number in (1, 2):
        spool = Spool(tmp_path)
        spool.append(number, reply())
        spool.close()
    clear(tmp_path, keep=tmp_path / "none", unsettled={2, 9})
    assert calls(tmp_path) == [2]
    clear(tmp_path, keep=tmp_path / "none", unsettled={9})
    assert calls(tmp_path) == []


def test_forgetting_an_answer_waits_for_another_that_a_thread_is_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, written = Spool(tmp_path), threading.Event()
    spool.append(1, reply())
    real = os.write

    def slow(fd: int, data: bytes) -> int:
        count = real(fd, data)
        written.set()
        time.sleep(0.05)  # the disk takes its time
        return count

    monkeypatch.setattr(os, "write", slow)
    thread = threading.Thread(target=spool.append, args=(2, reply(b"x" * 300_000)))
    thread.start()
    written.wait(5)
    spool.forget(1)
    thread.join()
    assert 2 in calls(tmp_path)
    spool.close()
