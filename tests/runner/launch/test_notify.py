"""The end of a run is announced to webhooks, chat services and commands."""

import base64
import hashlib
import hmac
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from runner.launch.notify import RunNews, message_of, notify, variables_of
from runner.secret import Secret
from tests.support.world import KEY, TEXT, World

NEWS = RunNews(record={"rows": {"done": 3, "failed": 1}, "sheet": "a.csv"}, text="3 done")
PROMPT = "a lighthouse nobody may hear of"


@dataclass
class Listener:
    """A webhook that remembers the requests it received."""

    url: str
    answers: list[tuple[int, str]] = field(default_factory=list)
    received: list[tuple[str, dict[str, object]]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append((self.path, json.loads(body)))
            status, text = found.answers.pop(0) if found.answers else (200, "{}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Listener(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_webhook_gets_the_counts_and_the_next_command_and_no_prompt(
    world: World, listener: Listener
) -> None:
    world.mock()
    sheet = world.prompts("a.csv", PROMPT, "a dog")
    done = world.run("run", sheet, *TEXT, "--notify", f"{listener.url}/hook")
    assert done.code == 0, done.err
    ((path, told),) = listener.received
    assert path == "/hook"
    assert told["rows"] == {
        "total": 2, "done": 2, "failed": 0, "in_doubt": 0, "skipped": 0, "pending": 0,
    }  # fmt: skip
    assert (told["exit_code"], told["stopped"], told["schema"]) == (0, None, 1)
    assert "rowmill export" in str(told["next"])
    assert "2 done" in str(told["text"])
    assert PROMPT not in json.dumps(told)
    assert KEY not in json.dumps(told)


@pytest.mark.parametrize("how", ["dead", "500", "slow"])
def test_a_webhook_that_does_not_take_it_changes_nothing(
    world: World, listener: Listener, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.launch.notify.FIRST_RETRY_SECONDS", 0.01)
    world.mock()
    sheet = world.prompts("a.csv", "a cat")
    url = "http://127.0.0.1:9/hook" if how == "dead" else f"{listener.url}/hook"
    listener.answers = [(500, "no")] * (9 if how == "500" else 2)
    done = world.run("run", sheet, *TEXT, "--notify", url, "--json")
    assert (done.code, done.json["exit_code"]) == (0, 0), done.err
    assert world.column(sheet) == ["done"]
    assert ("could not be sent" in done.err) == (how != "slow")
    assert len(listener.received) == (0 if how == "dead" else 3)


@pytest.mark.parametrize("address", ["htp:/foo", "hooks.example.com/x", "http://", "http://a:b/"])
def test_a_wrong_address_is_refused_before_anything_is_sent(world: World, address: str) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT, "--notify", address)
    assert (done.code, done.posts) == (3, 0), done.err
    assert "--notify" in done.err


def test_an_address_that_cannot_be_reached_is_told_at_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.launch.notify.FIRST_RETRY_SECONDS", 0.01)
    world.mock()
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT, "--notify", "http://127.0.0.1:9/hook")
    assert done.code == 0, done.err
    told = done.err.index("cannot be reached now")
    assert told < done.err.index("a.csv: 1 row"), "before the run, not in the morning"


def test_a_stop_is_told_too(world: World, listener: Listener) -> None:
    world.mock(key="sk-another-one-0123456789")
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT, "--notify", listener.url).code == 6
    assert listener.received[0][1]["stopped"] == "key"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its own imports
def test_an_apprise_address_is_served_by_apprise(world: World, listener: Listener) -> None:
    pytest.importorskip("apprise")
    world.mock()
    sheet = world.prompts("a.csv", PROMPT)
    address = listener.url.replace("http://", "json://") + "/apprise"
    assert world.run("run", sheet, *TEXT, "--notify", address).code == 0
    ((path, told),) = listener.received
    assert path.startswith("/apprise")
    assert "1 done" in str(told["message"])
    assert PROMPT not in json.dumps(told)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its own imports
def test_an_apprise_address_that_is_refused_is_said() -> None:
    pytest.importorskip("apprise")
    assert notify(Secret("json://127.0.0.1:9/x"), NEWS) == "the service did not accept it"
    assert notify(Secret("nothing://x"), NEWS) == "the service did not accept it"


# --- chat services --------------------------------------------------------------------------------


def test_feishu_gets_a_signed_text(listener: Listener) -> None:
    url = f"{listener.url}/open-apis/bot/v2/hook/token"
    assert notify(Secret(url), NEWS, secret=Secret("the-secret")) is None
    ((_, told),) = listener.received
    assert told["content"] == {"text": "3 done"}
    expected = hmac.new(f"{told['timestamp']}\nthe-secret".encode(), b"", hashlib.sha256).digest()
    assert told["sign"] == base64.b64encode(expected).decode()


