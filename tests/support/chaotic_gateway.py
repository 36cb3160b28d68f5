"""A gateway that plays a random part for each row, bills what it answers, and wraps it oddly."""

import gzip
import json
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

PRICE = 0.01  # of every billed call, in the settings' currency
ROW = re.compile(rb"row (\d+)\.")

WRAPPINGS = (
    *("plain", "until_close", "chunked", "chunked_unended", "too_long", "named_utf8"),
    *("named_gzip", "named_none", "gzip", "blanks", "noise", "error_zero", "bom"),
)
"""Ways to send a whole answer as one body."""

STREAMS = ("plain", "unended", "no_done", "held_open", "cut_after_finish", "with_pings")
"""Ways to send a whole answer as a stream."""

WAITS = ("429", "429_after", "503", "529")
"""Free refusals that ask a client to come back."""

FAULTS = ("500", "400_once")
"""Free refusals of one call."""

DOUBTS = ("reset", "closed", "half_body", "502", "504", "half_stream")
"""Calls that are billed and whose answer is lost."""


@dataclass(slots=True)
class Part:
    """What one row meets, call by call; after the last turn every call gets a whole answer."""

    turns: list[str]
    wrapping: str
    stream: str
    delay: float = 0.0  # seconds before any answer
    always: str = ""  # a turn that never ends: "429" or "400"


@dataclass(slots=True)
class Tally:
    """What one row was sent."""

    calls: int = 0
    billed: int = 0
    doubted: int = 0  # billed calls without a whole answer
    whole: int = 0  # whole answers that were written to the socket


@dataclass(slots=True)
class Chaos:
    """The parts of all rows, and what came of them."""

    parts: dict[int, Part]
    bill: Path
    tallies: dict[int, Tally] = field(default_factory=dict)
    keys: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_turn(self, row: int, key: str) -> str:
        """The turn of this call, billed before anything is sent."""
        with self.lock:
            part, tally = self.parts[row], self.tallies.setdefault(row, Tally())
            turn = part.always or (part.turns.pop(0) if part.turns else "answer")
            billed = turn == "answer" or turn in DOUBTS
            tally.calls += 1
            tally.billed += billed
            tally.doubted += turn in DOUBTS
            line = {"id": str(len(self.keys)), "key": key, "billed": billed, "row": row}
            with self.bill.open("a", encoding="utf-8") as bill:
                bill.write(json.dumps(line) + "\n")
            return turn

    def sent(self, row: int) -> None:
        """A whole answer has been written."""
        with self.lock:
            self.tallies[row].whole += 1


def random_part(luck: random.Random) -> Part:
    """A part with at most one doubt, and at most three refusals before its answer."""
    turns = luck.choices((*WAITS, *FAULTS), k=luck.randrange(4)) if luck.random() < 0.5 else []
    if luck.random() < 0.2:
        turns.insert(luck.randrange(len(turns) + 1), luck.choice(DOUBTS))
    return Part(
        turns=["500" if turn == "400_once" else turn for turn in turns],
        wrapping=luck.choice(WRAPPINGS),
        stream=luck.choice(STREAMS),
        delay=luck.choice((0.0, 0.0, 0.02, 0.1, 0.3)),
    )


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    chaos: Chaos


