"""`rowmill doctor` finds each fault of the set-up and says how to fix it."""

import json
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from runner.mock.account_info import PRICING
from tests.support.world import KEY, TEXT, World

PROMPT = "a very private heron"


def found(world: World, *words: object, code: int = 0) -> dict[str, str]:
    """The findings of doctor, by name."""
    done = world.run("doctor", *words, "--json")
    assert done.out, done.err
    assert done.code == code, done.out + done.err
    checks: dict[str, Any] = {}
    for one in done.json["checks"]:
        checks.setdefault(one["name"], []).append(one["found"])
    return {name: "+".join(several) for name, several in checks.items()}


def test_all_is_well_and_nothing_is_bought(world: World) -> None:
    world.mock(pricing=PRICING, credit=3.0)
    sheet = world.prompts("a.csv", PROMPT)
    assert world.run("run", sheet, *TEXT).code == 0
    calls = len(world.calls)
    checks = found(world, sheet)
    assert checks["connection"] == "good"
    assert checks["key"] == "accepted"
    assert checks["models"] == "listed"
    assert checks["prices"] == "gateway+till"
    assert checks["table"] == "good"
    assert checks["clock"] == "good"
    assert len(world.calls) == calls


def test_every_setting_is_told_with_where_it_came_from(world: World) -> None:
    world.settings("[defaults]\nconcurrency = 3\n")
    world.monkeypatch.setenv("ROWMILL_RPM", "60")
    done = world.run("doctor", "--json")
    told = {one["name"]: (one["value"], one["source"]) for one in done.json["settings"]}
    assert told["concurrency"] == ("3", "trusted file")
    assert told["rpm"] == ("60", "environment")
    assert told["attempts"] == ("5", "default")
    assert told["base_url"][1] == "environment"


def test_the_page_names_what_was_set_and_folds_the_defaults(world: World) -> None:
    world.monkeypatch.setenv("ROWMILL_RPM", "60")
    page = world.run("doctor").out
    assert "rpm" in page
    assert "(default)" not in page
    assert "more at their defaults" in page
    whole = world.run("doctor", "-v").out
    assert "(default)" in whole
    assert "class_" not in whole
    assert "from_" not in whole


def test_a_sheet_is_examined_at_the_address_its_runs_use(world: World) -> None:
    used = world.mock().base_url
    world.monkeypatch.setenv("ROWMILL_BASE_URL", "http://127.0.0.1:9")
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT, "--base-url", used).code == 0
    world.monkeypatch.delenv("ROWMILL_BASE_URL")
    assert used in world.run("doctor", sheet).out
    other = world.run("doctor", sheet, "--base-url", "http://127.0.0.1:9")
    assert other.code == 6, other.out
    assert "http://127.0.0.1:9 cannot be reached" in " ".join(other.out.split())


def test_a_model_that_is_not_listed_is_guessed(world: World) -> None:
    world.monkeypatch.setenv("ROWMILL_MODEL", "mock-txt")
    assert found(world)["models"] == "listed+meant"
    assert "Did you mean mock-text?" in world.run("doctor").out
    assert "mock-image" in world.run("doctor", "--models").out


def test_a_key_that_is_not_accepted_exits_6_and_a_missing_one_3(world: World) -> None:
    world.mock(key="sk-another-one-0123456789")
    assert found(world, code=6)["key"] == "rejected"
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    assert found(world, code=3)["key"] == "none"


def test_a_gateway_that_is_away_exits_6(world: World) -> None:
    world.stop()
    assert found(world, code=6)["connection"] == "unreached"


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
def test_an_address_with_and_without_v1_is_the_same(world: World, tail: str) -> None:
    assert world.gateway is not None
    world.monkeypatch.setenv("ROWMILL_BASE_URL", world.gateway.base_url + tail)
    assert found(world)["connection"] == "good"


def test_an_address_with_a_path_too_much_is_told_the_right_one(world: World) -> None:
    assert world.gateway is not None
    world.monkeypatch.setenv("ROWMILL_BASE_URL", world.gateway.base_url + "/console")
    done = world.run("doctor")
    assert done.code == 3
    assert f"there is one at {world.gateway.base_url}" in " ".join(done.out.split())


