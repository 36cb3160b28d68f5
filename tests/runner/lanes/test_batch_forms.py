"""Provider batches: what each form sends, and what it reads in the shapes that are documented.

The answers are typed by hand after the public references of each provider: OpenAI's batch
reference and guide, Anthropic's message batches, Google's batch-api page with the shapes that
google-genai parses, and OpenRouter's batch reference.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.job import Failure
from runner.lanes.batch_offers import batch_offer, form_of
from runner.lanes.batch_wire import (
    BatchForm,
    BatchOrder,
    PackedLines,
    RemoteBatch,
    RemoteState,
    Unpackable,
    is_same,
    number_in,
    row_id,
)
from runner.protocol.call import Call, Part, Reply

SITES = {
    "openai": ("https://api.openai.com", "chat"),
    "anthropic": ("https://api.anthropic.com", "messages"),
    "gemini": ("https://generativelanguage.googleapis.com", "gemini"),
    "openrouter": ("https://openrouter.ai/api", "chat"),
}
LINES = PackedLines(path=Path("lines"), size=9, rows=2, digest="ab" * 32)
ORDER = BatchOrder(lines=LINES, model="m", url="/v1/chat/completions", input_file="file-1")
ROW = row_id(17)


def form(name: str) -> BatchForm:
    site, endpoint = SITES[name]
    offer = batch_offer(site, None, endpoint, "m")
    assert offer is not None
    return form_of(offer)


def reply(value: object, status: int = 200) -> Reply:
    return Reply(status=status, headers={}, body=json.dumps(value).encode())


def batch(name: str, value: object) -> RemoteBatch:
    found = form(name).read_batch(reply(value))
    assert isinstance(found, RemoteBatch)
    return found


# --- lines out -----------------------------------------------------------------------------------


def test_a_row_is_named_by_a_number_of_ours() -> None:
    assert (row_id(17), number_in("r-00000017")) == ("r-00000017", 17)
    assert number_in(row_id(12_345_678_901)) == 12_345_678_901
    assert [number_in(bad) for bad in ("r-17", "17", "r-00000017 ", "request-1")] == [None] * 4


CHAT = Call(path="/v1/chat/completions", json={"model": "x", "messages": [], "stream": True})
LINES_OUT = [
    (
        "openai",
        CHAT,
        {
            "custom_id": ROW,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "m", "messages": []},
        },
    ),
    ("openrouter", CHAT, {"custom_id": ROW, "body": {"messages": []}}),
    (
        "anthropic",
        Call(path="/v1/messages", json={"model": "x", "max_tokens": 9, "stream": False}),
        {"custom_id": ROW, "params": {"model": "m", "max_tokens": 9}},
    ),
    (
        "gemini",
        Call(path="/v1beta/models/x:streamGenerateContent?alt=sse", json={"contents": []}),
        {"key": ROW, "request": {"contents": []}},
    ),
]


@pytest.mark.parametrize(("name", "call", "line"), LINES_OUT)
def test_a_line_holds_the_request_without_streaming(
    name: str, call: Call, line: dict[str, object]
) -> None:
    packed = form(name).line(ROW, call, "m")
    assert isinstance(packed, bytes)
    assert json.loads(packed) == line


@pytest.mark.parametrize("name", SITES)
def test_a_line_is_one_line_whatever_a_cell_holds(name: str) -> None:
    call = next(call for one, call, _ in LINES_OUT if one == name)
    cell = 'a\n\r\u2028 "\x00 \ud800 猫'
    packed = form(name).line(ROW, Call(path=call.path, json={"prompt": cell}), "m")
    assert isinstance(packed, bytes)
    assert len(packed.splitlines()) == len(packed.decode().splitlines()) == 1
    assert cell in json.loads(packed).get("request", {"prompt": cell}).values()


@pytest.mark.parametrize("name", SITES)
def test_a_request_that_is_not_sold_in_batches_is_said(name: str) -> None:
    call = Call(path="/v1/audio/speech", json={"model": "m"})
    assert form(name).line(ROW, call, "m") is Unpackable.ENDPOINT


def test_a_picture_edit_goes_as_json_with_its_pictures() -> None:
    parts = (
        Part(name="model", content=b"x"),
        Part(name="n", content=b"2"),
        Part(name="image[]", content=b"PNG", filename="a.png", media_type="image/png"),
        Part(name="mask", content=b"M", filename="m.png", media_type="image/png"),
    )
    packed = form("openai").line(ROW, Call(path="/v1/images/edits", parts=parts), "m")
    assert isinstance(packed, bytes)
    assert json.loads(packed)["body"] == {
        "model": "m",
        "n": 2,
        "mask": {"image_url": "data:image/png;base64,TQ=="},
        "images": [{"image_url": "data:image/png;base64,UE5H"}],
    }


# --- creation ------------------------------------------------------------------------------------


def test_the_digest_is_in_the_creation_where_there_is_a_place_for_it() -> None:
    openai, gemini = form("openai").create(ORDER), form("gemini").create(ORDER)
    assert openai.json == {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"rowmill_digest": LINES.digest},
    }
    assert gemini.path == "/v1beta/models/m:batchGenerateContent"
    assert gemini.json == {
        "batch": {
            "displayName": f"rowmill-{LINES.digest}",
            "inputConfig": {"fileName": "file-1"},
        }
    }


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("anthropic", {"requests": [{"a": 1}, {"b": 2}]}),
        (
            "openrouter",
            {
                "endpoint": "/v1/chat/completions",
                "model": "m",
                "completion_window": "24h",
                "requests": [{"a": 1}, {"b": 2}],
            },
        ),
    ],
)
def test_a_creation_with_its_lines_is_one_json_body(name: str, whole: dict[str, object]) -> None:
    one = form(name)
    body = one.create(ORDER).encoded
    assert body is not None
    assert body.file is not None
    lines = one.separator.join((b'{"a":1}', b'{"b":2}'))
    found = json.loads(body.content + lines + body.file.tail)
    assert list(found.items()) == list(whole.items())  # OpenRouter wants them in this order


@pytest.mark.parametrize("name", ["openai", "gemini"])
def test_an_upload_names_its_file_by_the_digest(name: str) -> None:
    call = form(name).upload(LINES)
    assert call is not None
    body = call.encoded
    assert body is not None
    assert body.file is not None
    assert LINES.digest[:16].encode() in body.content
    assert body.file.tail.startswith(b"\n\r\n--")


def test_an_uploads_name_is_read() -> None:
    file = {"id": "file-abc123", "object": "file", "bytes": 120, "purpose": "batch"}
    assert form("openai").read_upload(reply(file)) == "file-abc123"
    named = {"file": {"name": "files/a1-b2", "mimeType": "application/jsonl"}}
    assert form("gemini").read_upload(reply(named)) == "files/a1-b2"
    for bad in ({}, {"id": "../x"}, {"file": {"name": "files/../../x"}}):
        assert isinstance(form("openai").read_upload(reply(bad)), Failure)
        assert isinstance(form("gemini").read_upload(reply(bad)), Failure)


# --- batches -------------------------------------------------------------------------------------

OPENAI_BATCH = {
    "id": "batch_abc123",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "errors": None,
    "input_file_id": "file-abc123",
    "completion_window": "24h",
    "status": "expired",
    "output_file_id": "file-out",
    "error_file_id": "file-err",
    "created_at": 1714508499,
    "expires_at": 1714536634,
    "request_counts": {"total": 100, "completed": 95, "failed": 5},
    "metadata": {"rowmill_digest": "ab" * 32},
}
ANTHROPIC_BATCH = {
    "id": "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d",
    "type": "message_batch",
    "processing_status": "ended",
    "request_counts": {
        "processing": 0,
        "succeeded": 95,
        "errored": 1,
        "canceled": 0,
        "expired": 4,
    },
    "ended_at": "2026-09-24T20:37:24.100435Z",
    "created_at": "2026-09-24T18:37:24.100435Z",
    "expires_at": "2026-09-25T18:37:24.100435Z",
    "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_01H/results",
}
GEMINI_BATCH = {
    "name": "batches/123456",
    "metadata": {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "model": "models/gemini-3-flash",
        "displayName": f"rowmill-{'ab' * 32}",
        "inputConfig": {"fileName": "files/in1"},
        "output": {"responsesFile": "files/batch-out1"},
        "createTime": "2026-08-01T10:00:00.123456789Z",
        "batchStats": {"requestCount": "100", "successfulRequestCount": "95"},
        "state": "BATCH_STATE_SUCCEEDED",
        "name": "batches/123456",
    },
    "done": True,
    "response": {"responsesFile": "files/batch-out1"},
}
OPENROUTER_BATCH = {
    "id": "batch_9",
    "object": "batch",
    "model": "openai/gpt-5-mini",
    "endpoint": "/v1/chat/completions",
    "status": "cancelled",
    "request_counts": {"total": 100, "completed": 95, "failed": 5},
    "created_at": 1714508499,
    "expires_at": None,
    "error": None,
    "results": None,
}
BATCHES: list[tuple[str, dict[str, Any], RemoteState, tuple[str, ...]]] = [
    ("openai", OPENAI_BATCH, RemoteState.EXPIRED, ("file-out", "file-err")),
    ("anthropic", ANTHROPIC_BATCH, RemoteState.EXPIRED, (str(ANTHROPIC_BATCH["id"]),)),
    ("gemini", GEMINI_BATCH, RemoteState.COMPLETED, ("files/batch-out1",)),
    ("openrouter", OPENROUTER_BATCH, RemoteState.CANCELLED, ("batch_9",)),
]


@pytest.mark.parametrize(("name", "value", "state", "files"), BATCHES)
def test_a_batch_is_read(
    name: str, value: dict[str, Any], state: RemoteState, files: tuple[str, ...]
) -> None:
    found = batch(name, value)
    assert (found.state, found.result_files) == (state, files)
    assert (found.total, found.completed) == (100, 95)
    assert found.created is not None
    assert found.created > 1.7e9


@pytest.mark.parametrize("name", ["openai", "openrouter"])
@pytest.mark.parametrize("word", ["validating", "in_progress", "finalizing", "cancelling", "new"])
def test_a_word_that_is_not_final_means_work(name: str, word: str) -> None:
    value = OPENAI_BATCH if name == "openai" else OPENROUTER_BATCH
    assert batch(name, {**value, "status": word}).state is RemoteState.WORKING


def test_words_in_capitals_mean_the_same() -> None:
    assert batch("openai", {**OPENAI_BATCH, "status": "COMPLETED"}).state is RemoteState.COMPLETED


GEMINI_WORDS = [
    ("JOB_STATE_SUCCEEDED", RemoteState.COMPLETED),
    ("BATCH_STATE_EXPIRED", RemoteState.EXPIRED),
    ("JOB_STATE_CANCELLED", RemoteState.CANCELLED),
    ("BATCH_STATE_FAILED", RemoteState.FAILED),
    ("BATCH_STATE_RUNNING", RemoteState.WORKING),
    ("JOB_STATE_QUEUED", RemoteState.WORKING),
]


@pytest.mark.parametrize(("word", "state"), GEMINI_WORDS)
def test_gemini_has_two_spellings_of_its_states(word: str, state: RemoteState) -> None:
    metadata = {**GEMINI_BATCH["metadata"], "state": word}  # type: ignore[dict-item]  # a dict
    assert batch("gemini", {**GEMINI_BATCH, "metadata": metadata}).state is state


def test_a_batch_that_was_refused_says_why_and_whether_it_may_come_again() -> None:
    line = {"code": "invalid_json_line", "message": "not JSON", "param": None, "line": 3}
    failed = {**OPENAI_BATCH, "status": "failed", "errors": {"object": "list", "data": [line]}}
    found = batch("openai", failed)
    assert (found.problems[0].code, found.problems[0].line) == ("invalid_json_line", 3)
    assert not found.queue_full
    full = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
    assert batch("openai", {**failed, "errors": {"data": [full]}}).queue_full


@pytest.mark.parametrize("name", SITES)
@pytest.mark.parametrize("bad", [{}, [], {"id": "x"}, {"name": "../batches/1", "metadata": {}}, 7])
def test_an_answer_that_is_no_batch_is_a_failure(name: str, bad: object) -> None:
    found = form(name).read_batch(reply(bad))
    assert isinstance(found, Failure)
    assert found.cause == "unreadable"


@pytest.mark.parametrize(("name", "value"), [(one[0], one[1]) for one in BATCHES])
def test_a_listing_is_read_to_its_last_page(name: str, value: dict[str, Any]) -> None:
    one = form(name)
    key = "operations" if name == "gemini" else "data"
    more = {"nextPageToken": "t/+="} if name == "gemini" else {"has_more": True, "last_id": "b9"}
    first = one.read_listing(reply({key: [value, {"odd": 1}], **more}))
    assert not isinstance(first, Failure)
    assert [each.id for each in first.batches] == [value.get("name", value.get("id"))]
    assert first.cursor
    assert (
        first.cursor in one.listing(first.cursor).path or "t%2F%2B%3D" in one.listing("t/+=").path
    )
    last = one.read_listing(reply({key: [], "has_more": False, "last_id": None}))
    assert not isinstance(last, Failure)
    assert last.cursor == ""


@pytest.mark.parametrize("name", ["openai", "anthropic", "openrouter"])
def test_a_page_that_promises_more_is_never_the_last(name: str) -> None:
    value = next(one[1] for one in BATCHES if one[0] == name)
    page = form(name).read_listing(reply({"data": [value], "has_more": True}))
    assert not isinstance(page, Failure)
    assert page.cursor == value["id"]


# --- which batch a lost creation made ------------------------------------------------------------


def test_a_batch_is_found_by_digest_then_by_file() -> None:
    found = batch("openai", OPENAI_BATCH)
    assert is_same(found, ORDER, not_before=0)
    other = BatchOrder(
        lines=PackedLines(path=Path("x"), size=9, rows=100, digest="cd" * 32),
        model="m",
        url="",
        input_file="file-abc123",
    )
    assert not is_same(found, other, not_before=0)
    assert is_same(batch("openai", {**OPENAI_BATCH, "metadata": None}), other, not_before=0)


def test_a_batch_without_a_digest_is_found_by_rows_and_time() -> None:
    found = batch("anthropic", ANTHROPIC_BATCH)
    assert found.created is not None
    lines = PackedLines(path=Path("x"), size=9, rows=100, digest="cd" * 32)
    order = BatchOrder(lines=lines, model="m", url="")
    assert is_same(found, order, not_before=found.created - 1)
    assert not is_same(found, order, not_before=found.created + 1)
    assert not is_same(found, ORDER, not_before=0)