class ChaoticGateway:
    """Listens on loopback inside `with`; the chaos may be read from outside."""

    def __init__(self, chaos: Chaos) -> None:
        self.chaos = chaos

    def __enter__(self) -> "ChaoticGateway":
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.chaos = self.chaos
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Handler(StreamRequestHandler):
    """One connection to the gateway."""

    @property
    def _chaos(self) -> Chaos:
        assert isinstance(self.server, _Server)
        return self.server.chaos

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except (ConnectionError, TimeoutError, ValueError):
            pass  # the client was killed, or has gone

    def _one(self) -> bool:
        """One request; False if the connection is at its end."""
        first = self.rfile.readline()
        if not first:
            return False
        headers = {}
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        body = self.rfile.read(int(headers.get(b"content-length", b"0")))
        if first.startswith(b"GET"):
            return self._look(first)
        return self._call(headers, body)

    def _look(self, first: bytes) -> bool:
        if b"/v1/models" in first:
            return self._send(200, b'{"object":"list","data":[{"id":"m"}]}')
        return self._send(404, b'{"error":{"message":"not found"}}')

    def _call(self, headers: dict[bytes, bytes], body: bytes) -> bool:
        found = ROW.search(body)
        assert found is not None
        row = int(found[1])
        key = headers.get(b"idempotency-key", b"").decode()
        part = self._chaos.parts[row]
        turn = self._chaos.next_turn(row, key)
        time.sleep(part.delay)
        streamed = bool(json.loads(body).get("stream"))
        if turn != "answer":
            return self._fail(turn, row)
        alive = self._stream(part, row) if streamed else self._answer(part, row)
        self._chaos.sent(row)
        return alive

    def _send(self, status: int, body: bytes, *lines: bytes) -> bool:
        head = [b"HTTP/1.1 %d X" % status, b"Content-Type: application/json", *lines]
        head.append(b"Content-Length: %d" % len(body))
        self.wfile.write(b"\r\n".join([*head, b"", body]))
        return True

    def _fail(self, turn: str, row: int) -> bool:
        error = b'{"error":{"message":"row %d: %s","type":"x"}}'
        match turn:
            case "429" | "503" | "529":
                return self._send(int(turn), error % (row, b"slow down"))
            case "429_after":
                return self._send(429, error % (row, b"slow down"), b"Retry-After: 1")
            case "400":
                return self._send(400, error % (row, b"bad words"))
            case "500" | "502" | "504":
                return self._send(int(turn), error % (row, b"upstream"))
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            case "half_body":
                whole = _completion(row)
                head = b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % len(whole)
                self.wfile.write(head + whole[: len(whole) // 2])
            case "half_stream":
                first = _events(row)[0]
                head = b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n"
                self.wfile.write(head + first)
        return False

    def _answer(self, part: Part, row: int) -> bool:
        body, lines, framing = _wrapped(part.wrapping, _completion(row))
        head = [b"HTTP/1.1 200 X", b"Content-Type: application/json", *lines]
        match framing:
            case "length":
                head.append(b"Content-Length: %d" % len(body))
            case "too_long":
                head.append(b"Content-Length: %d" % (len(body) + 2))
            case "chunked" | "chunked_unended":
                head.append(b"Transfer-Encoding: chunked")
                end = b"0\r\n\r\n" if framing == "chunked" else b""
                body = _chunk(body) + end
            case _:
                head.append(b"Connection: close")
        self.wfile.write(b"\r\n".join([*head, b"", body]))
        return framing in ("length", "chunked")

    def _stream(self, part: Part, row: int) -> bool:
        lines = (b"HTTP/1.1 200 X", b"Content-Type: text/event-stream")
        self.wfile.write(b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""]))
        events = _events(row)
        if part.stream == "with_pings":
            events.insert(1, b": ping\n\n")
        if part.stream in ("no_done", "cut_after_finish"):
            events = events[:-1]
        for one in events:
            self.wfile.write(_chunk(one))
        if part.stream == "cut_after_finish":
            self.wfile.write(b"40\r\ndata: {")
        if part.stream == "held_open":
            self.wfile.flush()
            self.connection.settimeout(20)
            self.connection.recv(1)  # until the client closes
        if part.stream in ("plain", "no_done", "with_pings"):
            self.wfile.write(b"0\r\n\r\n")
            return True
        return False


_USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def text_of(row: int) -> str:
    """The answer that row's request is given."""
    return f"answer to {row}: 猫 " + "x" * (row % 7) * 50


def _completion(row: int) -> bytes:
    message = {"role": "assistant", "content": text_of(row)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps(
        {"id": f"c{row}", "object": "chat.completion", "choices": [choice], "usage": _USAGE},
        ensure_ascii=False,
    ).encode()


def _events(row: int) -> list[bytes]:
    deltas = [{"role": "assistant", "content": text_of(row)[:9]}, {"content": text_of(row)[9:]}]
    choices: list[dict[str, object]] = [{"index": 0, "delta": delta} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    records: list[dict[str, object]] = [{"id": f"c{row}", "choices": [one]} for one in choices]
    records[-1]["usage"] = _USAGE
    lines = [f"data: {json.dumps(one, ensure_ascii=False)}\n\n".encode() for one in records]
    return [*lines, b"data: [DONE]\n\n"]


def _wrapped(wrapping: str, body: bytes) -> tuple[bytes, list[bytes], str]:
    """Body, extra header lines and framing of a whole answer."""
    named: dict[str, tuple[Callable[[bytes], bytes], list[bytes], str]] = {
        "plain": (bytes, [], "length"),
        "until_close": (bytes, [], "close"),
        "chunked": (bytes, [], "chunked"),
        "chunked_unended": (bytes, [], "chunked_unended"),
        "too_long": (bytes, [], "too_long"),
        "named_utf8": (bytes, [b"Content-Encoding: utf-8"], "length"),
        "named_gzip": (bytes, [b"Content-Encoding: gzip"], "length"),
        "named_none": (bytes, [b"Content-Encoding: none"], "length"),
        "gzip": (gzip.compress, [b"Content-Encoding: gzip"], "length"),
        "blanks": (lambda whole: b"\n\n" + whole + b"\n" * 200, [], "length"),
        "noise": (lambda whole: whole + b"\n<!-- served by x -->", [], "length"),
        "error_zero": (_with_error_zero, [], "length"),
        "bom": (lambda whole: b"\xef\xbb\xbf" + whole, [], "length"),
    }
    change, lines, framing = named[wrapping]
    return change(body), lines, framing


def _with_error_zero(body: bytes) -> bytes:
    return json.dumps(json.loads(body) | {"error": {"code": 0, "message": "ok"}}).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
