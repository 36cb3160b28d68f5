"""Films come whole or not at all: resumed where they broke off, with the key only at home."""

import os
from pathlib import Path

import pytest

from runner.files.download import Downloads
from runner.files.save import Saved
from runner.mock import pictures
from runner.transport.addresses import AddressGuard
from tests.support.fault_server import FaultServer, Seen, Stage, answer

FILM = (Path(pictures.__path__[0]) / "film.mp4").read_bytes()
SIZE = 3_000_000
BOX = (SIZE).to_bytes(4, "big") + b"free"
BIG = FILM + BOX + bytes(SIZE - 8)
KEY = {"Authorization": "Bearer sk-home"}


def ranged(pieces: int, *, etag: str = '"a"', honours: bool = True):  # type: ignore[no-untyped-def]  # a Play
    """A server that gives out so many bytes at a time, like a proxy with a time limit."""

    async def play(stage: Stage, seen: Seen) -> None:
        begin = seen.headers.get("range", "")
        start = int(begin.removeprefix("bytes=").rstrip("-")) if begin and honours else 0
        status = "206 Partial Content" if start else "200 OK"
        head = [f"ETag: {etag}"]
        if start:
            head.append(f"Content-Range: bytes {start}-{len(BIG) - 1}/{len(BIG)}")
        body = BIG[start : start + pieces]
        await stage.say(answer(body, *head, status=status, length=len(BIG) - start))
        stage.writer.close()

    return play


async def test_a_film_that_breaks_off_is_resumed_until_it_is_whole(tmp_path: Path) -> None:
    server = FaultServer(ranged(1_100_000))
    async with server, Downloads(AddressGuard(base_url=server.url), environ={}) as downloads:
        found = await downloads.download(f"{server.url}/f", tmp_path / "a")
    assert isinstance(found, Saved), found
    assert found.path.read_bytes() == BIG
    assert found.media_type == "video/mp4"
    begins = [one.headers.get("range") for one in server.seen]
    assert begins == [None, "bytes=1100000-", "bytes=2200000-"]


async def test_a_server_that_cannot_resume_leaves_no_half_film(tmp_path: Path) -> None:
    server = FaultServer(ranged(1_100_000, honours=False))
    async with server, Downloads(AddressGuard(base_url=server.url), environ={}) as downloads:
        found = await downloads.download(f"{server.url}/f", tmp_path / "a")
    assert not isinstance(found, Saved)
    assert found.cause == "cut"  # type: ignore[union-attr]  # a failure
    assert not os.listdir(tmp_path)  # noqa: PTH208 - a test may look


async def test_a_song_that_breaks_off_between_two_frames_is_not_whole(tmp_path: Path) -> None:
    song = (Path(pictures.__path__[0]) / "song.mp3").read_bytes()

    async def play(stage: Stage, _: Seen) -> None:
        await stage.say(answer(song[:1000], length=len(song)))
        stage.writer.close()

    server = FaultServer(play)
    async with server, Downloads(AddressGuard(base_url=server.url), environ={}) as downloads:
        found = await downloads.download(f"{server.url}/s", tmp_path / "a")
    assert getattr(found, "cause", "") == "cut"


@pytest.mark.parametrize("at_home", [True, False])
async def test_the_key_goes_home_only_and_only_if_it_is_asked_for(
    tmp_path: Path, at_home: bool
) -> None:
    async def play(stage: Stage, seen: Seen) -> None:
        known = seen.headers.get("authorization") == KEY["Authorization"]
        await stage.say(answer(FILM) if known else answer(b"{}", status="401 Unauthorized"))

    server = FaultServer(play)
    async with server, Downloads(AddressGuard(base_url=server.url), environ={}) as downloads:
        home = server.url if at_home else "http://gateway.example"
        found = await downloads.download(
            f"{server.url}/f", tmp_path / "a", key=lambda url: KEY if url.startswith(home) else {}
        )
    sent = ["authorization" in one.headers for one in server.seen]
    assert sent == ([False, True] if at_home else [False])
    assert isinstance(found, Saved) is at_home


async def test_a_redirect_away_from_home_takes_no_key_along(tmp_path: Path) -> None:
    async def away(stage: Stage, _: Seen) -> None:
        await stage.say(answer(FILM))

    other = FaultServer(away)

    async def home(stage: Stage, seen: Seen) -> None:
        if "authorization" not in seen.headers:
            await stage.say(answer(b"", status="401 Unauthorized"))
        else:
            await stage.say(answer(b"", f"Location: {other.url}/f", status="302 Found"))

    server = FaultServer(home)
    async with other, server:
        guard = AddressGuard(base_url=server.url, allow_hosts=("127.0.0.1",))
        async with Downloads(guard, environ={}) as downloads:
            found = await downloads.download(
                f"{server.url}/f",
                tmp_path / "a",
                key=lambda url: KEY if url.startswith(server.url) else {},
            )
    assert isinstance(found, Saved), found
    assert all("authorization" not in one.headers for one in other.seen)
