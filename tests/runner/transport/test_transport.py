"""The client returns the right delivery for every fault of a server or a network."""

import asyncio
import gzip
import json
import time
import zlib
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.protocol.call import Call, Lost, NotSent, Part, Reply
from runner.protocol.call_key import unbound_key
from runner.secret import Secret
from runner.transport import receive
from runner.transport.aiohttp_transport import BrokenError, GatewayTransport, Progress
from runner.transport.bodies import DataWatch, encoded, json_body
from runner.transport.client import GatewayClient, Target, TargetError, normalise_base_url
from tests.support.fault_server import (
    ANSWER,
    CHUNKED,
    RAW_DEFLATE,
    STREAM,
    FaultServer,
    Play,
    Seen,
    Stage,
    answer,
    bare,
    chunk,
    packed,
    playing,
)
from tests.support.wired import CALL, KEY, sent_to, wired

EVENT = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'

WHOLE_ANSWERS: dict[str, tuple[Play, bytes]] = {
    "plain": (playing(answer()), ANSWER),
    "in small pieces": (playing(*(bytes([x]) for x in answer(b"{}"))), b"{}"),
    "chunked": (playing(CHUNKED + chunk(ANSWER[:9]) + chunk(ANSWER[9:]) + chunk(b"")), ANSWER),
    "until the connection ends": (playing(bare("HTTP/1.1 200 OK") + ANSWER, end="close"), ANSWER),
    "empty": (playing(answer(b"")), b""),
    "204": (playing(bare("HTTP/1.1 204 No Content")), b""),
    "empty but called gzip": (playing(packed(b"")), b""),
    "gzip": (playing(packed(gzip.compress(ANSWER))), ANSWER),
    "gzip of two members": (
        playing(packed(gzip.compress(ANSWER[:50]) + gzip.compress(ANSWER[50:]))),
        ANSWER,
    ),
    "gzip with padding": (playing(packed(gzip.compress(ANSWER) + bytes(20))), ANSWER),
    "deflate": (playing(packed(zlib.compress(ANSWER), "deflate")), ANSWER),
    "raw deflate": (playing(packed(RAW_DEFLATE, "deflate")), ANSWER),
    "100-continue first": (playing(bare("HTTP/1.1 100 Continue") * 3 + answer()), ANSWER),
}


@pytest.mark.parametrize("name", WHOLE_ANSWERS)
async def test_a_whole_answer_is_a_reply(name: str) -> None:
    play, body = WHOLE_ANSWERS[name]
    server = FaultServer(play)
    delivery = await sent_to(server)
    assert isinstance(delivery, Reply), delivery
    assert delivery.body == body
    assert delivery.status in {200, 204}
    assert delivery.seconds > 0
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "status", [301, 302, 307, 308, 400, 401, 404, 408, 413, 429, 500, 502, 504, 520, 524, 530, 999]
)
async def test_a_complete_answer_is_a_reply_whatever_its_status(status: int) -> None:
    play = playing(answer(b"no", "Retry-After: 7", status=f"{status} Oh"))
    delivery = await sent_to(FaultServer(play))
    assert isinstance(delivery, Reply)
    assert (delivery.status, delivery.body) == (status, b"no")
    assert delivery.headers["retry-after"] == "7"


