"""Bodies that are too big for memory are sent from a file and received into one."""

import asyncio
import gzip
import hashlib
import tracemalloc
from pathlib import Path

import pytest

from runner.protocol.call import BodyFile, Call, Delivery, EncodedBody, Lost, NotSent, Reply
from runner.protocol.call_key import bound_key
from tests.support.fault_server import (
    CHUNKED,
    FaultServer,
    Play,
    Seen,
    Stage,
    answer,
    chunk,
    packed,
    playing,
)
from tests.support.wired import KEY, wired

LINES = b"".join(b'{"n":%d}\n' % n for n in range(5000))
GET = Call(path="/v1/files/f/content", method="GET", timeout=5)


def _upload(path: Path, content: bytes, *, size: int | None = None) -> Call:
    path.write_bytes(content)
    file = BodyFile(
        path=path,
        size=len(content) if size is None else size,
        digest=hashlib.sha256(content).hexdigest(),
        tail=b"--end",
    )
    body = EncodedBody(content=b"head--", media_type="application/x", file=file)
    return Call(path="/v1/files", timeout=20, encoded=body)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def _saved(play: Play, target: Path) -> Delivery:
    server = FaultServer(play=play)
    async with server, wired(server.url) as wire:
        return await wire.save(GET, target)


async def test_a_file_is_sent_between_head_and_tail(tmp_path: Path) -> None:
    server = FaultServer()
    call = _upload(tmp_path / "lines", LINES)
    async with server, wired(server.url) as wire:
        assert isinstance(await wire.send(call), Reply)
    (seen,) = server.seen
    assert seen.body == b"head--" + LINES + b"--end"
    assert seen.headers["content-type"] == "application/x"
    assert seen.headers["content-length"] == str(len(seen.body))


async def test_a_big_file_is_not_in_memory(tmp_path: Path) -> None:
    async def swallow(stage: Stage, seen: Seen) -> None:
        left = int(seen.headers["content-length"])
        while left and (piece := await stage.reader.read(1 << 16)):
            left -= len(piece)
        await stage.say(answer(b"{}"))

    server = FaultServer(play=swallow, head_only=True)
    call = _upload(tmp_path / "lines", bytes(60_000_000))
    async with server, wired(server.url) as wire:
        tracemalloc.start()
        assert isinstance(await wire.send(call), Reply)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8_000_000


async def test_a_file_that_has_changed_is_not_sent(tmp_path: Path) -> None:
    server = FaultServer()
    async with server, wired(server.url) as wire:
        assert isinstance(await wire.send(_upload(tmp_path / "a", LINES, size=3)), NotSent)
        gone = _upload(tmp_path / "b", LINES)
        (tmp_path / "b").unlink()
        assert isinstance(await wire.send(gone), NotSent)
    assert not server.seen


def test_other_lines_have_another_key(tmp_path: Path) -> None:
    calls = [_upload(tmp_path / text, text.encode()) for text in ("a", "b")]
    keys = {bound_key("k", call, call.encoded) for call in calls if call.encoded}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "play",
    [
        playing(answer(LINES)),
        playing(CHUNKED + chunk(LINES[:999]) + chunk(LINES[999:]) + chunk(b"")),
        playing(packed(gzip.compress(LINES))),
        playing(answer(LINES[:-1])),
    ],
)
async def test_an_answer_is_saved_as_a_whole(tmp_path: Path, play: Play) -> None:
    target = tmp_path / "results"
    found = await _saved(play, target)
    assert isinstance(found, Reply)
    assert found.body == b""
    assert target.read_bytes().rstrip() == LINES.rstrip()
    assert target.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "play",
    [
        playing(answer(LINES[:9000], length=len(LINES)), end="close"),
        playing(answer(LINES[:9000], length=len(LINES)), end="reset"),
        playing(CHUNKED + chunk(LINES[:9000]), end="close"),
        playing(packed(gzip.compress(LINES)[:-9])),
    ],
)
async def test_a_cut_answer_leaves_nothing(tmp_path: Path, play: Play) -> None:
    found = await _saved(play, tmp_path / "results")
    assert isinstance(found, Lost)
    assert not files_in(tmp_path)


async def test_a_cut_answer_leaves_the_file_of_before(tmp_path: Path) -> None:
    (tmp_path / "results").write_bytes(b"whole\n")
    await _saved(playing(answer(LINES[:9], length=99), end="close"), tmp_path / "results")
    assert (tmp_path / "results").read_bytes() == b"whole\n"


async def test_a_refusal_is_read_and_not_saved(tmp_path: Path) -> None:
    refusal = answer(b'{"error":{"message":"gone"}}', status="404 Not Found")
    found = await _saved(playing(refusal), tmp_path / "results")
    assert isinstance(found, Reply)
    assert b"gone" in found.body
    assert not files_in(tmp_path)


async def test_a_silent_answer_ends(tmp_path: Path) -> None:
    server = FaultServer(play=playing(answer(LINES[:99], length=999), end="silent"))
    async with server, wired(server.url, idle=0.2) as wire:
        async with asyncio.timeout(4):
            assert isinstance(await wire.save(GET, tmp_path / "results"), Lost)


async def test_our_key_is_not_saved(tmp_path: Path) -> None:
    line = b'{"echo":"%s"}\n' % KEY.encode()
    split = CHUNKED + chunk(line[:20]) + chunk(line[20:]) + chunk(b"")
    assert isinstance(await _saved(playing(split, pause=0.05), tmp_path / "results"), Reply)
    assert KEY.encode() not in (tmp_path / "results").read_bytes()
