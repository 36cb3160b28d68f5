"""Provider batches: what the lines of result files mean, in the shapes that are documented."""

import json
from typing import Any

import pytest

from jobs.job import Failure
from runner.lanes.batch_wire import AnsweredRow, BrokenRow, UnboughtRow, row_id
from tests.runner.lanes.test_batch_forms import SITES, form, reply

ROW = row_id(17)


def read(name: str, value: object) -> Any:
    return form(name).read_line(json.dumps(value).encode())


BODY = {"id": "x", "choices": []}
ANSWERS: list[tuple[str, object, int, object]] = [
    (
        "openai",
        {
            "id": "batch_req_123",
            "custom_id": ROW,
            "response": {"status_code": 200, "request_id": "req_1", "body": BODY},
            "error": None,
        },
        200,
        BODY,
    ),
    (
        "openai",
        {
            "custom_id": ROW,
            "response": {"status_code": 400, "body": {"error": {"message": "no"}}},
            "error": None,
        },
        400,
        {"error": {"message": "no"}},
    ),
    (
        "openai",
        {"custom_id": ROW, "response": None, "error": {"code": "server_error", "message": "x"}},
        500,
        {"error": {"code": "server_error", "message": "x"}},
    ),
    (
        "openrouter",
        {
            "custom_id": ROW,
            "id": "1",
            "error": None,
            "response": {"status_code": 200, "request_id": None, "body": BODY},
        },
        200,
        BODY,
    ),
    ("anthropic", {"custom_id": ROW, "result": {"type": "succeeded", "message": BODY}}, 200, BODY),
    (
        "anthropic",
        {
            "custom_id": ROW,
            "result": {
                "type": "errored",
                "error": {
                    "type": "error",
                    "error": {"type": "invalid_request_error", "message": "no"},
                },
            },
        },
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}},
    ),
    ("gemini", {"key": ROW, "response": {"candidates": []}}, 200, {"candidates": []}),
    (
        "gemini",
        {"key": ROW, "error": {"code": 3, "message": "no"}},
        400,
        {"error": {"code": 3, "message": "no"}},
    ),
]


@pytest.mark.parametrize(("name", "line", "status", "body"), ANSWERS)
def test_an_answer_reads_as_if_it_had_come_online(
    name: str, line: object, status: int, body: object
) -> None:
    found = read(name, line)
    assert isinstance(found, AnsweredRow)
    assert (found.row, found.reply.status) == (ROW, status)
    assert json.loads(found.reply.body) == body


UNBOUGHT: list[tuple[str, object]] = [
    ("openai", {"response": None, "error": {"code": "batch_expired", "message": "late"}}),
    ("openai", {"response": None, "error": {"code": "batch_cancelled", "message": "x"}}),
    ("openrouter", {"response": None, "error": {"type": "batch_expired", "message": "x"}}),
    ("anthropic", {"result": {"type": "expired"}}),
    ("anthropic", {"result": {"type": "canceled"}}),
    ("gemini", {"error": {"code": 1, "message": "cancelled"}}),
]


@pytest.mark.parametrize(("name", "line"), UNBOUGHT)
def test_a_row_that_was_never_worked_on_is_told_apart(name: str, line: dict[str, object]) -> None:
    key = "key" if name == "gemini" else "custom_id"
    found = read(name, {key: ROW, **line})
    assert isinstance(found, UnboughtRow)
    assert found.row == ROW


@pytest.mark.parametrize("name", SITES)
def test_a_cut_line_still_names_its_row(name: str) -> None:
    key = "key" if name == "gemini" else "custom_id"
    line = json.dumps({key: ROW, "response": {"body": "x" * 99}}).encode()
    assert form(name).read_line(line[:-20]) == BrokenRow(row=ROW, cause="cut")


@pytest.mark.parametrize("name", SITES)
@pytest.mark.parametrize("line", [b"", b"\xff\xfe", b"[1]", b"null", b"{}", b'{"key":7}', b"{" * 9])
def test_a_line_of_nonsense_is_broken(name: str, line: bytes) -> None:
    found = form(name).read_line(line)
    assert isinstance(found, BrokenRow)
    assert found.row == ""


@pytest.mark.parametrize("name", SITES)
def test_a_line_of_a_row_that_is_not_ours_is_broken(name: str) -> None:
    key = "key" if name == "gemini" else "custom_id"
    assert read(name, {key: "request-1", "response": {"body": {}}}).cause == "foreign"
    assert read(name, {"response": {"body": {}}}).cause == "no_row"


def test_a_page_of_results_is_taken_apart() -> None:
    one = form("openrouter")
    page = one.read_page(reply({"data": [{"a": 1}], "has_more": True, "next_cursor": "c/1"}))
    assert not isinstance(page, Failure)
    assert (page.lines, page.cursor) == ((b'{"a":1}',), "c/1")
    assert one.content(f"batch_9?{page.cursor}").path.endswith("limit=500&cursor=c%2F1")
    last = one.read_page(reply({"data": [], "has_more": False, "next_cursor": None}))
    assert not isinstance(last, Failure)
    assert last.cursor == ""


USUAL: list[tuple[str, str]] = [
    (
        "openai",
        '{"id":"b","custom_id":"%s","response":{"status_code":200,"request_id":"q","body":%s},"error":null}',
    ),
    (
        "openrouter",
        '{"custom_id": "%s", "response": {"status_code": 200, "body": %s}, "error": null}\n',
    ),
    ("anthropic", '{"custom_id":"%s","result":{"type":"succeeded","message":%s}}'),
    ("gemini", '{"key":"%s","response":%s}\n'),
]
EXACT = '{"a": 1.50, "b": "},\\"error\\":null}", "c": "猫"}'


@pytest.mark.parametrize(("name", "line"), USUAL)
def test_an_answer_is_kept_byte_for_byte(name: str, line: str) -> None:
    found = form(name).read_line((line % (ROW, EXACT)).encode())
    assert isinstance(found, AnsweredRow)
    assert (found.row, found.reply.status, found.reply.body) == (ROW, 200, EXACT.encode())


@pytest.mark.parametrize(("name", "line"), USUAL)
def test_a_line_in_another_order_says_the_same(name: str, line: str) -> None:
    value = json.loads(line % (ROW, EXACT))
    other = json.dumps(dict(reversed(value.items())), indent=1).encode()
    found = form(name).read_line(other)
    assert isinstance(found, AnsweredRow)
    assert json.loads(found.reply.body) == json.loads(EXACT)


@pytest.mark.parametrize(("name", "line"), USUAL)
def test_an_answer_that_is_cut_anywhere_is_none(name: str, line: str) -> None:
    whole = (line % (ROW, EXACT)).strip().encode()
    for at in range(1, len(whole)):
        assert isinstance(form(name).read_line(whole[:at]), BrokenRow)


def test_an_answer_beside_an_error_is_read_as_before() -> None:
    response = {"status_code": 200, "body": {}}
    found = read("openai", {"custom_id": ROW, "response": response, "error": {"code": "x"}})
    assert isinstance(found, AnsweredRow)
    assert found.reply.body == b"{}"
