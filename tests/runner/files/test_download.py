"""Downloads are complete or refused, and never reach internal addresses (real loopback servers)."""

import asyncio
import gzip
import hashlib
import io
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.files import download as download_module
from runner.files.download import Download, DownloadFailure, Downloads, download, save
from runner.files.save import NameTaken, Saved, part_of
from runner.transport.addresses import AddressGuard
from tests.support.fault_server import (
    CHUNKED,
    FaultServer,
    Play,
    Seen,
    Stage,
    answer,
    bare,
    chunk,
    playing,
)


def drawn(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 80).save(out, kind)
    return out.getvalue()


SMALL = drawn()
LARGE = drawn(size=(1400, 1200))  # more than a megabyte
WEBP = drawn("WEBP")


async def fetched(
    server: FaultServer, target: Path, path: str = "/a.png", **options: Any
) -> Download:
    async with (
        server,
        Downloads(AddressGuard(base_url=server.url), environ={}, **options) as downloads,
    ):
        return await downloads.download(server.url + path, target)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("how", ["length", "chunked", "gzip"])
async def test_a_picture_lands_whole_under_its_name(data: bytes, how: str, tmp_path: Path) -> None:
    plays = {
        "length": playing(answer(data)),
        "chunked": playing(CHUNKED + chunk(data[:1000]) + chunk(data[1000:]) + chunk(b"")),
        "gzip": playing(answer(gzip.compress(data, 1), "Content-Encoding: gzip")),
    }
    server = FaultServer(plays[how])
    saved = await fetched(server, tmp_path / "0001-猫 v1.5")
    assert isinstance(saved, Saved), saved
    assert saved.path == tmp_path / "0001-猫 v1.5.png"
    assert saved.path.read_bytes() == data
    assert saved.sha256 == hashlib.sha256(data).hexdigest()
    assert saved.size == len(data)
    assert (saved.width, saved.height) == ((40, 30) if data is SMALL else (1400, 1200))
    assert names(tmp_path) == [saved.path.name]
    if os.name == "posix":
        assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600


async def test_the_ending_comes_from_the_bytes(tmp_path: Path) -> None:
    play = playing(answer(WEBP, "Content-Type: image/png"))
    saved = await fetched(FaultServer(play), tmp_path / "a", "/picture.jpg")
    assert isinstance(saved, Saved)
    assert (saved.path.name, saved.media_type) == ("a.webp", "image/webp")


CODINGS = ("aws-chunked", "none", "utf-8", "gzip", "deflate", "br", "aws-chunked,gzip")


WAYS = [
    pytest.param(data, how, id=f"{how}-{name}")
    for how in ("chunks", "length", "reset", "silence", *CODINGS)
    for name, data in (("small", SMALL), ("large", LARGE), ("webp", WEBP))
    if (how, name) != ("silence", "large")  # a large picture is not checked before its end
]


@pytest.mark.parametrize(("data", "how"), WAYS)
async def test_a_picture_with_its_end_marker_is_whole_however_it_came(
    data: bytes, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "QUIET_SECONDS", 0.2)
    too_long = answer(data, length=len(data) + 2)
    plays = {
        "chunks": playing(CHUNKED + chunk(data), end="close"),
        "length": playing(too_long, end="close"),
        "reset": playing(too_long, b"", end="reset", pause=0.2),
        "silence": playing(too_long, end="silent"),
        **{coding: playing(answer(data, f"Content-Encoding: {coding}")) for coding in CODINGS},
    }
    saved = await fetched(FaultServer(plays[how]), tmp_path / "a", seconds=5.0)
    assert isinstance(saved, Saved), saved
    assert saved.path.read_bytes() == data