FORMS = ["/v1", "/openai/v1", "/api/v3", "/compatible-mode/v1", "/api/paas/v4", "/v1beta/openai"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("typed", ["", "/console"])
@pytest.mark.parametrize("elsewhere", [b"<!doctype html>", b'{"error": {"message": "no"}}'])
def test_the_form_under_which_the_models_are_listed_is_told(
    world: World, form: str, typed: str, elsewhere: bytes
) -> None:
    with answering(404, {}, elsewhere, listed_at=f"{form}/models") as url:
        world.monkeypatch.setenv("ROWMILL_BASE_URL", url + typed)
        done = world.run("doctor", "--json")
        (check,) = [one for one in json.loads(done.out)["checks"] if one["name"] == "connection"]
        if form + typed == "/v1":
            assert check["found"] == "good"
            return
        assert check["found"] == "elsewhere"
        told = check["values"]["other"] if "values" in check else json.dumps(check)
        assert url + form.removesuffix("/v1") in told


@contextmanager
def answering(
    status: int, headers: dict[str, str], body: bytes, *, listed_at: str = ""
) -> Iterator[str]:
    """A server that gives the same answer to every request, but for its list of models."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == listed_at:
                self.send_response_only(200)
                self.send_header("Content-Length", "24")
                self.end_headers()
                self.wfile.write(b'{"data": [{"id": "m1"}]}')
                return
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected", "code"),
    [
        (200, {"Content-Type": "text/html"}, b"<!doctype html>", "console", 3),
        (302, {"Location": "https://elsewhere.example/v1/models"}, b"", "redirect", 3),
        (404, {}, b"not here", "no_list", 0),
        (500, {}, b"oh", "strange", 6),
        (200, {}, b'{"data": [{"id": "m"}]}', "good", 0),
        (200, {}, b'{"models": [{"name": "m"}]}', "good", 0),
    ],
)
def test_the_answer_of_an_address_names_what_is_there(
    world: World, status: int, headers: dict[str, str], body: bytes, expected: str, code: int
) -> None:
    with answering(status, headers, body) as url:
        world.monkeypatch.setenv("ROWMILL_BASE_URL", url)
        assert found(world, code=code)["connection"] == expected


def test_a_clock_that_is_wrong_is_told(world: World) -> None:
    headers = {"Date": "Mon, 23 Nov 2020 01:45:00 GMT"}
    with answering(200, headers, b'{"data": []}') as url:
        world.monkeypatch.setenv("ROWMILL_BASE_URL", url)
        assert found(world)["clock"] == "fast"


def test_a_proxy_is_shown_without_its_password(world: World) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    world.monkeypatch.setenv("ROWMILL_BASE_URL", "http://gateway.example")
    world.monkeypatch.setenv("HTTP_PROXY", f"http://user:secret-word@127.0.0.1:{port}")
    done = world.run("doctor")
    assert f"http://127.0.0.1:{port}" in done.out
    assert "secret-word" not in done.out + done.err


def test_a_damaged_table_is_told_and_exits_3(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(400)))
    assert world.run("run", sheet, *TEXT, "--limit", 1).code == 0
    table = world.workspace(sheet).table
    whole = table.read_bytes()
    table.write_bytes(whole[: 4096 * 5] + b"\xff" * 4096 * 6 + whole[4096 * 11 :])
    try:
        assert found(world, sheet, code=3)["table"] in {"damaged", "unusable"}
    finally:
        table.write_bytes(whole)


def test_the_bundle_holds_no_key_no_prompt_and_no_answer(world: World) -> None:
    sheet = world.prompts("a.csv", PROMPT, "second")
    assert world.run("run", sheet, *TEXT, "--set", f"system={PROMPT}").code == 0
    answer = world.column(sheet, "result_text")[0]
    done = world.run("doctor", sheet, "--bundle")
    assert done.code == 0, done.err
    (bundle,) = world.folder.glob("rowmill-doctor-*.zip")
    with zipfile.ZipFile(bundle) as opened:
        texts = {name: opened.read(name).decode() for name in opened.namelist()}
    assert set(texts) == {"doctor.json", "machine.json", "table.json", "attempts.log"}
    for text in texts.values():
        for secret in (KEY, "private heron", answer, str(world.folder.parent / "home")):
            assert secret not in text
    assert json.loads(texts["table.json"])["rows"]["done"] == 2
    assert "row=2 endpoint=chat" in texts["attempts.log"]


def test_doctor_speaks_chinese(world: World) -> None:
    assert "密钥" in world.run("doctor", "--lang", "zh").out
