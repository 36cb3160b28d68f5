"""Whole commands work against mock servers by other authors, each with its own view of the API."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jobs.store.log import call_books
from runner.workspace.workspace import SHEET_ID
from tests.support.world import World

PAID = {"path": "/v1/chat/*"}
"""What a fault is for: prices and models are asked for too, and cost nothing."""
START_SECONDS = 30.0  # how long a server may take to start
FAKELLM_RULES = """\
version: 1
rules:
  - name: refused
    when: {messages_contain: forbidden}
    respond: {status: 400, error: content policy violation}
  - name: calls a tool
    when: {tools_include: get_weather}
    respond: {tool_calls: [{name: get_weather, arguments: {city: Rome}}]}
  - name: greets
    when: {}
    respond: {content: hello there}
"""
TOOLS = json.dumps([{"type": "function", "function": {"name": "get_weather", "parameters": {}}}])


class Foreign:
    """One foreign server as a process."""

    def __init__(self, program: str, *words: str, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.name, self.url = program, f"http://127.0.0.1:{port}"
        script = str(Path(sys.executable).with_name(program))
        command = [script, "serve", "--port", str(port), *words]
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(urllib.error.HTTPError):
                try:
                    self.ask("/health")
                except urllib.error.URLError as error:
                    if isinstance(error, urllib.error.HTTPError):
                        raise
                    assert self.process.poll() is None, self.log.read_text("utf-8")
                    assert time.monotonic() < deadline, "it never answered"
                    time.sleep(0.05)
                    continue
            return

    def ask(self, path: str, body: object = None) -> Any:
        """The JSON that it returns for a path."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data, timeout=60) as found:
            return json.loads(found.read() or b"null")

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def fakellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """fakellm: OpenAI's chat and Anthropic's messages, answered by rules."""
    folder = tmp_path_factory.mktemp("fakellm")
    (folder / "rules.yaml").write_text(FAKELLM_RULES, encoding="utf-8")
    server = Foreign("fakellm", "--config", str(folder / "rules.yaml"), log=folder / "log")
    server.wait()
    yield server
    server.end()


@pytest.fixture(scope="module")
def llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """LLMock: ten providers, faults on demand, and a verdict on the client's behaviour."""
    log = tmp_path_factory.mktemp("llmock") / "log"
    server = Foreign("llmock", "--log-level", "warning", log=log)
    server.wait()
    yield server
    server.end()


@pytest.fixture
def judged(llmock: Foreign) -> Iterator[Foreign]:
    """The same with an empty journal; its verdict on our requests must be good at the end."""
    llmock.ask("/_llmock/reset", {})
    yield llmock
    verdict = llmock.ask("/_llmock/verdict")
    assert verdict["passed"], verdict["findings"]


def go(world: World, server: Foreign, sheet: Path, *words: str, prefix: str = "") -> int:
    """Run a sheet there; the server's own count of requests is the bill."""
    world.monkeypatch.setenv("ROWMILL_BASE_URL", server.url + prefix)
    before, known = posts(server), 0
    table = world.workspace(sheet).table
    if table in world.elsewhere:
        known = written(world, sheet)
    world.elsewhere.add(table)
    done = world.run("run", sheet, "-m", "gpt-4o-mini", "-y", *words)
    assert posts(server) - before == written(world, sheet) - known
    return done.code


def posts(server: Foreign) -> int:
    """The number of generations that the server counted."""
    if "fakellm" in server.name:
        return int(server.ask("/_fakellm/stats")["total_requests"])
    requests = server.ask("/_llmock/requests")["requests"]
    return sum(one["method"] == "POST" for one in requests)


def written(world: World, sheet: Path) -> int:
    """The number of calls that our table records as sent."""
    with world.store(sheet) as store, store.read() as tx:
        return len([wire for _, wire in call_books(tx, SHEET_ID) if wire != "A"])