def test_dingtalk_gets_its_signature_in_the_address() -> None:
    url = "https://oapi.dingtalk.com/robot/send?access_token=t"
    message = message_of(url, NEWS, secret="the-secret", now=1_700_000_000.5)
    query = parse_qs(urlsplit(message.url).query)
    expected = hmac.new(b"the-secret", b"1700000000500\nthe-secret", hashlib.sha256).digest()
    assert query["timestamp"] == ["1700000000500"]
    assert query["sign"][0] == base64.b64encode(expected).decode()
    assert json.loads(message.body) == {"msgtype": "text", "text": {"content": "3 done"}}


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k",
            {"msgtype": "text", "text": {"content": "3 done"}},
        ),
        ("https://hooks.slack.com/services/T/B/x", {"text": "3 done"}),
    ],
)
def test_other_chats_get_the_text_in_their_own_form(url: str, body: object) -> None:
    message = message_of(url, NEWS, secret=None, now=0.0)
    assert (message.url, json.loads(message.body)) == (url, body)


def test_a_refusal_under_200_is_told(listener: Listener) -> None:
    listener.answers = [(200, '{"code": 19021, "msg": "sign match fail"}')]
    assert notify(Secret(f"{listener.url}/x"), NEWS) == "19021 sign match fail"


def test_the_address_and_its_secret_may_lie_elsewhere(world: World, listener: Listener) -> None:
    home = world.folder.parent / "home" / "rowmill"
    home.mkdir(parents=True)
    (home / "hook.txt").write_text(f"{listener.url}/open-apis/bot/v2/hook/t\n", encoding="utf-8")
    (home / "rowmill.toml").write_text(
        '[notify]\nurl_file = "hook.txt"\nsecret_env = "BOT_SECRET"\n', encoding="utf-8"
    )
    world.monkeypatch.setenv("BOT_SECRET", "s3cret-word")
    world.mock()
    assert world.run("run", world.prompts("a.csv", "a cat"), *TEXT).code == 0
    assert "sign" in listener.received[0][1]


def test_a_strangers_settings_cannot_name_a_command_or_a_file(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    for line in (
        'url = "http://10.0.0.1/"',
        'on_finish = "sh evil.sh"',
        'url_file = "/etc/passwd"',
        'secret_env = "HOME"',
    ):
        world.settings(f"[notify]\n{line}\n", trusted=False)
        assert world.run("run", sheet, *TEXT).code == 3
    world.settings('[defaults]\non-finish = "sh evil.sh"\n', trusted=False)
    assert world.run("run", sheet, *TEXT).code == 3


# --- the person's own command ---------------------------------------------------------------------


def test_the_command_gets_the_counts_and_none_of_the_secrets(world: World) -> None:
    world.mock()
    world.monkeypatch.setenv("GATE_KEY", KEY)
    script = world.folder.parent / "finish.py"
    out = world.folder.parent / "finish.json"
    script.write_text(
        "import json, os, sys\n"
        "print('hello')\n"
        f"open({str(out)!r}, 'w').write(json.dumps(dict(os.environ)))\n",
        encoding="utf-8",
    )
    sheet = world.prompts("a.csv", PROMPT, "a dog")
    command = f"'{sys.executable}' '{script}'"
    done = world.run("run", sheet, *TEXT, "--on-finish", command, "--json")
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    told = {key: value for key, value in found.items() if key.startswith("ROWMILL_RUN_")}
    assert told["ROWMILL_RUN_DONE"] == "2"
    assert told["ROWMILL_RUN_EXIT_CODE"] == "0"
    assert told["ROWMILL_RUN_SHEET"] == str(sheet)
    assert KEY not in json.dumps(found)
    assert PROMPT not in json.dumps(found)
    assert done.json["exit_code"] == 0, "what the command prints is not in our data"


@pytest.mark.parametrize("command", ["false", "no-such-program-anywhere"])
@pytest.mark.skipif(os.name != "posix", reason="needs false")
def test_a_command_that_fails_changes_nothing(world: World, command: str) -> None:
    world.mock()
    done = world.run("run", world.prompts("a.csv", "a cat"), *TEXT, "--on-finish", command)
    assert done.code == 0
    assert "--on-finish failed" in done.err


def test_what_a_command_is_told_is_no_unknown_setting(world: World) -> None:
    world.mock()
    world.monkeypatch.setenv("ROWMILL_RUN_DONE", "2")
    done = world.run("run", world.prompts("a.csv", "a cat"), *TEXT)
    assert "ROWMILL_RUN_DONE" not in done.err
    assert variables_of(NEWS)["ROWMILL_RUN_FAILED"] == "1"


def test_a_rehearsal_says_that_it_is_one(world: World, listener: Listener) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("rehearse", sheet, "--notify", listener.url).code == 0
    assert listener.received[0][1]["rehearsal"] is True
