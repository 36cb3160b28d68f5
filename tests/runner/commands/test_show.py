"""`rowmill show` prints everything about a row: request, calls, answer, and how to repeat it."""

import json
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.claimed import Holding
from jobs.job import JSON, Failure, FailureClass, Step
from jobs.outcome import Finished, GiveUp, Held, Outcome, WireClass
from jobs.result import Result as Answered
from jobs.store import Store
from jobs.store.ids import Ids
from jobs.store.log import open_run
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.queue.settles import CallEnd, Settlement, settle
from runner import cli
from runner.intake.intake import SheetSource, take_in
from runner.preflight.preview import FormPart, Preview, curl_line
from runner.protocol.call import Reply
from runner.settings.settings import resolve
from runner.workspace.answers import MAX_INLINE_BYTES, AnswerFolder
from runner.workspace.lookup import of_sheet
from runner.workspace.workspace import SHEET_ID, Workspace
from tests.support.world import TEXT, World

KEY = "sk-canary0123456789wxyz"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
NASTY = 'it\'s "quoted" $(touch hit) `touch hit` \\ \x1b[2J\u202e 猫\nsecond line'
BODY = json.dumps({"choices": [{"text": "\x1b[31m ok", "picture": "QUJD" * 5000}]}).encode()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("ROWMILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROWMILL_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(home: Path, rows: list[dict[str, JSON]], *, endpoint: str = "chat") -> Workspace:
    """Load a jsonl sheet as a run does; row 1 is its first line."""
    sheet = home / "rows.jsonl"
    sheet.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    workspace = of_sheet(sheet, None)
    workspace.make()
    settings = resolve({"endpoint": endpoint, "model": "m", "skip_bad": True}, {})
    store = Store.open(workspace.table)
    take_in(store, workspace, SheetSource(sheet=sheet), settings, now=time.time())
    store.close()
    return workspace


def settle_next(workspace: Workspace, outcome: Outcome, wire: WireClass, body: bytes = b"") -> None:
    """Claim the next row of the sheet, send it and settle it."""
    store = Store.open(workspace.table)
    holding = Holding(sheet_id=SHEET_ID, run_id=Ids().take(), owner="test")
    with store.write() as tx:
        open_run(tx, holding, program="test", options={}, now=time.time())
        order = ClaimRequest(step=Step.SEND, limit=1)
        (job,) = claim(tx, holding, order, ids=Ids(), now=time.time())
        kept = None
        if body:
            reply = Reply(status=200, headers={"x-request-id": "req-7"}, body=body)
            kept = AnswerFolder(path=workspace.answers).keep(job.call_id, reply)
        ended = CallEnd(wire=wire, seconds=1.5, status=200, request_id="req-7", cost=0.25)
        one = Settlement(job=job, outcome=outcome, ended=ended, answer=kept)
        settle(tx, holding, [one], now=time.time())
    store.close()


def show(*words: str, lang: str = "en") -> Result:
    return CliRunner().invoke(cli.rowmill, ["--lang", lang, "show", *words])


def flat(result: Result) -> str:
    return " ".join(result.stdout.split())


REFUSED = GiveUp(
    failure=Failure(
        kind=FailureClass.REFUSED, cause="moderation", detail=f"no \x1b[2J way, Bearer {KEY}"
    )
)
DONE = Finished(result=Answered(text="a text", model="m-2026"))


def test_a_failed_row_tells_why_in_whose_words_and_what_to_do(home: Path) -> None:
    settle_next(
        load(home, [{"id": "fox", "prompt": "a fox", "notes": "mine"}]), REFUSED, WireClass.REFUSED
    )
    result = show("1", "rows.jsonl")
    assert result.exit_code == 0, result.output
    shown = flat(result)
    assert "Row 1 of rows.jsonl: failed" in shown
    assert "content check rejected the request" in shown
    assert "Change the words" in shown
    assert "rowmill errors rows.jsonl --export fixes.xlsx" in shown
    assert "notes mine" in shown
    assert "1.5 s · HTTP 200 · rejected, not billed" in shown
    assert "given up: refused (moderation)" in shown
    assert "no \\x1b[2J way" in shown
    assert "request id req-7" in shown
    assert "cost 0.25" in shown
    assert KEY not in result.stdout
    assert "\x1b" not in result.stdout


def test_a_row_is_found_by_its_key_too(home: Path) -> None:
    load(home, [{"id": "fox", "prompt": "a"}, {"id": "key:2", "prompt": "b"}])
    assert "Row 1 of" in show("key:fox", "rows.jsonl").stdout
    assert "Row 2 of" in show("key:key:2", "rows.jsonl").stdout
    assert "none yet" in show("2", "rows.jsonl").stdout


def test_an_unknown_row_is_told_with_the_rows_there_are(home: Path) -> None:
    load(home, [{"prompt": "a"}, {"prompt": "b"}])
    for row in ("3", "0", "key:none"):
        result = show(row, "rows.jsonl")
        assert result.exit_code == 3
        assert "rows 1 to 2" in result.stderr
        assert result.stdout == ""
    assert show("fox", "rows.jsonl").exit_code == 2


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_the_curl_line_is_the_request_whatever_the_cells_hold(home: Path) -> None:
    load(home, [{"prompt": NASTY}])
    line = show("1", "rows.jsonl", "--curl").stdout
    assert KEY not in line
    assert "\x1b" not in line
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    env = {**os.environ, "ROWMILL_API_KEY": "the key"}
    done = subprocess.run(["sh", "-c", script], capture_output=True, env=env, check=True)
    words = done.stdout.decode().split("\0")
    assert words[0] == "https://api.wenwen-ai.com/v1/chat/completions"
    assert "Authorization: Bearer the key" in words
    body = json.loads(words[words.index("-d") + 1])
    assert body["model"] == "m"
    assert body["messages"][-1]["content"] == NASTY
    assert not (home / "hit").exists()


def test_a_long_plain_prompt_is_shown_as_it_was_sent(home: Path) -> None:
    load(home, [{"prompt": "x" * 30_000}])
    line = show("1", "rows.jsonl", "--curl").stdout
    assert "x" * 30_000 in line


def test_a_picture_is_its_name_in_the_request_even_when_it_is_gone(home: Path) -> None:
    (home / "mug.png").write_bytes(PNG)
    load(home, [{"prompt": "blue", "image": "mug.png"}], endpoint="chat-image")
    assert "base64,@mug.png" in show("1", "rows.jsonl", "--curl").stdout
    (home / "mug.png").unlink()
    assert "base64,@mug.png" in show("1", "rows.jsonl", "--curl").stdout


def test_a_key_in_a_header_of_the_form_is_the_only_one() -> None:
    request = Preview(method="POST", url="https://a.example/x", headers={"x-goog-api-key": "{key}"})
    line = curl_line(request)
    assert '-H "x-goog-api-key: $ROWMILL_API_KEY"' in line
    assert "Authorization" not in line


def test_a_cell_in_a_form_cannot_make_curl_read_a_file() -> None:
    parts = (
        FormPart(name="prompt", content="@/etc/passwd"),
        FormPart(name="system", content=f"{KEY} \x1b[2J"),
        FormPart(name="image", content="@mug.png;type=image/png", is_file=True),
    )
    line = curl_line(Preview(method="POST", url="https://a.example/v1/images/edits", parts=parts))
    words = shlex.split(line)
    assert words[words.index("prompt=@/etc/passwd") - 1] == "--form-string"
    assert words[words.index("image=@mug.png;type=image/png") - 1] == "-F"
    assert KEY not in line
    assert "\x1b" not in line


@pytest.mark.parametrize("size", [1, MAX_INLINE_BYTES])
def test_the_answer_is_given_byte_for_byte(home: Path, size: int) -> None:
    workspace = load(home, [{"prompt": "a"}, {"prompt": "b"}])
    body = BODY + b"\xff" * size
    settle_next(workspace, DONE, WireClass.ANSWERED, body)
    result = show("1", "rows.jsonl", "--answer")
    assert result.exit_code == 0
    assert result.stdout_bytes == body
    missing = show("2", "rows.jsonl", "--answer")
    assert missing.exit_code == 3
    assert "no answer for row 2" in missing.stderr


def test_a_damaged_answer_is_told_and_the_rest_is_shown(home: Path) -> None:
    workspace = load(home, [{"prompt": "a"}])
    settle_next(workspace, DONE, WireClass.ANSWERED, b"x" * (MAX_INLINE_BYTES + 1))
    (kept,) = workspace.answers.iterdir()
    for damage in (kept.read_bytes()[:-20], b"not packed", b""):
        kept.write_bytes(damage)
        assert show("1", "rows.jsonl", "--answer").exit_code == 3
        page = show("1", "rows.jsonl")
        assert page.exit_code == 0
        assert "cannot be read" in page.stdout


def test_the_answer_on_the_page_is_readable_and_harmless(home: Path) -> None:
    settle_next(load(home, [{"prompt": "a"}]), DONE, WireClass.ANSWERED, BODY)
    result = show("1", "rows.jsonl")
    assert "\\u001b[31m ok" in result.stdout
    assert '"picture": "<15,000 bytes>"' in result.stdout
    assert "\x1b" not in result.stdout
    assert "model that answered  m-2026" in result.stdout


def test_a_bad_row_names_its_cell(home: Path) -> None:
    load(home, [{"prompt": "a"}, {"prompt": "b", "temperature": "hot"}])
    shown = flat(show("2", "rows.jsonl"))
    assert "column temperature: expected" in shown
    assert "found 'hot'" in shown or "hot" in shown
    assert "Row 2 cannot become a request" in shown
    assert show("2", "rows.jsonl", "--curl").exit_code == 3


def test_a_row_in_doubt_says_what_that_means(home: Path) -> None:
    held = Held(failure=Failure(kind=FailureClass.NETWORK, cause="cut"))
    settle_next(load(home, [{"prompt": "a"}]), held, WireClass.IN_DOUBT)
    shown = flat(show("1", "rows.jsonl"))
    assert "Row 1 of rows.jsonl: in doubt" in shown
    assert "may have been billed" in shown
    assert "in doubt: sent, no complete answer" in shown


def test_json_holds_everything_and_stays_english(home: Path) -> None:
    settle_next(load(home, [{"id": "fox", "prompt": "a fox"}]), DONE, WireClass.ANSWERED, BODY)
    found = json.loads(show("1", "rows.jsonl", "--json", lang="zh").stdout)
    assert (found["schema"], found["row"], found["key"], found["status"]) == (1, 1, "fox", "done")
    assert found["cells"] == [["id", "fox"], ["prompt", "a fox"]]
    assert found["attempts"][0]["outcome"] == "finished"
    assert found["attempts"][0]["wire"] == "C"
    assert found["request"]["body"]["messages"][0]["content"] == "a fox"
    assert found["answer"]["body"]["choices"][0]["picture"] == "<15,000 bytes>"
    assert found["answer"]["headers"] == {"x-request-id": "req-7"}


def test_show_speaks_chinese(home: Path) -> None:
    settle_next(load(home, [{"prompt": "一只猫"}]), REFUSED, WireClass.REFUSED)
    shown = show("1", "rows.jsonl", lang="zh").stdout
    assert "没有通过服务商的内容审核" in shown
    assert "rows.jsonl 第 1 行：失败" in shown


def test_what_broke_on_the_way_is_not_laid_into_the_providers_mouth(world: World) -> None:
    world.mock({"cat": ["reset_after", "reset_after"]})
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    shown = world.run("show", "2", sheet).out
    assert "what happened" in shown
    assert "provider's words" not in shown
