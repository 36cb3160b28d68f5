"""Connections to the gateway: refused, encrypted, kept alive, cancelled, through proxies."""

import asyncio
import os
import random
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

import runner.transport.addresses
from runner.protocol.call import Call, Lost, NotSent, Reply
from runner.secret import Secret
from runner.transport.addresses import proxy_for
from runner.transport.client import Target
from tests.support.fault_server import FaultServer, Seen, Stage, answer, playing
from tests.support.wired import CALL, KEY, sent_to, wired


async def test_a_refused_connection_is_not_sent(unused_tcp_port: int) -> None:
    async with wired(f"http://127.0.0.1:{unused_tcp_port}") as wire:
        delivery = await wire.send(CALL)
    assert isinstance(delivery, NotSent)
    assert delivery.cause == "refused"


async def test_an_unknown_host_is_not_sent() -> None:
    async with wired("http://no-such-host.invalid") as wire:
        delivery = await wire.send(CALL)
    assert isinstance(delivery, NotSent)
    assert delivery.cause == "dns"


async def test_a_connection_that_hangs_is_not_sent(full_queue: str) -> None:
    async with wired(full_queue, connect=0.3) as wire:
        delivery = await wire.send(CALL)
        by_total = await wire.send(Call(path="/x", json={}, timeout=0.1))
    assert isinstance(delivery, NotSent)
    assert isinstance(by_total, NotSent)
    assert delivery.cause == by_total.cause == "connect_timeout"


@pytest.fixture
def full_queue() -> Any:
    """The address of a listener that accepts no connection and whose backlog is full."""
    import socket  # noqa: PLC0415 - only this fixture needs raw sockets

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
        waiting.append(one)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    for one in [listener, *waiting]:
        one.close()


@pytest.fixture
def unused_tcp_port() -> int:
    import socket  # noqa: PLC0415 - only this fixture needs raw sockets

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", path, "-out", path),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    # openssl writes key and certificate into one file unless it gets two names
    return path


def tls_server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_an_untrusted_certificate_is_not_sent(certificate: Path) -> None:
    server = FaultServer(tls=tls_server(certificate))
    delivery = await sent_to(server)
    assert isinstance(delivery, NotSent)
    assert delivery.cause == "tls"
    assert delivery.detail.startswith("certificate not accepted: self")
    assert server.seen == []


async def test_plain_http_on_a_tls_port_is_not_sent() -> None:
    server = FaultServer(playing(answer()))
    async with server, wired(server.url.replace("http:", "https:")) as wire:
        delivery = await wire.send(Call(path="/x", json={}, timeout=1))
    assert isinstance(delivery, NotSent)
    assert server.seen == []


async def test_tls_works_with_a_trusted_certificate(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr("runner.transport.aiohttp_transport.tls_context", lambda: context)
    server = FaultServer(tls=tls_server(certificate))
    delivery = await sent_to(server)
    assert isinstance(delivery, Reply)


def test_the_trust_store_is_read_once() -> None:
    assert runner.transport.addresses.tls_context() is runner.transport.addresses.tls_context()


async def test_a_connection_is_kept_and_a_fresh_call_gets_its_own() -> None:
    server = FaultServer()
    async with server, wired(server.url) as wire:
        for _ in range(3):
            await wire.send(CALL)
        assert server.connections == 1
        for expected in (2, 3):
            await wire.send(Call(path="/mj/submit/imagine", json={}, fresh=True))
            assert server.connections == expected


async def test_a_kept_connection_that_went_stale_never_sends_twice() -> None:
    async def play(stage: Stage, seen: Seen) -> None:
        await stage.say(answer())
        stage.writer.close()  # without having said "Connection: close"

    server = FaultServer(play)
    async with server, wired(server.url, in_flight=1) as wire:
        deliveries = [await wire.send(CALL) for _ in range(20)]
    replies = [each for each in deliveries if isinstance(each, Reply)]
    assert len(server.seen) == len(replies)
    assert not [each for each in deliveries if isinstance(each, NotSent)]


async def test_cancelling_leaves_every_slot_usable() -> None:
    chance = random.Random(7)
    server = FaultServer(playing(b"", answer(), pause=0.01))
    async with server, wired(server.url, in_flight=5) as wire:
        for _ in range(30):
            tasks = [asyncio.create_task(wire.send(CALL)) for _ in range(5)]
            await asyncio.sleep(chance.random() * 0.02)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(30):
            after = await asyncio.gather(*(wire.send(CALL) for _ in range(5)))
    assert all(isinstance(each, Reply) for each in after)


async def test_cancelling_passes_through() -> None:
    server = FaultServer(playing(end="silent"))
    async with server, wired(server.url) as wire:
        task = asyncio.create_task(wire.send(CALL))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_waiting_for_a_slot_is_not_sent() -> None:
    server = FaultServer(playing(end="silent"))
    async with server, wired(server.url, in_flight=1, connect=0.2) as wire:
        task = asyncio.create_task(wire.send(Call(path="/x", json={}, timeout=1)))
        while not server.seen:  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)
        second = await wire.send(CALL)
        first = await task
    assert isinstance(second, NotSent)
    assert isinstance(first, Lost)


