"""Single server and sheet faults not covered elsewhere end with the right code and message."""

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from jobs.sheet.finding import SheetError
from jobs.sheet.reader import open_sheet
from runner.exits import Exit
from runner.files.download import Downloads
from runner.files.save import Saved
from runner.protocol.call import Call, NotSent
from runner.secret import Secret
from runner.transport import aiohttp_transport
from runner.transport.addresses import AddressGuard
from runner.transport.client import GatewayClient, Target
from tests.support.fault_server import FaultServer, Play, answer, bare, playing
from tests.support.world import TEXT, World, workbook

ROOT = Path(__file__).parents[2]


async def run_against(
    folder: Path, server: FaultServer, *words: str, rows: int = 1
) -> tuple[int, str]:
    """Run the real command against a server that plays bytes; returns exit code and output."""
    sheet = folder / "a.csv"
    sheet.write_text("prompt\n" + "".join(f"prompt {n}\n" for n in range(rows)))
    homes = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runner.cli", "run", str(sheet), *TEXT, "--base-url", server.url,
        "-c", "1", *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT,
        env={
            **os.environ, **dict.fromkeys(homes, str(folder / "home")),
            "ROWMILL_API_KEY": "sk-faults-0123456789", "ROWMILL_PROGRESS": "none",
        },
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


def completion(text: str = "hello", **more: object) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    return json.dumps({"id": "c", "model": "m", "choices": [choice], **more}).encode()


# --- servers --------------------------------------------------------------------------------------

PORTALS: dict[str, Play] = {
    "page": playing(answer(b"<html><title>Log in</title></html>", "Content-Type: text/html")),
    "redirect": playing(answer(b"", "Location: http://127.0.0.1:9/login", status="302 Found")),
}


@pytest.mark.parametrize("kind", PORTALS)
async def test_a_captive_portal_stops_its_model_and_redirects_are_not_followed(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "rowmill.toml").write_text('[limits]\nmax_wait = "4s"\n')
    async with FaultServer(PORTALS[kind]) as server:
        code, told = await run_against(
            tmp_path, server, "--in-doubt", "hold", "--limit", "6", rows=6
        )
    assert code in (Exit.SOME_FAILED, Exit.PROVIDER), told
    assert "Traceback" not in told
    posted = {seen.path for seen in server.seen if seen.method == "POST"}
    assert posted == {"/v1/chat/completions"}
    assert not [seen.path for seen in server.seen if "login" in seen.path]
    assert ",done," not in (tmp_path / "a.rowmill" / "results.csv").read_text("utf-8-sig")


async def test_an_answer_without_length_that_ends_early_is_no_result(tmp_path: Path) -> None:
    cut = completion("a long text " * 50)[:-60]
    async with FaultServer(playing(bare("HTTP/1.1 200 OK") + cut, end="close")) as server:
        code, told = await run_against(tmp_path, server)
    assert code == Exit.SOME_FAILED, told
    assert ",done," not in (tmp_path / "a.rowmill" / "results.csv").read_text("utf-8-sig")


async def test_a_cached_answer_without_usage_is_a_result(tmp_path: Path) -> None:
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    async with FaultServer(playing(answer(completion(usage=zero)))) as server:
        code, told = await run_against(tmp_path, server, rows=2)
    assert code == Exit.DONE, told


async def test_a_name_from_the_server_is_never_used(tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    Image.new("RGB", (4, 4)).save(picture)
    data = picture.read_bytes()
    names = ("../../evil.png", "C:\\evil.png", "/etc/evil.png", "a\u202egnp.exe", "x" * 4000)
    target = tmp_path / "out" / "mine"
    target.parent.mkdir()
    for name in names:
        header = f'Content-Disposition: attachment; filename="{name}"'
        async with (
            FaultServer(playing(answer(data, header.encode().decode("latin-1")))) as server,
            Downloads(AddressGuard(base_url=server.url), environ={}) as downloads,
        ):
            found = await downloads.download(f"{server.url}/../../{len(name)}", target)
        assert isinstance(found, Saved)
        assert found.path == target.with_name("mine.png")
    assert sorted(os.listdir(tmp_path)) == ["out", "p.png"]  # noqa: PTH208 - only the names matter


@pytest.fixture
def foreign_certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Key and certificate of another host, which we are configured to trust."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=elsewhere.test", "-days", "9",
         "-addext", "subjectAltName=DNS:elsewhere.test"],
        capture_output=True, check=True,
    )  # fmt: skip
    return key, cert


async def test_a_certificate_of_another_host_is_not_sent(
    foreign_certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, cert = foreign_certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    monkeypatch.setattr(aiohttp_transport, "tls_context", lambda: trusting)
    async with FaultServer(tls=context) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        async with GatewayClient(Target(base_url=url, key=Secret("sk-x")), in_flight=1) as wire:
            found = await wire.send(Call(path="/v1/x", json={}, timeout=5))
    assert isinstance(found, NotSent), found
    assert found.cause == "tls"
    assert not server.seen


# --- sheets ---------------------------------------------------------------------------------------


def test_a_cell_of_ten_megabytes_is_read_whole(world: World) -> None:
    note = "猫" * 3_400_000
    sheet = world.sheet("a.csv", ["prompt", "note"], ["a lamp", note])
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    text = (world.workspace(sheet).folder / "results.csv").read_text("utf-8-sig")
    assert note in text


def test_two_thousand_columns_are_carried(world: World) -> None:
    headers = ["prompt", *(f"c{n}" for n in range(2_000))]
    sheet = world.sheet("a.csv", headers, ["a lamp", *map(str, range(2_000))])
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    (row,) = world.results(sheet)
    assert row["c1999"] == "1999"


ENTITIES = {
    "external": '<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>',
    "billion": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 12))
    + '<!ENTITY e "&a11;">]>',
}


@pytest.mark.parametrize("kind", ENTITIES)
def test_a_workbook_with_entities_opens_nothing(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-entities")
    plain = workbook(tmp_path / "plain.xlsx", ["prompt"], ["a lamp"])
    evil = tmp_path / "evil.xlsx"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(evil, "w") as target:
        for entry in source.namelist():
            data = source.read(entry)
            if entry.endswith(("sheet1.xml", "sharedStrings.xml")):
                head = (
                    ENTITIES[kind].format(secret=secret) if kind == "external" else ENTITIES[kind]
                )
                body = data.decode().replace("a lamp", "&e;")
                body = body if body.startswith("<?xml") else f'<?xml version="1.0"?>{body}'
                declared, _, rest = body.partition("?>")
                data = f"{declared}?>{head}{rest}".encode()
            target.writestr(entry, data)
    try:
        cells = [str(row) for row in open_sheet(evil).rows()]
    except SheetError:
        return
    assert not [text for text in cells if "canary-entities" in text or len(text) > 10_000]
