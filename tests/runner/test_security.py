"""No sheet, gateway, answer or other user can read, write or run anything beyond its part."""

import asyncio
import base64
import csv
import gzip
import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from runner.exits import Exit
from runner.files.download import Download, DownloadFailure, Downloads, download
from runner.transport.addresses import AddressGuard
from tests.support.fault_server import FaultServer, Seen, Stage, answer, packed, playing
from tests.support.world import KEY, TEXT, World

# --- cells that name local files ------------------------------------------------------------------

CANARY = b"canary-7c1e55 private"


def hostile_cells(folder: Path) -> list[str]:
    """Paths that lead out of the sheet's folder, or are not paths at all."""
    above, home = folder.parent, str(Path.home())
    return [
        f"{above}/secret.png", "../secret.png", "./../secret.png", "a/../../secret.png",
        "..\\secret.png", "a\\..\\..\\secret.png", "%2e%2e/secret.png", "..%2fsecret.png",
        "....//secret.png", "../desk/../secret.png", "out/secret.png", "link.png", "chain.png",
        "out/../secret.png", "loop", "loop/x.png", "pipe", "pipe/x", ".", "..", "/", "./", "a/",
        "/etc/passwd", "/etc/shadow", "/proc/self/environ", "/proc/self/cmdline",
        "/proc/self/fd/0", "/proc/self/mem", "/proc/1/environ", "/dev/zero", "/dev/random",
        "/dev/stdin", "/dev/tty", "/dev/fd/0", "/sys/kernel/notes", f"{home}/.ssh/id_rsa",
        "~/.ssh/id_rsa", "~root/.bashrc", "~", "$HOME/.netrc", "${HOME}/.netrc", "`id`", "$(id)",
        "%USERPROFILE%\\x.png", "C:\\Windows\\win.ini", "C:secret.png", "c:/secret.png",
        "\\\\host\\share\\x.png", "//host/share/x.png", "\\/host/x.png", "/\\host/x.png",
        "\\\\?\\C:\\x.png", "\\\\.\\pipe\\x", "file:///etc/passwd", "file:secret.png",
        "FILE://localhost/etc/passwd", "file:////etc/passwd", "ftp://127.0.0.1/x.png",
        "gopher://127.0.0.1/x", "dict://127.0.0.1:11211/", "jar:file:/x!/y", "php://filter/x",
        "javascript:alert(1)", "netdoc:/etc/passwd", "smb://host/x", "ldap://127.0.0.1/",
        "secret.png\0.png", "link.png\0", "rowmill.toml", ".env", "desk.rowmill/jobs.db",
        "data:text/plain;base64,Y2FuYXJ5", "data:image/png,../secret.png", "data:image/svg+xml,<x>",
    ]  # fmt: skip


def test_no_cell_of_a_sheet_sends_a_file_from_elsewhere(world: World) -> None:
    folder = world.folder
    Image.new("RGB", (4, 4), "red").save(folder.parent / "secret.png", pnginfo=None)
    with (folder.parent / "secret.png").open("ab") as file:
        file.write(CANARY)
    (folder / ".env").write_bytes(CANARY)
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "chain.png").symlink_to("link.png")
    (folder / "out").symlink_to(folder.parent)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    cells = hostile_cells(folder)
    assert len(cells) >= 60
    sheet = world.sheet(
        "a.jsonl", ["prompt", "image"]
    )  # written below: a csv cannot hold every cell
    lines = [{"prompt": f"look {n}", "image": [cell]} for n, cell in enumerate(cells)]
    sheet.write_text("".join(json.dumps(one) + "\n" for one in lines))
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (Exit.UNUSABLE, 0), done.err
    skipped = world.run("run", sheet, *TEXT, "--skip-bad")
    assert (skipped.code, skipped.posts) == (Exit.SOME_FAILED, 0), skipped.err
    assert world.standing(sheet) == {"failed": len(cells)}


# --- links to internal addresses ------------------------------------------------------------------