def test_fakellm_answers_every_form_it_knows(world: World, fakellm: Foreign) -> None:
    before = posts(fakellm)
    sheet = world.sheet(
        "a.csv",
        ["prompt", "endpoint", "stream", "tools"],
        ["one", "chat", "", ""],
        ["two", "chat", "true", ""],
        ["three", "messages", "", ""],
        ["four", "messages", "true", ""],
        ["five", "chat", "", TOOLS],
        ["forbidden", "chat", "", ""],
    )
    assert go(world, fakellm, sheet) == 4
    assert world.column(sheet) == ["done"] * 5 + ["failed"]
    assert world.column(sheet, "result_text")[:4] == ["hello there"] * 4
    assert "get_weather" in world.column(sheet, "result_data")[4]
    assert world.column(sheet, "result_error_class")[5] == "refused"
    assert posts(fakellm) - before == 6


def test_llmock_answers_chat_and_a_rerun_asks_nothing(world: World, judged: Foreign) -> None:
    sheet = world.sheet("a.csv", ["prompt", "stream"], ["one", ""], ["two", "true"], ["three", ""])
    assert go(world, judged, sheet, "-e", "chat") == 0
    assert all(world.column(sheet, "result_text"))
    assert go(world, judged, sheet, "-e", "chat") == 0
    assert posts(judged) == 3


def test_llmock_answers_messages_streamed_and_whole(world: World, judged: Foreign) -> None:
    sheet = world.sheet("a.csv", ["prompt", "stream"], ["one", ""], ["two", "true"])
    assert go(world, judged, sheet, "-e", "messages", prefix="/anthropic") == 0
    assert all(world.column(sheet, "result_text"))
    assert posts(judged) == 2


def test_llmock_makes_vectors_that_share_a_call(world: World, judged: Foreign) -> None:
    sheet = world.prompts("a.csv", "one", "two", "three")
    assert go(world, judged, sheet, "-e", "embedding") == 0
    assert posts(judged) == 1
    assert (world.workspace(sheet).folder / "vectors.parquet").exists()


def test_llmock_answers_responses_streamed_whole_and_with_a_tool(
    world: World, judged: Foreign
) -> None:
    rows = (["one", "", ""], ["two", "true", ""], ["three", "", TOOLS])
    sheet = world.sheet("a.csv", ["prompt", "stream", "tools"], *rows)
    assert go(world, judged, sheet, "-e", "responses") == 0
    assert all(world.column(sheet, "result_text")[:2])
    assert posts(judged) == 3


def test_llmock_answers_geminis_own_form_streamed_and_whole(world: World, judged: Foreign) -> None:
    sheet = world.sheet("a.csv", ["prompt", "stream"], ["one", ""], ["two", "true"])
    assert go(world, judged, sheet, "-e", "gemini", prefix="/gemini") == 0
    assert all(world.column(sheet, "result_text"))
    assert posts(judged) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_llmocks_passing_faults_are_waited_out(world: World, judged: Foreign, status: int) -> None:
    fail = {"type": "fail", "status": status, "times": 2, "retry_after": 0.2, "match": PAID}
    judged.ask("/_llmock/scenario", {"behaviors": [fail]})
    sheet = world.prompts("a.csv", "one", "two")
    assert go(world, judged, sheet, "-e", "chat", "-c", "1") == 0
    assert posts(judged) == 4


@pytest.mark.parametrize("status", [400, 404, 422])
def test_llmocks_final_faults_are_never_repeated(
    world: World, judged: Foreign, status: int
) -> None:
    fail = {"type": "fail", "status": status, "match": PAID}
    judged.ask("/_llmock/scenario", {"behaviors": [fail]})
    sheet = world.prompts("a.csv", "one")
    assert go(world, judged, sheet, "-e", "chat") == 4
    assert posts(judged) == 1


@pytest.mark.parametrize("kind", ["disconnect", "truncate"])
def test_half_a_stream_of_llmocks_is_asked_for_again(
    world: World, judged: Foreign, kind: str
) -> None:
    fault = {"type": "stream_fault", "kind": kind, "after_chunks": 2}
    judged.ask("/_llmock/scenario", {"behaviors": [fault]})
    sheet = world.sheet("a.csv", ["prompt", "stream"], ["one", "true"])
    assert go(world, judged, sheet, "-e", "chat") == 0
    assert posts(judged) == 2