async def test_a_proxy_that_refuses_the_tunnel_is_not_sent() -> None:
    for play in (
        playing(answer(b"", status="407 Proxy Authentication Required")),
        playing(answer(b"", status="502 Bad Gateway")),
        playing(end="close"),
    ):
        proxy = FaultServer(play)
        async with proxy, wired("https://gateway.invalid", proxy=proxy.url) as wire:
            delivery = await wire.send(CALL)
        assert isinstance(delivery, NotSent), delivery
        assert "authorization" not in proxy.seen[0].headers, "the key is for the gateway only"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_password_is_named_and_not_sent(scheme: str) -> None:
    refusal = answer(b"<html>Log in</html>", status="407 Proxy Authentication Required")
    proxy = FaultServer(playing(refusal))
    async with proxy, wired(f"{scheme}://gateway.invalid", proxy=proxy.url) as wire:
        delivery = await wire.send(CALL)
    assert isinstance(delivery, NotSent), delivery
    assert (delivery.cause, "407" in delivery.detail) == ("proxy", True)
    assert proxy.url in delivery.detail


async def test_a_407_of_the_gateway_itself_is_its_answer() -> None:
    delivery = await sent_to(FaultServer(playing(answer(b"{}", status="407 X"))))
    assert isinstance(delivery, Reply)


async def test_a_proxy_that_is_not_there_is_not_sent(unused_tcp_port: int) -> None:
    async with wired("http://x.invalid", proxy=f"http://127.0.0.1:{unused_tcp_port}") as wire:
        delivery = await wire.send(CALL)
    assert isinstance(delivery, NotSent)
    assert delivery.cause == "proxy"


async def test_plain_http_goes_through_the_proxy_once() -> None:
    async with FaultServer() as proxy:
        address = proxy.url.replace("//", "//user:word@")
        async with wired("http://gateway.invalid", proxy=address) as wire:
            delivery = await wire.send(CALL)
        assert "word" not in repr(wire.target)
    assert isinstance(delivery, Reply)
    assert proxy.seen[0].path == "http://gateway.invalid/v1/chat/completions"
    assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.com", "http://p:1"),
        ("http://a.com", None),
        ("https://b.com", None),
        ("https://www.b.com", None),
        ("https://xb.com", "http://p:1"),
        ("https://c.com:8443", None),
        ("https://c.com", "http://p:1"),
        ("https://10.1.2.3", None),
        ("https://11.1.2.3", "http://p:1"),
    ],
)
def test_the_environment_names_the_proxy(url: str, expected: str | None) -> None:
    environ = {"HTTPS_PROXY": "p:1", "NO_PROXY": "x, .b.com,c.com:8443,10.0.0.0/8"}
    assert proxy_for(url, environ) == expected
    assert proxy_for(url, environ | {"no_proxy": "*"}) is None


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8765", "http://127.1.2.3/", "http://localhost:1", "http://[::1]:80"],
)
def test_this_machine_is_never_reached_through_a_proxy(url: str) -> None:
    environ = {"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}
    assert proxy_for(url, environ, own="http://own:1") is None


def test_all_proxy_counts_where_no_other_does() -> None:
    environ = {"ALL_PROXY": "socks5://p:1", "HTTPS_PROXY": "http://q:1", "NO_PROXY": "b.com"}
    assert proxy_for("https://a.com", environ) == "http://q:1"
    assert proxy_for("http://a.com", environ) == "socks5://p:1"
    assert proxy_for("http://b.com", environ) is None
    assert proxy_for("http://a.com", environ, own="http://own:1") == "http://own:1"


def test_the_systems_proxy_counts_where_the_environment_names_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "http://system:1"})
    assert proxy_for("https://a.com", os.environ) == "http://system:1"
    assert proxy_for("http://a.com", os.environ) is None
    monkeypatch.setenv("HTTPS_PROXY", "http://q:1")
    assert proxy_for("https://a.com", os.environ) == "http://q:1"


def test_a_socks_proxy_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy"):
        Target(base_url="https://a", key=Secret(KEY), proxy="socks5://127.0.0.1:1080")


@pytest.mark.parametrize(
    ("proxy", "named"),
    [("http://user:word@127.0.0.1:{port}", "proxy http://127.0.0.1:{port}: ")],
)
async def test_a_proxy_that_fails_is_named_without_its_password(
    unused_tcp_port: int, proxy: str, named: str
) -> None:
    address = proxy.format(port=unused_tcp_port)
    async with wired("https://gateway.invalid", proxy=address) as wire:
        delivery = await wire.send(CALL)
    assert isinstance(delivery, NotSent)
    assert delivery.detail.startswith(named.format(port=unused_tcp_port))
    assert "word" not in delivery.detail


async def test_a_plain_port_that_is_asked_for_tls_is_said() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with wired(f"https://127.0.0.1:{port}") as wire:
            delivery = await wire.send(CALL)
    assert isinstance(delivery, NotSent)
    assert (delivery.cause, "http://" in delivery.detail) == ("tls", True), delivery.detail