INSIDE = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0.0.0.0", "0", "2130706433", "0x7f000001",
    "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.",
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.1.1", "169.254.169.254",
    "169.254.170.2", "168.63.129.16", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1",
    "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.2.3", "240.0.0.1",
    "255.255.255.255", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
    "[2002:a00:1::1]", "[2001:0:7f00:1::1]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]",
    "[fec0::1]", "[ff02::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]",
    "[2606:4700::5efe:10.0.0.1]", "[::ffff:192.168.0.1]", "127。0。0。1", "①②⑦.⓪.⓪.①",
    "user:pw@127.0.0.1", "example.com\\@127.0.0.1",
)  # fmt: skip


def bare(host: str) -> str:
    """A host as a lookup returns it."""
    return host.strip("[]").rpartition("@")[2]


@pytest.mark.parametrize("way", ["direct", "redirect", "rebinding"])
async def test_no_link_reaches_the_inside(way: str, tmp_path: Path) -> None:
    assert len(INSIDE) >= 60
    reached: list[str] = []
    async with FaultServer(playing(answer(b"inside"))) as canary:
        for host in INSIDE:
            url = f"http://{host}:{canary.port}/latest/meta-data"
            if way == "direct":
                found = await download(url, tmp_path / "a", guard=AddressGuard())
            elif way == "redirect":
                found = await redirected(url, tmp_path / "a")
            else:
                found = await rebound(bare(host), canary.port, tmp_path / "a")
            assert isinstance(found, DownloadFailure), (host, found)
            if canary.connections:
                reached.append(host)
                canary.connections = 0
    assert not reached
    assert not left_in(tmp_path)


def left_in(folder: Path) -> list[Path]:
    """The files in a folder."""
    return list(folder.iterdir())


async def redirected(url: str, target: Path) -> Download:
    async def play(stage: Stage, seen: Seen) -> None:
        await stage.say(answer(b"", f"Location: {url}", status="302 Found"))

    async with (
        FaultServer(play) as server,
        Downloads(AddressGuard(base_url=server.url), environ={}) as downloads,
    ):
        return await downloads.download(f"{server.url}/a.png", target)


async def rebound(address: str, port: int, target: Path) -> Download:
    """A name that resolves to a public address first, and to an internal one on connect."""
    given = iter([["8.8.8.8"]])

    async def lookup(host: str, port: int) -> list[str]:
        return next(given, [address])

    guard = AddressGuard(lookup=lookup)
    await guard.addresses("rebinding.test", port)
    async with Downloads(guard, environ={}) as downloads:
        return await downloads.download(f"http://rebinding.test:{port}/", target)


# --- bombs ----------------------------------------------------------------------------------------

MEASURE = """
import asyncio, resource, sys
from pathlib import Path
from runner.transport.addresses import AddressGuard
from runner.files.download import Downloads
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target
from runner.protocol.call import Call

async def main(url):
    async with GatewayClient(Target(base_url=url, key=Secret("sk-x1")), in_flight=1) as wire:
        first = await wire.send(Call(path="/warm", json={{}}, timeout=30))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = await wire.send(Call(path="/bomb", json={{}}, timeout=30))
    async with Downloads(AddressGuard(base_url=url), environ={{}}) as downloads:
        picture = await downloads.download(url + "/bomb", Path({target!r}))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(type(found).__name__, type(picture).__name__, picture.cause, (after - before) // 1024)

asyncio.run(main(sys.argv[1]))
"""


def bomb(size: int) -> bytes:
    """So many zero bytes, compressed a thousand to one."""
    packer = zlib.compressobj(9, wbits=31)
    packed_parts = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*packed_parts, packer.flush()])


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_packed_bomb_is_refused_in_little_memory(coding: str, tmp_path: Path) -> None:
    data = bomb(1 << 29)
    if coding == "deflate":
        data = zlib.compress(bytes(1 << 29), 9)

    async def play(stage: Stage, seen: Seen) -> None:
        await stage.say(
            packed(gzip.compress(b"{}")) if seen.path == "/warm" else packed(data, coding)
        )

    script = MEASURE.format(target=str(tmp_path / "a"))
    async with FaultServer(play) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, server.url, stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        out, _ = await process.communicate()
    found, picture, cause, grown = out.decode().split()
    print(f"{len(data):,} bytes; memory grew by {grown} MB")
    assert (picture, cause) == ("DownloadFailure", "too_large")
    assert found == "Lost"
    assert int(grown) < 600
    assert not (tmp_path / "a").exists()


