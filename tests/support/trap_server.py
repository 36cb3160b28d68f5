"""A gateway that sends scripted answers and bills them first."""

import io
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image

POSTS = "/v1/", "/mj/submit/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """One answer. `short` declares more bytes than it sends; `free` is not billed."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    free: bool = False
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One generation request as received; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The parsed body."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def picture(size: tuple[int, int] = (8, 8)) -> bytes:
    """A whole PNG."""
    out = io.BytesIO()
    Image.new("RGB", size, (30, 90, 60)).save(out, "PNG")
    return out.getvalue()


class TrapServer:
    """Answers generations from `answers` and polls from `polls`; the last one repeats.

    Pictures are under `/files/`; names with `expired` are gone, `page` is a web page.
    """

    def __init__(
        self,
        answers: Sequence[Injected],
        polls: Sequence[Injected],
        *,
        models: Injected,
        bill: Path,
    ) -> None:
        self.answers, self.polls, self.models, self.bill = answers, polls, models, bill
        self.by_path: dict[str, Injected] = {}  # answers for single paths
        self.decide: Callable[[Asked], Injected] | None = None  # answers chosen by the request
        self.asked: list[Asked] = []
        self.questions: list[str] = []
        self.downloads: list[str] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def generation(self, asked: Asked) -> Injected:
        """The next answer, billed."""
        with self._lock:
            if self.decide is not None:
                found = self.decide(asked)
            else:
                usual = self.answers[min(len(self.asked), len(self.answers) - 1)]
                found = self.by_path.get(asked.path, usual)
            self.asked.append(asked)
            line = {
                "id": str(len(self.asked)),
                "time": time.time(),
                "endpoint": asked.path,
                "key": asked.headers.get("idempotency-key"),
                "billed": not found.free,
                "status": found.status,
            }
            with self.bill.open("a", encoding="utf-8") as bill:
                bill.write(json.dumps(line) + "\n")
        return found

    def other(self, path: str) -> Injected:
        """The answer to a GET."""
        if path.startswith("/mj/task/"):
            self.questions.append(path)
            return self.polls[min(len(self.questions), len(self.polls)) - 1]
        if path.startswith("/files/"):
            self.downloads.append(path)
            return _file(path)
        return self.models if path == "/v1/models" else Injected(status=404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(path=self.path, headers=headers, body=self.rfile.read(size))
                self._give(server.generation(asked))

            def do_GET(self) -> None:
                self._give(server.other(self.path))

            def _give(self, answer: Injected) -> None:
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body) + 50 * answer.short))
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = answer.short

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Print nothing."""

        return Handler


def _file(path: str) -> Injected:
    if "expired" in path:
        return Injected(status=403, body=b"<Error><Code>AccessDenied</Code></Error>")
    if "page" in path:
        page = b"<!doctype html><html><title>Not here</title></html>"
        return Injected(body=page, headers={"Content-Type": "text/html"})
    return Injected(body=picture(), headers={"Content-Type": "image/png"})
