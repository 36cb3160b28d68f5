"""A run asks a gateway for its prices twice at most, and falls back on the previous list."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runner.preflight import gateway_info
from runner.preflight.gateway_info import ask_gateway, last_listing
from runner.secret import Secret
from runner.transport.client import Target

PRICES = {"data": [{"model_name": "m", "quota_type": 1, "model_price": 0.02}]}


class Gateway:
    """A gateway that answers price list requests with these statuses, in turn."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked: list[str] = []


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gateway, Target]]:
    """A gateway on loopback, with nothing remembered about others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gateway_info, "RETRY_DELAY_SECONDS", 0.01)
    found = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            is_list = self.path.startswith(gateway_info.PRICING)
            status = found.statuses.pop(0) if is_list and found.statuses else 404
            body = json.dumps(PRICES if status == 200 else {"error": "busy"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found, Target(base_url=f"http://127.0.0.1:{server.server_port}", key=Secret("none"))
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("busy", [429, 503])
def test_a_busy_gateway_is_asked_for_its_prices_once_more(
    gateway: tuple[Gateway, Target], busy: int
) -> None:
    played, target = gateway
    played.statuses = [busy, 200]
    listing = ask_gateway(target).listing
    assert listing is not None
    assert "m" in listing.tariffs
    assert played.asked.count(gateway_info.PRICING) == 2


def test_a_gateway_that_stays_busy_is_not_asked_for_ever(gateway: tuple[Gateway, Target]) -> None:
    played, target = gateway
    played.statuses = [503] * 9
    assert ask_gateway(target).listing is None
    assert played.asked.count(gateway_info.PRICING) == 2


def test_the_previous_price_list_is_used_instead(gateway: tuple[Gateway, Target]) -> None:
    played, target = gateway
    played.statuses = [200, 404]
    ask_gateway(target)
    assert last_listing(target.base_url) is not None
    again = ask_gateway(target).listing
    assert again is not None
    assert "m" in again.tariffs