async def test_an_endless_body_stops_at_its_cap(tmp_path: Path) -> None:
    sent = 0

    async def play(stage: Stage, seen: Seen) -> None:
        nonlocal sent
        await stage.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stage.say(bytes(1 << 16))
            sent += 1 << 16

    most = 4 << 20
    async with (
        FaultServer(play) as server,
        Downloads(AddressGuard(base_url=server.url), environ={}, most=most) as downloads,
    ):
        found = await downloads.download(server.url + "/a", tmp_path / "a")
    assert isinstance(found, DownloadFailure)
    assert found.cause == "too_large"
    assert sent < most + (16 << 20)
    assert not left_in(tmp_path)


# --- terminal and names ---------------------------------------------------------------------------

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x1b[?1049h\r\n\x08\x7f\u2066"
OURS = re.compile(rb"\x1b\[[0-9;]*[mABCDHJKl]|\x1b\[\?(25|2026)[hl]")


def on_a_terminal(world: World, *words: object) -> tuple[int, bytes]:
    """Run a command on its own terminal; returns the exit code and every byte written."""
    outer, inner = pty.openpty()
    process = world.start(*words, terminal=inner)
    os.close(inner)
    written = bytearray()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([outer], [], [], 0.1)
        if ready:
            try:
                piece = os.read(outer, 65536)
            except OSError:
                break
            if not piece:
                break
            written += piece
        elif process.poll() is not None:
            break
    os.close(outer)
    return process.wait(30), bytes(written)


def test_nothing_from_outside_steers_the_terminal(world: World) -> None:
    world.mock({"evil": ["401"]})
    sheet = world.folder / f"evil{EVIL.replace(chr(0), '').replace('/', '')}.jsonl"
    lines = [{"prompt": f"evil {EVIL} {n}", EVIL: EVIL, "image": EVIL} for n in range(3)]
    sheet.write_text("".join(json.dumps(one) + "\n" for one in lines))
    world.monkeypatch.delenv("ROWMILL_PROGRESS")
    for words in (
        ("run", sheet, *TEXT), ("run", sheet, *TEXT, "--skip-bad"), ("check", sheet, *TEXT[:4]),
        ("status", sheet), ("show", "1", sheet), ("export", sheet), ("run", sheet, "-e", EVIL),
    ):  # fmt: skip
        _, written = on_a_terminal(world, *words)
        rest = OURS.sub(b"", written)
        assert b"\x1b" not in rest, (words[0], rest[-300:])
        text = rest.decode("utf-8", "replace")
        assert not set(text) & set("\x07\x08\x7f\x9b\u202e\u2066"), (words[0], text[-300:])


# --- other users of the machine -------------------------------------------------------------------


def modes(folder: Path) -> Iterator[tuple[str, int]]:
    for path in (folder, *folder.rglob("*")):
        yield path.relative_to(folder.parent).as_posix(), stat.S_IMODE(path.lstat().st_mode)


def test_what_a_run_leaves_is_for_its_owner_under_any_umask(world: World) -> None:
    before = os.umask(0)
    try:
        sheet = world.prompts("a.csv", "a lamp", "a heron")
        assert world.run("run", sheet, "-e", "chat-image", "-m", "mock-image", "-y").code == 0
        workspace = world.workspace(sheet).folder
        found = dict(modes(workspace))
    finally:
        os.umask(before)
    assert found[workspace.name] == 0o700
    state = ("jobs.db", "jobs.lock", "rowmill.log")
    for name in state:
        assert found[f"{workspace.name}/{name}"] == 0o600, name
    assert found[f"{workspace.name}/spool"] == 0o700
    open_ones = {name for name, mode in found.items() if mode & 0o077}
    # Files made to be shared are in the private folder, and may be opened once they leave it.
    shared = {"files", "thumbs", "report.html", *(path.name for path in workspace.glob("results*"))}
    assert {name.split("/")[1] for name in open_ones} <= shared


def test_a_workspace_that_others_may_enter_is_named(world: World) -> None:
    sheet = world.prompts("a.csv", "a lamp")
    world.workspace(sheet).folder.mkdir(mode=0o755)
    assert "chmod 700" in world.run("run", sheet, *TEXT).err
    world.workspace(sheet).folder.chmod(0o700)
    assert "chmod 700" not in world.run("run", sheet, *TEXT).err


def test_links_planted_in_a_workspace_are_not_written_through(world: World) -> None:
    precious = world.folder / "precious.txt"
    precious.write_bytes(b"keep me")
    sheet = world.prompts("a.csv", "a lamp")
    workspace = world.workspace(sheet)
    workspace.files.mkdir(parents=True)
    assert world.run("run", sheet, "-e", "chat-image", "-m", "mock-image", "-y").code == 0
    (name,) = world.files(sheet)
    (workspace.files / name).unlink()
    (workspace.files / name).symlink_to(precious)
    (workspace.files / f".{name.removesuffix('.png')}.part").symlink_to(precious)
    for results in workspace.folder.glob("results.csv"):
        results.unlink()
        results.symlink_to(precious)
    again = world.run("run", sheet, "--rows", "2", "-y")
    assert "Traceback" not in again.err
    retried = world.run("retry", sheet, "--again", "--rows", "2", "-y")
    assert retried.code == 0, retried.err
    assert precious.read_bytes() == b"keep me"


# --- text that other programs would act on --------------------------------------------------------

INJECTIONS = ('id"; DROP TABLE jobs; --', "]", "a'b", "; SELECT 1", "${jndi:x}", "{{7*7}}", "%s%n")


def test_headers_and_cells_are_never_statements(world: World) -> None:
    headers = ["prompt", *INJECTIONS]
    rows = [[f"row {n} {text}", *INJECTIONS] for n, text in enumerate(INJECTIONS)]
    sheet = world.sheet("a.csv", headers, *rows)
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    found = world.results(sheet)
    assert [[row[name] for name in headers] for row in found] == rows
    assert world.run("status", sheet).code == 0


# --- the key --------------------------------------------------------------------------------------


def test_the_key_is_in_nothing_that_is_left_after_any_fault(world: World, tmp_path: Path) -> None:
    """Plain, URL-encoded and base64; also if the server echoes what it was sent."""
    world.mock({"a": ["401"], "b": ["500"], "c": ["cut"], "d": ["html"], "e": ["reset_after"]})
    sheet = world.prompts("a.csv", "a", "b", "c", "d", "e", "f")
    for words in (("run", sheet, *TEXT), ("retry", sheet, "-y"), ("run", sheet, "--debug", "-y")):
        world.run(*words)
    assert not list(key_in(tmp_path, world.said.encode()))


async def test_a_server_that_echoes_everything_gets_the_key_nowhere(tmp_path: Path) -> None:
    async def play(stage: Stage, seen: Seen) -> None:
        echoed = json.dumps({"error": {"message": json.dumps(seen.headers), "code": "x"}}).encode()
        await stage.say(
            answer(echoed, f"X-Echo: {seen.headers.get('authorization')}", status="400 No")
        )

    sheet = tmp_path / "a.csv"
    sheet.write_text("prompt\na\nb\n")
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    async with FaultServer(play) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runner.cli", "run", str(sheet), *TEXT, "--base-url", server.url,
            "--debug", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **home, "ROWMILL_API_KEY": KEY},
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        out, _ = await process.communicate()
    assert process.returncode == Exit.SOME_FAILED, out.decode()
    assert sum(seen.method == "POST" for seen in server.seen) == 2
    assert not list(key_in(tmp_path, out))


