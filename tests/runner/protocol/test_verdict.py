"""The verdict on every kind of complete reply."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.protocol.call import Reply
from runner.protocol.json_text import SEARCHED_AT_ONCE, Undecodable, decode
from runner.protocol.refusals import Action
from runner.protocol.verdict import Verdict, classify, classify_error

CLOUDFLARE = (
    b"<!DOCTYPE html><html><head><title>shop.example | 524: A timeout occurred</title></head>"
    b"<body><div id='cf-error-details'>Ray ID: 8f00aa11bb22cc33</div></body></html>"
)
NGINX = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
)


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Reply(
        status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=data
    )


def openai(
    message: str = "", code: Any = None, kind: str = "invalid_request_error"
) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("verdicts.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_reply_is_judged(case: dict[str, Any]) -> None:
    body = case["text"].encode() if "text" in case else case["body"]
    verdict = classify(reply(case["status"], body))
    assert verdict.failure is not None
    assert verdict.failure.status == case["status"]
    found = (verdict.action, verdict.failure.kind, verdict.failure.cause)
    assert found == (case["action"], case["kind"], case["cause"])


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"message": {"content": "an error, a success, a code"}}], "error": None},
        {"choices": [], "error": {"message": "", "type": "", "code": None}},
        {"code": 1, "description": "提交成功", "result": "17"},
        {"code": 22, "description": "排队中", "result": "17"},
        {"code": "success", "message": "", "data": "task-1"},
        {"id": "1", "status": "FAILURE", "description": "x", "failReason": "y"},
        {"data": [{"url": "https://a.example/1.png"}], "error": {}},
        b'{"success": true}',
        b"plain words",
        b"null",
        b'data: {"choices":[]}\n\ndata: {"error":{"message":"late"}}\n\n',
        b": PING\n\ndata: [DONE]\n\n",
    ],
)
def test_what_is_no_error_goes_to_the_endpoint(body: Any) -> None:
    assert classify(reply(200, body)) == Verdict(action=Action.READ)


@pytest.mark.parametrize(
    ("status", "by_time"), [(504, True), (524, True), (502, False), (408, False)]
)
def test_only_time_limits_on_the_way_ask_for_a_stream(status: int, by_time: bool) -> None:
    assert classify(reply(status)).by_time is by_time
    assert classify(reply(200, {"error": {"message": "x", "code": status}})).by_time is by_time


def test_should_retry_overrules_a_bare_status_and_no_known_code() -> None:
    assert classify(reply(500, x_should_retry="false")).action is Action.FAIL
    assert classify(reply(400, x_should_retry="true")).action is Action.RETRY
    known = reply(400, openai("", "context_length_exceeded"), x_should_retry="true")
    assert classify(known).action is Action.FAIL


def test_a_gateway_is_known_by_its_header_too() -> None:
    body = openai("You exceeded your current quota", "insufficient_quota")
    assert classify(reply(429, body)).action is Action.STOP_CREDIT
    assert classify(reply(429, body, x_oneapi_request_id="2026")).action is Action.WAIT


@pytest.mark.parametrize(
    "body",
    [
        openai("Incorrect API key provided: sk-EXAMPLEkey0123456789abcdef."),
        {"message": "bad header Bearer abcdefgh12345678"},
        b"key sk-proj-abcdef_ghijkl-0123456789 refused",
        b"<html><title>sk-abcdefghijkl1234567890 unknown</title></html>",
    ],
)
def test_a_key_is_never_kept(body: Any) -> None:
    failure = classify(reply(401, body)).failure
    assert failure is not None
    assert "sk-***" in failure.detail
    for secret in ("EXAMPLE", "abcdefgh", "ghijkl"):
        assert secret not in failure.detail


def test_words_are_one_short_line() -> None:
    failure = classify(reply(400, openai("a\nb\x00\r\n" + "c" * 5000))).failure
    assert failure is not None
    assert failure.detail.startswith("a b ccc")
    assert len(failure.detail) == 500


def test_of_an_html_page_only_title_and_ray_are_kept() -> None:
    failure = classify(reply(524, CLOUDFLARE)).failure
    assert failure is not None
    assert failure.detail == "shop.example | 524: A timeout occurred (ray 8f00aa11bb22cc33)"
    failure = classify(reply(502, NGINX, cf_ray="9a-FRA")).failure
    assert failure is not None
    assert failure.detail == "502 Bad Gateway (ray 9a-FRA)"


def test_validation_errors_say_where() -> None:
    body = {"detail": [{"loc": ["body", "n"], "msg": "too big"}, {"loc": ["query"], "msg": "gone"}]}
    failure = classify(reply(422, body)).failure
    assert failure is not None
    assert failure.detail == "body.n: too big; query: gone"


def test_an_error_in_a_stream_is_judged_by_itself() -> None:
    verdict = classify_error({"error": {"message": "Overloaded", "type": "overloaded_error"}})
    assert verdict.action is Action.WAIT


# --- decoding ---------------------------------------------------------------------------------


def test_nan_and_infinity_do_not_cost_the_answer() -> None:
    assert decode(b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1}') == {
        "a": None,
        "b": None,
        "c": None,
        "d": 1,
    }


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1E+999"])
def test_each_impossible_number_is_null_by_itself(word: str) -> None:
    assert decode(f'{{"a": {word}}}') == {"a": None}


@pytest.mark.parametrize("before", range(5))
def test_an_impossible_number_is_found_wherever_a_long_text_is_cut_for_searching(
    before: int,
) -> None:
    text = '{"a": "' + "x" * (SEARCHED_AT_ONCE - len('{"a": "", "b": 1') - before)
    assert decode(text + '", "b": 1e+999}') == {"a": ANY, "b": None}


def test_an_integer_of_five_thousand_digits_is_null() -> None:
    assert decode(b'{"a": ' + b"9" * 5000 + b', "b": 2}') == {"a": None, "b": 2}


@pytest.mark.parametrize("depth", [300, 5_000, 100_000])
def test_deep_nesting_is_undecodable(depth: int) -> None:
    for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        found = decode(body)
        assert isinstance(found, Undecodable)
        assert found.reason == "too_deep"


def test_many_brackets_that_are_not_deep_are_fine() -> None:
    assert decode(b"[" + b",".join([b"[1]"] * 1000) + b"]") == [[1]] * 1000


def test_lone_surrogates_are_replaced_and_pairs_are_kept() -> None:
    assert decode(b'{"a\\ud800": "x\\udfffy \\ud83d\\ude00"}') == {"a\ufffd": "x\ufffdy \U0001f600"}


def test_a_mark_broken_utf8_and_raw_line_breaks_are_survived() -> None:
    assert decode(b'\xef\xbb\xbf{"a": "b\nc\xff"}') == {"a": "b\nc\ufffd"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"  <!DOCTYPE html>", "html"),
        (b'{"a"', "not_json"),
        (b"[] x", "not_json"),
        (b"1 2", "not_json"),
        (b"<?xml version='1.0'?>", "html"),
    ],
)
def test_what_is_no_json_says_what_it_is(body: bytes, reason: str) -> None:
    found = decode(body)
    assert isinstance(found, Undecodable)
    assert found.reason == reason


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "code",
                    "type",
                    "detail",
                    "details",
                    "error_code",
                    "choices",
                    "description",
                    "success",
                    "object",
                    "loc",
                    "msg",
                    "data",
                    "status",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(
    anything, st.sampled_from([200, 201, 302, 400, 401, 403, 404, 429, 500, 502, 503, 524, 600, 0])
)
def test_no_body_of_wrong_types_raises(body: Any, status: int) -> None:
    verdict = classify(reply(status, json.dumps(body).encode()))
    assert (verdict.failure is None) == (verdict.action is Action.READ)
    if verdict.failure:
        verdict.failure.detail.encode()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([200, 400, 500]))
def test_no_bytes_raise(body: bytes, status: int) -> None:
    classify(reply(status, body))
    classify(reply(status, b"data:" + body))