HALF_ANSWER = ANSWER[:-9]
STREAMED = (
    b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


def broken(body: bytes) -> dict[str, tuple[Play, str]]:
    """Ways in which the encoding of a body breaks, each with the cause that names it."""
    cut_short = answer(body, length=10**6)
    return {
        "silent after the body": (playing(cut_short, end="silent"), "timeout"),
        "length not reached": (playing(cut_short, end="close"), "cut"),
        "reset after the body": (playing(cut_short, b"", end="reset", pause=0.05), "cut"),
        "chunks without end": (playing(CHUNKED + chunk(body), end="close"), "cut"),
        "chunks without end, reset": (
            playing(CHUNKED + chunk(body), b"", end="reset", pause=0.05),
            "cut",
        ),
        "a bad chunk behind": (
            playing(CHUNKED + chunk(body), b"zz\r\n{}", end="close", pause=0.05),
            "cut",
        ),
        "gzip with bad checksum": (playing(packed(with_bad_checksum(body))), "encoding"),
        "gzip that ends early": (playing(packed(gzip.compress(body)[:-8])), "encoding"),
        "gzip without its last byte": (playing(packed(gzip.compress(body)[:-1])), "encoding"),
        "gzip cut by the connection": (
            playing(
                answer(gzip.compress(body), "Content-Encoding: gzip", length=10**6), end="close"
            ),
            "cut",
        ),
        "gzip with a bad second member": (
            playing(packed(gzip.compress(body) + b"\x1f\x8bxx")),
            "encoding",
        ),
        "gzip with garbage behind": (playing(packed(gzip.compress(body) + b"xx")), "encoding"),
        "deflate without its checksum": (
            playing(packed(zlib.compress(body)[:-4], "deflate")),
            "encoding",
        ),
        **{
            f"plain and called {coding}": (playing(packed(body, coding)), "encoding")
            for coding in (
                *("gzip", "x-gzip", "deflate", "br", "zstd", "utf-8", "none", "aws-chunked"),
                *("gzip, gzip", "UTF-8;q=1", "*"),
            )
        },
    }


def with_bad_checksum(body: bytes) -> bytes:
    """The body as gzip with a wrong CRC-32."""
    good = gzip.compress(body)
    return good[:-8] + b"\0\0\0\0" + good[-4:]


@pytest.mark.parametrize("name", broken(b""))
@pytest.mark.parametrize("body", [ANSWER, b" \r\n" + ANSWER, b"[]", STREAMED])
async def test_what_is_whole_by_its_own_syntax_is_an_answer(name: str, body: bytes) -> None:
    play, cause = broken(body)[name]
    server = FaultServer(play)
    call = Call(path="/v1/x", json={}, timeout=0.6 if cause == "timeout" else 30)
    delivery = await sent_to(server, call)
    assert isinstance(delivery, Reply), delivery
    assert delivery.body == body
    assert delivery.status == 200
    assert len(server.seen) == 1


@pytest.mark.parametrize("name", broken(b""))
@pytest.mark.parametrize("body", [HALF_ANSWER, STREAMED[:60], b"words"])
async def test_half_a_body_is_in_doubt_however_it_ended(name: str, body: bytes) -> None:
    play, cause = broken(body)[name]
    server = FaultServer(play)
    call = Call(path="/v1/x", json={}, timeout=0.6 if cause == "timeout" else 30)
    delivery = await sent_to(server, call)
    assert isinstance(delivery, Lost), delivery
    assert (delivery.cause, delivery.status, delivery.body) == (cause, 200, body)
    assert delivery.by_time is (cause == "timeout")
    assert len(server.seen) == 1, "a paid request is sent exactly once"


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_bytes_that_had_arrived_are_read_although_the_connection_failed(end: str) -> None:
    body = json.dumps({"text": "x" * 3_000_000}).encode()
    play = playing(answer(body, length=len(body) + 2), b"", end=end, pause=0.3)
    delivery = await sent_to(FaultServer(play))
    assert isinstance(delivery, Reply), delivery
    assert delivery.body == body


OPEN_STREAMS = {
    "a stream after [DONE]": (STREAM + chunk(STREAMED), STREAMED),
    "a stream after response.completed": (
        STREAM + chunk(b'event: response.completed\ndata: {"response":{}}\n\n'),
        b'event: response.completed\ndata: {"response":{}}\n\n',
    ),
    "a stream after a nameless response.failed": (
        STREAM + chunk(b'data: {"type":"response.failed","response":{}}\n\n'),
        b'data: {"type":"response.failed","response":{}}\n\n',
    ),
    "a stream after message_stop": (
        STREAM + chunk(b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ),
    "a stream that was not asked for": (
        bare("HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8") + STREAMED,
        STREAMED,
    ),
    "JSON in chunks": (CHUNKED + chunk(ANSWER), ANSWER),
    "JSON shorter than announced": (answer(length=10**6), ANSWER),
}


@pytest.mark.parametrize("name", OPEN_STREAMS)
@pytest.mark.parametrize("pings", [False, True])
async def test_nothing_is_waited_for_after_the_end_of_an_answer(
    name: str, pings: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "QUIET_SECONDS", 0.4)
    monkeypatch.setattr(receive, "END_MARK_SECONDS", 0.4)
    sent, body = OPEN_STREAMS[name]
    streamed = "stream" in name
    ping = (chunk(b": PING\n\n") if sent.startswith(STREAM) else b": PING\n\n") * pings * streamed
    play = playing(sent, *([ping] * 8), end="silent", pause=0.05)
    call = Call(path="/x", json={}, stream=streamed, timeout=20)
    started = time.monotonic()
    delivery = await sent_to(FaultServer(play), call)
    assert isinstance(delivery, Reply), delivery
    assert delivery.body.startswith(body)
    assert time.monotonic() - started < 5


async def test_a_pause_within_an_answer_is_not_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "QUIET_SECONDS", 0.05)
    body = json.dumps({"a": {"b": 1}, "c": [2], "d": 3}).encode()
    at = body.index(b"}") + 1
    play = playing(CHUNKED + chunk(body[:at]), chunk(body[at:]) + chunk(b""), pause=0.3)
    delivery = await sent_to(FaultServer(play))
    assert isinstance(delivery, Reply)
    assert delivery.body == body


LABELLED_ANSWERS: dict[str, tuple[Play, bytes]] = {
    "length and chunked": (
        playing(bare("HTTP/1.1 200 OK", "Content-Length: 3", "Transfer-Encoding: chunked")
                + chunk(ANSWER) + chunk(b"")),
        ANSWER,
    ),
    "chunked and length": (
        playing(bare("HTTP/1.1 200 OK", "transfer-encoding: Chunked", "content-length: 999")
                + chunk(ANSWER) + chunk(b"")),
        ANSWER,
    ),
    "length and chunked, in small pieces": (
        playing(*(bytes([x]) for x in
                  bare("HTTP/1.1 200 OK", "Content-Length: 3", "Transfer-Encoding: chunked")
                  + chunk(ANSWER) + chunk(b""))),
        ANSWER,
    ),
    "the same length twice": (
        playing(bare("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 2") + b"{}"),
        b"{}",
    ),
    "gzip without a label": (playing(answer(gzip.compress(ANSWER))), ANSWER),
    "gzip called identity": (playing(packed(gzip.compress(ANSWER), "identity")), ANSWER),
    "gzip called deflate": (playing(packed(gzip.compress(ANSWER), "deflate")), ANSWER),
    "interim answers before both": (
        playing(bare("HTTP/1.1 103 Early Hints", "Link: x")
                + bare("HTTP/1.1 200 OK", "Content-Length: 3", "Transfer-Encoding: chunked")
                + chunk(ANSWER) + chunk(b"")),
        ANSWER,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LABELLED_ANSWERS)
async def test_an_answer_that_can_be_read_is_read(name: str) -> None:
    play, body = LABELLED_ANSWERS[name]
    server = FaultServer(play)
    async with server, wired(server.url) as client:
        for _ in range(2):  # the second one over the connection of the first
            delivery = await client.send(CALL)
            assert isinstance(delivery, Reply), delivery
            assert delivery.body == body
    assert server.connections == 1


async def test_a_server_that_speaks_only_http2_was_sent_nothing() -> None:
    settings_frame = bytes.fromhex("000006040000000000000400ffff00")
    goaway_frame = bytes.fromhex("0000080700000000000000000000000001")
    delivery = await sent_to(FaultServer(playing(settings_frame + goaway_frame, end="close")))
    assert isinstance(delivery, NotSent), delivery
    assert delivery.cause == "http2_only"


LOST_ANSWERS: dict[str, tuple[Play, str, int | None]] = {
    "closed without answer": (playing(end="close"), "closed", None),
    "reset without answer": (playing(end="reset"), "reset", None),
    "silent": (playing(end="silent"), "timeout", None),
    "closed inside the head": (playing(b"HTTP/1.1 200 OK\r\nConte", end="close"), "closed", None),
    "cut inside a chunk": (playing(CHUNKED + b"ffff\r\n{", end="close"), "cut", 200),
    "bad chunk size": (playing(CHUNKED, b"zz\r\n{}", end="close", pause=0.05), "cut", 200),
    "garbage called gzip": (playing(packed(b"not gzip at all")), "encoding", 200),
    "not HTTP": (playing(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", end="close"), "not_http", None),
    "status that is no number": (
        playing(b"HTTP/1.1 abc OK\r\n\r\n", end="close"),
        "not_http",
        None,
    ),
    "two lengths": (
        playing(
            bare("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 3") + b"{}", end="close"
        ),
        "not_http",
        None,
    ),
    "negative length": (playing(answer(length=-5), end="close"), "not_http", None),
    "NUL in a header": (playing(answer(b"{}", "X: a\0b"), end="close"), "not_http", None),
    "header of 200 kB": (playing(answer(b"{}", "X: " + "a" * 200_000)), "not_http", None),
    "an upgrade nobody asked for": (
        playing(bare("HTTP/1.1 101 Switching", "Connection: upgrade", "Upgrade: x")),
        "not_http",
        101,
    ),
}


@pytest.mark.parametrize("name", LOST_ANSWERS)
async def test_an_answer_that_is_not_whole_is_in_doubt(name: str) -> None:
    play, cause, status = LOST_ANSWERS[name]
    server = FaultServer(play)
    call = Call(path="/v1/x", json={}, timeout=0.6 if cause == "timeout" else 30)
    delivery = await sent_to(server, call)
    assert isinstance(delivery, Lost), delivery
    assert (delivery.cause, delivery.status) == (cause, status), delivery
    assert delivery.by_time is (cause == "timeout")
    assert len(server.seen) == 1, "a paid request is sent exactly once"
    assert KEY not in repr(delivery)


@pytest.mark.parametrize("before", ["close", "reset"])
async def test_a_connection_cut_before_the_request_is_read_is_in_doubt(before: str) -> None:
    delivery = await sent_to(FaultServer(before=before))
    assert isinstance(delivery, Lost)


async def test_what_arrived_of_a_cut_answer_is_kept() -> None:
    delivery = await sent_to(FaultServer(playing(answer(HALF_ANSWER, length=10**6), end="close")))
    assert isinstance(delivery, Lost)
    assert (delivery.body, delivery.headers) == (HALF_ANSWER, {"content-length": "1000000"})


async def test_bytes_beyond_the_announced_length_never_reach_the_next_answer() -> None:
    plays = iter([playing(answer(length=10)), playing(answer(b"second"))])

    async def play(stage: Stage, seen: Seen) -> None:
        await next(plays)(stage, seen)

    server = FaultServer(play)
    async with server, wired(server.url, in_flight=1) as wire:
        first = await wire.send(CALL)
        second = await wire.send(CALL)
    assert not isinstance(first, Reply) or first.body == ANSWER[:10]
    assert isinstance(second, Reply)
    assert second.body == b"second"
    assert server.connections == 2


async def test_a_slow_drip_is_stopped_by_the_total_deadline() -> None:
    drip = playing(answer(b"", length=1000), *([b"x"] * 50), pause=0.05)
    delivery = await sent_to(FaultServer(drip), Call(path="/x", json={}, timeout=0.4))
    assert isinstance(delivery, Lost)
    assert delivery.by_time
    assert delivery.body.startswith(b"xx")


async def test_a_drip_of_headers_is_stopped_by_the_total_deadline() -> None:
    drip = playing(*(bytes([x]) for x in answer()), pause=0.05)
    delivery = await sent_to(FaultServer(drip), Call(path="/x", json={}, timeout=0.4))
    assert isinstance(delivery, Lost)
    assert (delivery.cause, delivery.by_time, delivery.status) == ("timeout", True, None)


@pytest.mark.parametrize(
    ("play", "limits"),
    [
        (playing(answer(b"x" * 5000)), {"body": 4000}),
        (playing(CHUNKED + chunk(b"x" * 5000) + chunk(b"")), {"body": 4000}),
        (playing(packed(gzip.compress(bytes(50_000_000)))), {"unpacked": 2_000_000}),
    ],
    ids=["length", "chunked", "bomb"],
)
async def test_a_body_beyond_its_cap_is_in_doubt(play: Play, limits: dict[str, Any]) -> None:
    delivery = await sent_to(FaultServer(play), **limits)
    assert isinstance(delivery, Lost)
    assert delivery.cause == "too_large"
    assert len(delivery.body) <= 1 << 20


async def test_an_early_refusal_of_a_large_body_is_read() -> None:
    """A server may answer 413 before the whole request body has been sent."""

    refusal = answer(b"too large", "Connection: close", status="413 Too Large")
    server = FaultServer(playing(refusal, end="close", pause=0.3), head_only=True)
    delivery = await sent_to(server, Call(path="/x", json={"image": "A" * 20_000_000}, timeout=5))
    assert isinstance(delivery, Reply), delivery
    assert delivery.status == 413


async def test_redirects_are_not_followed_and_the_key_stays() -> None:
    async with FaultServer() as elsewhere:
        location = f"Location: {elsewhere.url}/v1/chat/completions"
        for status in ("307 Temporary Redirect", "301 Moved", "308 Permanent Redirect"):
            play = playing(answer(b"", location, status=status))
            delivery = await sent_to(FaultServer(play))
            assert isinstance(delivery, Reply)
        assert elsewhere.connections == 0


async def test_cookies_are_not_sent_back() -> None:
    server = FaultServer(playing(answer(b"{}", "Set-Cookie: a=b; Path=/")))
    async with server, wired(server.url) as wire:
        await wire.send(CALL)
        await wire.send(CALL)
    assert "cookie" not in server.seen[1].headers


async def test_the_request_is_what_the_call_says() -> None:
    server = FaultServer()
    async with server, wired(server.url + "/proxy/v1/") as wire:
        await wire.send(
            Call(path="/v1/messages", json={"a": "猫\ud83d"}, headers={"anthropic-version": "x"}),
            key="call-1",
        )
        await wire.send(Call(path="/v1/models", method="GET"))
        await wire.send(Call(path="/v1/chat/completions", json={"b": 1}, stream=True))
    posted, got, streamed = server.seen
    assert (posted.method, posted.path) == ("POST", "/proxy/v1/messages")
    assert json.loads(posted.body) == {"a": "猫\ud83d"}
    assert posted.headers["authorization"] == f"Bearer {KEY}"
    assert unbound_key(posted.headers["idempotency-key"]) == "call-1"
    assert posted.headers["anthropic-version"] == "x"
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["user-agent"].startswith("rowmill")
    assert posted.headers["accept-encoding"] == "gzip, deflate"
    assert (got.method, got.body) == ("GET", b"")
    assert "content-type" not in got.headers
    assert "idempotency-key" not in got.headers
    assert streamed.headers["accept"] == "text/event-stream"
    assert "anthropic-version" not in streamed.headers


async def test_parts_go_out_as_a_form_that_servers_can_read() -> None:
    picture = bytes(range(256)) * 8000  # more than a megabyte
    parts = (
        Part(name="prompt", content="ein Käfer\r\n".encode()),
        Part(name="image[]", content=picture, filename='主 "1".png', media_type="image/png"),
    )
    server = FaultServer()
    async with server, wired(server.url) as wire:
        for _ in range(2):
            await wire.send(Call(path="/v1/images/edits", parts=parts))
    first, second = server.seen
    boundary = first.headers["content-type"].removeprefix("multipart/form-data; boundary=")
    assert second.body == first.body, "an Idempotency-Key is bound to the bytes"
    text, image, end = first.body.split(f"--{boundary}".encode())[1:]
    assert text == (
        b'\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + "ein Käfer\r\n\r\n".encode()
    )
    head, _, content = image.partition(b"\r\n\r\n")
    assert 'name="image[]"; filename="主 %221%22.png"' in head.decode()
    assert b"Content-Type: image/png" in head
    assert content == picture + b"\r\n"
    assert end == b"--\r\n"


async def test_pings_do_not_keep_a_stream_alive() -> None:
    pings = [chunk(b": PING\n\n"), chunk(b'event: ping\ndata: {"type": "ping"}\n\n')]
    play = playing(STREAM + chunk(EVENT), *(pings * 40), pause=0.05)
    call = Call(path="/x", json={}, stream=True, timeout=20)
    delivery = await sent_to(FaultServer(play), call, idle=0.3)
    assert isinstance(delivery, Lost)
    assert (delivery.cause, delivery.by_time) == ("timeout", True)
    assert "brought no data for 0.3 s" in delivery.detail, "not by the total deadline"
    assert delivery.body.startswith(EVENT)


async def test_data_keeps_a_stream_alive() -> None:
    play = playing(STREAM, *([chunk(EVENT)] * 10), chunk(b""), pause=0.06)
    call = Call(path="/x", json={}, stream=True, timeout=5)
    delivery = await sent_to(FaultServer(play), call, idle=0.3)
    assert isinstance(delivery, Reply)
    assert delivery.body == EVENT * 10


async def test_thinking_before_the_first_data_is_not_idleness() -> None:
    pings = [chunk(b": PING\n\n")] * 10
    play = playing(STREAM, *pings, chunk(EVENT), chunk(b""), pause=0.05)
    call = Call(path="/x", json={}, stream=True, timeout=5)
    delivery = await sent_to(FaultServer(play), call, idle=0.3)
    assert isinstance(delivery, Reply)


def test_a_ping_in_any_pieces_is_no_data() -> None:
    ping = b'event: ping\r\ndata: {"type":"ping"}\r\n\r\n: note\r\ndata:\r\n'
    for size in (1, 2, 3, 7, 100):
        watch = DataWatch()
        assert not any(watch.feed(ping[at : at + size]) for at in range(0, len(ping), size))
        assert watch.feed(b"data: {}\n")
        assert watch.feed(b"data:" + b"x" * 100)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://api.wenwen-ai.com", "https://api.wenwen-ai.com"),
        ("https://api.wenwen-ai.com/", "https://api.wenwen-ai.com"),
        ("https://api.wenwen-ai.com/v1", "https://api.wenwen-ai.com"),
        (" https://api.wenwen-ai.com/v1/ ", "https://api.wenwen-ai.com"),
        ("http://localhost:3000/relay/v1", "http://localhost:3000/relay"),
    ],
)
def test_a_base_url_is_normalised(given: str, expected: str) -> None:
    assert normalise_base_url(given) == expected


@pytest.mark.parametrize(
    "bad",
    ["", "api.com", "ftp://a", "https://", "https://u:p@a", "https://a#k", "http://a:99999"],
)
def test_a_base_url_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(TargetError, match=r"target_(scheme|extras|port)"):
        normalise_base_url(bad)


@pytest.mark.parametrize("bad", ["sk-a\nb", "sk-a b", "sk-\u200bcopied", "sk-a\r\nX-Y: z"])
def test_a_key_with_stray_characters_is_refused_unprinted(bad: str) -> None:
    with pytest.raises(ValueError, match="target_key") as caught:
        Target(base_url="https://a", key=Secret(bad))
    assert bad not in str(caught.value)


def test_nan_is_not_sent_as_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_body({"temperature": float("nan")})


async def test_no_exception_of_the_transport_carries_the_key() -> None:
    async with FaultServer(playing(b"nonsense\r\n\r\n", end="close")) as server:
        transport = GatewayTransport(in_flight=1)
        request = httpx.Request("POST", server.url, headers={"Authorization": KEY}, json={})
        with pytest.raises(BrokenError) as caught:
            await transport.handle_async_request(request)
        await transport.aclose()
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in repr(error) + str(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


async def test_the_transport_serves_an_ordinary_httpx_client() -> None:
    transport = GatewayTransport(in_flight=2)
    async with FaultServer() as server, httpx.AsyncClient(transport=transport) as client:
        response = await client.post(server.url, json={"a": 1})
        assert response.json() == json.loads(ANSWER)
    assert json.loads(server.seen[0].body) == {"a": 1}


async def test_a_server_that_echoes_the_key_does_not_get_it_into_the_detail() -> None:
    delivery = await sent_to(FaultServer(playing(f"HTTP/1.1 {KEY}\r\n\r\n".encode(), end="close")))
    assert isinstance(delivery, Lost)
    assert KEY not in delivery.detail


@pytest.mark.parametrize("key", ["x", "test", "ollama", "lm-studio"])
async def test_a_word_that_stands_for_a_key_is_not_taken_out_of_answers(key: str) -> None:
    """A local server needs no key and gets any word as one: its answers are not masked."""
    said = json.dumps({"text": f"a {key} for the text"}).encode()
    async with FaultServer(playing(answer(said))) as server:
        target = Target(base_url=server.url, key=Secret(key))
        async with GatewayClient(target, in_flight=1) as wire:
            reply = await wire.send(CALL)
    assert isinstance(reply, Reply)
    assert reply.body == said


async def test_a_key_that_a_server_sends_back_is_taken_out_of_the_answer() -> None:
    reply = await sent_to(FaultServer(playing(answer(json.dumps({"echo": KEY}).encode()))))
    assert isinstance(reply, Reply)
    assert json.loads(reply.body) == {"echo": "…"}


def test_a_request_counts_as_sent_unless_the_connection_says_otherwise() -> None:
    assert Progress().sent


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    head=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", answer(), CHUNKED, packed(b"x")]),
    noise=st.binary(max_size=80),
    cut=st.integers(min_value=0, max_value=200),
)
def test_no_bytes_of_a_server_raise(head: bytes, noise: bytes, cut: int) -> None:
    server = FaultServer(playing((head + noise)[cut // 2 :], end="close"))
    delivery = asyncio.run(sent_to(server, Call(path="/x", json={}, timeout=30)))
    assert isinstance(delivery, Reply | Lost)
    assert len(server.seen) == 1


def test_a_form_has_the_same_bytes_each_time_it_is_sent() -> None:
    part = Part(name="image", content=b"bytes", filename="a.png", media_type="image/png")
    call = Call(path="/x", parts=(part,))
    assert encoded(call).encoded == encoded(call).encoded
    other = Call(path="/x", parts=(replace(part, content=b"other"),))
    assert encoded(call).encoded != encoded(other).encoded