def _in_pieces(key: str) -> bytes:
    """A stream whose pieces join up to the key."""
    halves = (key[:14], key[14:])
    events = [{"choices": [{"index": 0, "delta": {"content": one}}]} for one in halves]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    lines = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in events]
    return b"".join([*lines, b"data: [DONE]\n\n"])


def _completion(content: bytes) -> bytes:
    return b'{"choices":[{"message":{"content":"%b"},"finish_reason":"stop"}]}' % content


ECHOES = {
    "plain": (_completion(KEY.encode()), False),
    "pieces": (_in_pieces(KEY), True),
    "escapes": (_completion("".join(f"\\u{ord(one):04x}" for one in KEY).encode()), False),
    "base64": (_completion(base64.b64encode(b"x" + KEY.encode())), False),
}


@pytest.mark.parametrize("way", sorted(ECHOES))
async def test_a_key_that_comes_back_is_in_no_result(tmp_path: Path, way: str) -> None:
    body, stream = ECHOES[way]
    kind = "text/event-stream" if stream else "application/json"

    async def play(stage: Stage, seen: Seen) -> None:
        await stage.say(answer(body, f"Content-Type: {kind}"))

    sheet = tmp_path / "a.csv"
    sheet.write_text("prompt\na\n")
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    words = ("--set", f"stream={json.dumps(stream)}", "--base-url")
    async with FaultServer(play) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runner.cli", "run", str(sheet), *TEXT, *words, server.url,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **home, "ROWMILL_API_KEY": KEY},
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert not list(key_in(tmp_path, out))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_that_dies_leaves_no_copy_of_its_memory(world: World) -> None:
    """Its memory contains the key."""
    world.mock(latency=600.0)
    process = world.start("run", world.prompts("a.csv", "a lamp"), *TEXT)
    world.wait(process, lambda: bool(world.calls))
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    process.kill()
    world.finish(process)
    assert re.search(r"Max core file size +0 +0 ", limits)


def test_a_run_that_is_to_break_on_purpose_is_refused_where_money_is(world: World) -> None:
    world.monkeypatch.setenv("ROWMILL_FAILPOINT", "call.durable=kill")
    world.monkeypatch.setenv("ROWMILL_BASE_URL", "https://gate.invalid")
    refused = world.run("run", world.prompts("a.csv", "a lamp"), *TEXT)
    assert refused.code == Exit.UNUSABLE, refused.err
    assert "gate.invalid" in refused.err
    assert not world.calls


def key_in(folder: Path, said: bytes) -> Iterator[str]:
    """Where the key is, in any of its spellings, also in table pages and compressed answers."""
    import sqlite3  # noqa: PLC0415 - only needed here
    from base64 import b64encode  # noqa: PLC0415 - only needed here
    from urllib.parse import quote  # noqa: PLC0415 - only needed here

    key = KEY.encode()
    forms = {key, quote(KEY, safe="").encode(), key.hex().encode(), key[::-1]}
    for shift in range(3):
        forms.add(b64encode(bytes(shift) + key)[4 if shift else 0 : -4])
    if any(form in said for form in forms):
        yield "the screen"
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        if any(form in data for form in forms):
            yield str(path)
        if path.name == "jobs.db":
            table = sqlite3.connect(path)
            for (body,) in table.execute("SELECT body FROM answers WHERE coding = 'zlib'"):
                if any(form in zlib.decompress(body) for form in forms):
                    yield f"{path}, an answer"
            table.close()


async def test_a_picture_that_is_no_base64_is_the_answers_fault_and_not_ours(
    tmp_path: Path,
) -> None:
    broken = json.dumps({"data": [{"b64_json": "iVBORw0KGgo…AAAANSUhEUgAA" * 9}]}).encode()
    sheet = tmp_path / "a.csv"
    sheet.write_text("prompt\na cat\n", encoding="utf-8")
    async with FaultServer(playing(answer(broken))) as server:
        words = [*("-e", "image", "-m", "dall-e-3", "--base-url", server.url), "-y", "--json"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runner.cli", "run", str(sheet), *words,
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
            env={**os.environ, "HOME": str(tmp_path), "ROWMILL_API_KEY": "test"},
        )  # fmt: skip
        out, _ = await process.communicate()
    assert process.returncode == Exit.SOME_FAILED, out.decode()
    assert json.loads(out)["rows"]["failed"] == 1
    results = (tmp_path / "a.rowmill" / "results.csv").read_text("utf-8")
    (failed,) = csv.DictReader(results.splitlines())
    assert failed["result_error_class"] == "file"
    assert sum(seen.method == "POST" for seen in server.seen) == 1