REFUSED: dict[str, tuple[Play, str, bool]] = {
    "a web page": (playing(answer(b"<html>login</html>")), "not_a_picture", False),
    "nothing": (playing(answer(b"")), "not_a_picture", False),
    "half a picture": (playing(answer(SMALL[: len(SMALL) // 2])), "cut", True),
    "half a large picture": (playing(answer(LARGE[: len(LARGE) * 9 // 10])), "cut", True),
    "a cut body": (playing(answer(SMALL[:99], length=len(SMALL)), end="close"), "cut", True),
    "a large cut body": (
        playing(answer(LARGE[:1_500_000], length=len(LARGE)), end="close"),
        "cut",
        True,
    ),
    "a reset body": (
        playing(answer(SMALL[:99], length=10**6), b"", end="reset", pause=0.05),
        "cut",
        True,
    ),
    "cut chunks": (playing(CHUNKED + chunk(SMALL[:-1]), end="close"), "cut", True),
    "cut and called aws-chunked": (
        playing(answer(SMALL[:-1], "Content-Encoding: aws-chunked")),
        "cut",
        True,
    ),
    "bad chunk size": (playing(CHUNKED, b"zz\r\n", pause=0.05, end="close"), "cut", True),
    "cut gzip": (
        playing(answer(gzip.compress(SMALL)[:-90], "Content-Encoding: gzip")),
        "cut",
        True,
    ),
    "no answer": (playing(end="close"), "network", True),
    "silence": (playing(end="silent"), "timeout", True),
    "not HTTP": (playing(b"SSH-2.0\r\n\r\n", end="close"), "network", True),
    "too large by its length": (playing(answer(b"", length=10**10)), "too_large", False),
    "too large without length": (
        playing(bare("HTTP/1.1 200 OK") + LARGE * 3, end="close"),
        "too_large",
        False,
    ),
    "401": (playing(answer(status="401 No")), "expired", False),
    "403": (playing(answer(status="403 No")), "expired", True),
    "404": (playing(answer(status="404 No")), "not_found", True),
    "410": (playing(answer(status="410 Gone")), "expired", True),
    "429": (playing(answer(status="429 Slow")), "server", True),
    "500": (playing(answer(status="500 Oh")), "server", True),
    "206": (playing(answer(SMALL, status="206 Partial")), "server", False),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_whole_picture_leaves_no_file(name: str, tmp_path: Path) -> None:
    play, cause, passing = REFUSED[name]
    result = await fetched(FaultServer(play), tmp_path / "a", most=5_000_000, seconds=0.7)
    assert isinstance(result, DownloadFailure), result
    assert (result.cause, result.passing) == (cause, passing), result
    assert result.status == (int(name) if name.isdigit() else None)
    assert names(tmp_path) == []


async def test_the_address_goes_out_byte_for_byte(tmp_path: Path) -> None:
    server = FaultServer(playing(answer(SMALL)))
    path = "/a%2Fb%2fc//d/../e+f%20g;h=1?sig=a%2B/b%3d=&x=%zz&y=a|b'"
    await fetched(server, tmp_path / "a", path)
    assert server.seen[0].path == path
    server = FaultServer(playing(answer(SMALL)))
    await fetched(server, tmp_path / "a", "/图 片.png\r\nX-Evil: 1")
    assert server.seen[0].path == "/%E5%9B%BE%20%E7%89%87.png%0D%0AX-Evil:%201"
    assert "x-evil" not in server.seen[0].headers


async def test_no_key_and_no_cookie_is_sent(tmp_path: Path) -> None:
    server = FaultServer(playing(answer(SMALL, "Set-Cookie: a=b; Path=/")))
    async with server, Downloads(AddressGuard(base_url=server.url), environ={}) as downloads:
        for name in ("a", "b"):
            await downloads.download(server.url, tmp_path / name)
    for seen in server.seen:
        assert not {"authorization", "cookie", "idempotency-key"} & set(seen.headers)
        assert seen.headers["accept-encoding"] == "identity"


def redirecting(to: Callable[[str], str], status: str = "302 Found") -> Play:
    async def play(stage: Stage, seen: Seen) -> None:
        location = to(seen.path)
        if location:
            await stage.say(answer(b"", f"Location: {location}", status=status))
        else:
            await stage.say(answer(SMALL))

    return play


async def test_redirects_are_followed_up_to_five(tmp_path: Path) -> None:
    def to(path: str) -> str:
        number = int(path.rpartition("/")[2])
        return f"/x/{number - 1}" if number else ""

    assert isinstance(await fetched(FaultServer(redirecting(to)), tmp_path / "a", "/x/5"), Saved)
    result = await fetched(FaultServer(redirecting(to)), tmp_path / "b", "/x/6")
    assert isinstance(result, DownloadFailure)
    assert result.cause == "blocked"


@pytest.mark.parametrize(
    "location",
    [
        "http://{canary}/",
        "http://localhost:{port}/",
        "http://127.0.0.1:{port}/latest/meta-data",
        "http://127.1:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.0.0.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://user:pass@127.0.0.1:{port}/",
        "http://example.com\\@127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:{port}/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http:///nothing",
    ],
)
@pytest.mark.parametrize("hop", ["direct", "redirected"])
async def test_nothing_inside_is_reached(location: str, hop: str, tmp_path: Path) -> None:
    async with FaultServer(playing(answer(SMALL))) as canary:
        url = location.format(canary=f"127.0.0.1:{canary.port}", port=canary.port)
        if hop == "direct":
            if url.startswith("//"):
                url = f"http:{url}"
            result = await download(url, tmp_path / "a", guard=AddressGuard())
        else:
            result = await fetched(FaultServer(redirecting(lambda _: url)), tmp_path / "a")
    assert isinstance(result, DownloadFailure), result
    assert result.cause in {"blocked", "loopback", "network"}, result
    assert canary.connections == 0
    assert names(tmp_path) == []


async def test_a_name_that_changes_its_address_is_checked_at_the_connection(
    tmp_path: Path,
) -> None:
    answers = [["127.0.0.1"], ["8.8.8.8"]]

    async def lookup(host: str, port: int) -> list[str]:
        return answers.pop()  # public in the first lookup, internal afterwards

    guard = AddressGuard(lookup=lookup)
    await guard.addresses("rebinding.test", 80)
    async with (
        FaultServer(playing(answer(SMALL))) as canary,
        Downloads(guard, environ={}) as downloads,
    ):
        url = f"http://rebinding.test:{canary.port}/"
        result = await downloads.download(url, tmp_path / "a")
    assert isinstance(result, DownloadFailure)
    assert (result.cause, result.passing) == ("loopback", False)
    assert canary.connections == 0


async def test_the_name_is_kept_for_the_host_header(tmp_path: Path) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    server = FaultServer(playing(answer(SMALL)))
    guard = AddressGuard(allow_hosts=["pictures.test"], lookup=lookup)
    async with server, Downloads(guard, environ={}) as downloads:
        result = await downloads.download(f"http://pictures.test:{server.port}/a", tmp_path / "a")
    assert isinstance(result, Saved)
    assert server.seen[0].headers["host"] == f"pictures.test:{server.port}"


async def test_through_a_proxy_the_address_is_checked_too(tmp_path: Path) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return ["8.8.8.8"] if host == "pictures.test" else ["10.0.0.1"]

    proxy = FaultServer(playing(answer(SMALL)))
    async with proxy:
        environ = {"http_proxy": proxy.url.replace("127.0.0.1", "localhost")}
        async with Downloads(AddressGuard(lookup=lookup), environ=environ) as downloads:
            good = await downloads.download("http://pictures.test/a", tmp_path / "a")
            bad = await downloads.download("http://intranet.test/a", tmp_path / "b")
    assert isinstance(good, Saved), good
    assert isinstance(bad, DownloadFailure)
    assert bad.cause == "blocked"
    assert [seen.path for seen in proxy.seen] == ["http://pictures.test/a"]


Put = Callable[[bytes, Path], Awaitable[Download]]


async def by_download(data: bytes, target: Path) -> Download:
    return await fetched(FaultServer(playing(answer(data))), target)


@pytest.mark.parametrize("put", [save, by_download])
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
async def test_existing_files_are_reused_or_left_alone(
    put: Put, data: bytes, tmp_path: Path
) -> None:
    target, final = tmp_path / "a", tmp_path / "a.png"
    first = await put(data, target)
    before = final.stat().st_mtime_ns
    assert await put(data, target) == first
    assert final.stat().st_mtime_ns == before
    final.write_bytes(b"coloured by the user")
    assert await put(data, target) == NameTaken(path=final)
    assert final.read_bytes() == b"coloured by the user"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "pipe"])
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
async def test_odd_things_under_the_name_are_never_followed(
    kind: str, data: bytes, tmp_path: Path
) -> None:
    final, elsewhere = tmp_path / "a.png", tmp_path / "elsewhere"
    if kind == "folder":
        final.mkdir()
    elif kind == "pipe":
        os.mkfifo(final)
    else:
        if kind == "link":
            elsewhere.write_bytes(data)
        final.symlink_to(elsewhere)
    async with asyncio.timeout(5):
        assert await by_download(data, tmp_path / "a") == NameTaken(path=final)
    assert elsewhere.exists() is (kind == "link")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
async def test_what_an_earlier_death_left_is_replaced(data: bytes, tmp_path: Path) -> None:
    target, precious = tmp_path / "a", tmp_path / "precious"
    precious.write_bytes(b"keep")
    part_of(target).symlink_to(precious)
    assert isinstance(await by_download(data, target), Saved)
    assert precious.read_bytes() == b"keep"
    part_of(tmp_path / "b").write_bytes(b"half a pic")
    assert isinstance(await by_download(data, tmp_path / "b"), Saved)
    assert names(tmp_path) == ["a.png", "b.png", "precious"]


async def test_a_disk_at_fault_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await by_download(SMALL, tmp_path / "missing" / "a")


async def test_inline_pictures_are_checked_as_well(tmp_path: Path) -> None:
    assert isinstance(await save(SMALL, tmp_path / "a"), Saved)
    cut = await save(SMALL[:-5], tmp_path / "b")
    page = await save(b"<html>", tmp_path / "c")
    assert isinstance(cut, DownloadFailure)
    assert isinstance(page, DownloadFailure)
    assert (cut.cause, page.cause) == ("cut", "not_a_picture")
    assert names(tmp_path) == ["a.png"]


async def test_a_cancelled_download_leaves_no_file(tmp_path: Path) -> None:
    play = playing(answer(LARGE[:1_500_000], length=len(LARGE)), end="silent")
    task = asyncio.create_task(fetched(FaultServer(play), tmp_path / "a"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []
