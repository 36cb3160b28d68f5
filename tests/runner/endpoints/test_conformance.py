"""Every endpoint obeys the general rules, and every case file under tests/endpoints/NAME.

A case is {"name", "inputs", "request", "reply", "reading"}, of which the last three may be missing;
`poll` has the same for polling a ticket. `request` is what the call must contain. `reply`
has one of `json`, `text` and `events` (each a JSON value or the text behind `data:`).
"""

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.result import Picture, Result
from runner import endpoints
from runner.endpoints.endpoint import AnyEndpoint, Pending, Reading, Rejected, Ticket
from runner.endpoints.fields import ATTACHED, describe, field_named
from runner.endpoints.inputs import converter, parse
from runner.endpoints.registry import (
    ENDPOINTS,
    NAMES,
    UnknownEndpoint,
    endpoint,
    known_fields,
    sharing_endpoints,
)
from runner.protocol.call import Call, Reply
from runner.protocol.pictures import Attachment
from runner.protocol.refusals import Action
from runner.protocol.verdict import classify

FOLDER = Path(__file__).parents[2] / "endpoints"
SHARED_MODULES = {"endpoint", "fields", "inputs", "registry"}
EVERY = pytest.mark.parametrize("kind", ENDPOINTS.values(), ids=list(ENDPOINTS))


def cases(name: str) -> Iterator[dict[str, Any]]:
    for path in sorted((FOLDER / name).glob("*.json")):
        for case in json.loads(path.read_text("utf-8")):
            yield {**case, "name": f"{path.stem}:{case['name']}"}


CASES = [
    pytest.param(kind, case, id=f"{kind.name}/{case['name']}")
    for kind in ENDPOINTS.values()
    for case in cases(kind.name)
]


# --- from a case to values ----------------------------------------------------------------------


def inputs_of(kind: AnyEndpoint, cells: Mapping[str, Any]) -> Any:
    """The inputs of a row, converted in the same way as a sheet's cells."""
    fields, pictures = {}, {}
    for name, cell in cells.items():
        field = field_named(kind.inputs, name)
        if field is None:
            fields[name] = cell
        elif field.kind in ATTACHED:
            listed = cell if isinstance(cell, list) else [cell]
            pictures[name] = tuple(attachment(item) for item in listed)
        else:
            fields[name] = converter(field)(cell)
    return parse(kind.inputs, fields, pictures)


def attachment(cell: str) -> Attachment:
    if cell.startswith(("http://", "https://")):
        return Attachment(url=cell)
    if not cell.startswith("data:"):
        return Attachment(data=b"\x89PNG\r\n\x1a\n", media_type="image/png", name=cell)
    head, _, coded = cell.partition(",")
    media_type = head.removeprefix("data:").partition(";")[0]
    return Attachment(data=base64.b64decode(coded), media_type=media_type, name="a.png")


def reply_of(described: Mapping[str, Any]) -> Reply:
    if "json" in described:
        body = json.dumps(described["json"], ensure_ascii=False)
    elif "events" in described:
        texts = [e if isinstance(e, str) else json.dumps(e) for e in described["events"]]
        body = "".join(f"data: {text}\n\n" for text in texts)
    else:
        body = described["text"]
    headers = {name.lower(): value for name, value in described.get("headers", {}).items()}
    return Reply(status=described.get("status", 200), headers=headers, body=body.encode())


def shown_call(call: Call) -> dict[str, Any]:
    parts = [
        {
            "name": part.name,
            "filename": part.filename,
            "media_type": part.media_type,
            "text": part.content.decode("utf-8", "replace"),
        }
        for part in call.parts
    ]
    return {
        "path": call.path,
        "method": call.method,
        "body": call.json,
        "parts": parts,
        "headers": dict(call.headers),
        "stream": call.stream,
        "timeout": call.timeout,
        "fresh": call.fresh,
    }


def shown_reading(reading: Reading) -> dict[str, Any]:
    match reading:
        case Ticket(id=number):
            return {"ticket": number}
        case Pending(progress=progress):
            return {"pending": progress}
        case Rejected(failure=failure, result=result):
            kept = shown_result(result) if result else {"result": None}
            return {"kind": failure.kind, "cause": failure.cause, "detail": failure.detail, **kept}
        case Result():
            return {"kind": None, **shown_result(reading)}


def shown_result(result: Result) -> dict[str, Any]:
    pictures = [
        {k: v for k, v in asdict(picture).items() if v is not None} for picture in result.pictures
    ]
    usage = asdict(result.usage) if result.usage else None
    return {**asdict(result), "usage": usage, "pictures": pictures}


def assert_holds(found: Any, expected: Any, where: str = "") -> None:
    """Asserts that every expected member is present; lists must match as a whole."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), f"{where}: {found!r} is no object"
        for name, value in expected.items():
            assert name in found, f"{where}.{name} is missing in {found!r}"
            assert_holds(found[name], value, f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list | tuple), f"{where}: {found!r} is no list"
        assert len(found) == len(expected), f"{where}: {found!r}"
        for number, value in enumerate(expected):
            assert_holds(found[number], value, f"{where}[{number}]")
    else:
        assert found == expected, where


def read(kind: AnyEndpoint, inputs: Any, described: Mapping[str, Any]) -> dict[str, Any]:
    """How the runner interprets a reply: the verdict, or the endpoint's reading."""
    reply = reply_of(described)
    verdict = classify(reply)
    if verdict.action is Action.READ:
        return shown_reading(kind.read(inputs, reply))
    assert verdict.failure is not None
    return {"action": verdict.action, **asdict(verdict.failure)}


# --- cases --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_case_is_built_and_read_as_it_says(kind: AnyEndpoint, case: dict[str, Any]) -> None:
    inputs = inputs_of(kind, {**kind.example, **case.get("inputs", {})})
    if "request" in case:
        assert_request(kind.build(inputs), case["request"])
    if "reply" in case:
        assert_holds(read(kind, inputs, case["reply"]), case["reading"])
    if poll := case.get("poll"):
        assert kind.poll is not None
        assert kind.read_poll is not None
        ticket = poll.get("ticket", "1")
        assert_request(kind.poll(inputs, ticket), poll.get("request", {}))
        reading = kind.read_poll(inputs, ticket, reply_of(poll["reply"]))
        assert_holds(shown_reading(reading), poll["reading"])


def assert_request(call: Call, expected: Mapping[str, Any]) -> None:
    found = shown_call(call)
    without = expected.get("without", [])
    exact = expected.get("exact_body")
    assert_holds(found, {k: v for k, v in expected.items() if k not in ("without", "exact_body")})
    assert exact is None or found["body"] == exact
    assert not set(without) & set(found["body"] or {})


@EVERY
def test_every_endpoint_has_cases(kind: AnyEndpoint) -> None:
    assert any(True for _ in cases(kind.name))


# --- laws ---------------------------------------------------------------------------------------


@EVERY
def test_the_example_builds_twice_the_same_and_is_json(kind: AnyEndpoint) -> None:
    first, second = (kind.build(inputs_of(kind, kind.example)) for _ in range(2))
    assert shown_call(first) == shown_call(second)
    if first.json is not None:
        json.dumps(first.json, allow_nan=False)
    assert (first.json is None) == bool(first.parts)


@EVERY
def test_a_call_names_no_host_and_no_key(kind: AnyEndpoint) -> None:
    call = kind.build(inputs_of(kind, kind.example))
    assert call.path.startswith("/")
    assert "://" not in call.path
    assert not {name.lower() for name in call.headers} & {"authorization", "x-api-key", "host"}


@EVERY
def test_a_call_has_a_finite_deadline(kind: AnyEndpoint) -> None:
    assert 0 < kind.build(inputs_of(kind, kind.example)).timeout < math.inf


@EVERY
def test_the_users_own_options_win(kind: AnyEndpoint) -> None:
    call = kind.build(
        inputs_of(kind, {**kind.example, "params": '{"zz": 1, "yy": [2]}', "body.zz": "3"})
    )
    if call.json is not None:
        assert call.json["zz"] == 3
        assert call.json["yy"] == [2]
        over = {f"body.{name}": '"mine"' for name in call.json}
        again = kind.build(inputs_of(kind, {**kind.example, **over})).json
        assert again is not None
        assert {again[name] for name in call.json} == {"mine"}


@EVERY
def test_other_columns_of_the_sheet_are_not_sent(kind: AnyEndpoint) -> None:
    plain = kind.build(inputs_of(kind, kind.example))
    noisy = kind.build(inputs_of(kind, {**kind.example, "note": "private words", "价格": "9"}))
    assert shown_call(plain) == shown_call(noisy)


@EVERY
def test_no_model_is_built_in(kind: AnyEndpoint) -> None:
    """A default is only a name for the price list: it is neither sent nor part of the request."""
    (model,) = [field for field in describe(kind.inputs) if field.name == "model"]
    if not model.required:
        body = kind.build(inputs_of(kind, kind.example)).json or {}
        assert model.default not in json.dumps(dict(body))
        assert not model.identity


@EVERY
def test_every_column_explains_itself(kind: AnyEndpoint) -> None:
    for field in describe(kind.inputs):
        assert field.help, field.name
        assert field.name == "params" or field.name in known_fields()


USELESS = [
    b"", b"{}", b"null", b"[]", b"0", b'"words"', b"true", b"<!DOCTYPE html><html></html>",
    b'{"choices":[{"message":{"content":"cut', b'{"choices": {}}', b'{"choices": null}',
    b'{"choices": "x", "data": 3}', b'{"choices":[null]}', b'{"choices":[{"message":[]}]}',
    b'{"choices":[{"message":{"content":{}}}]}', b'{"choices":[{"message":{"content":[[1]]}}]}',
    b'{"data":[{"url":"","b64_json":""}]}', b'{"content":[],"stop_reason":null}',
    b": PING\n\n", b"data: [DONE]\n\n", b'data: {"choices":[', b"data: <html>\n\ndata: [DONE]\n\n",
    b'{"error":{"message":"no"}}', b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe\x00",
]  # fmt: skip


@EVERY
@pytest.mark.parametrize("body", USELESS, ids=range(len(USELESS)))
def test_a_useless_answer_is_never_a_result(kind: AnyEndpoint, body: bytes) -> None:
    inputs = inputs_of(kind, kind.example)
    reply = Reply(status=200, headers={}, body=body)
    assert not isinstance(kind.read(inputs, reply), Result)
    if kind.read_poll:
        assert not isinstance(kind.read_poll(inputs, "1", reply), Result)


FIELD_NAMES = [
    *("choices", "message", "delta", "content", "tool_calls", "function", "arguments", "index"),
    *("id", "usage", "finish_reason", "images", "image_url", "url", "text", "data", "refusal"),
    *("b64_json", "result", "code", "status", "embedding", "type", "name", "source", "image"),
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELD_NAMES), inner, max_size=5)
    ),
    max_leaves=14,
)


@EVERY
@settings(max_examples=500)
@given(value=anything)
def test_wrong_types_anywhere_never_raise(kind: AnyEndpoint, value: Any) -> None:
    inputs = inputs_of(kind, kind.example)
    for body in (
        json.dumps(value).encode(),
        json.dumps({"choices": [{"message": value, "delta": value}], "usage": value}).encode(),
        b"data: " + json.dumps({"choices": [{"delta": value, "finish_reason": "stop"}]}).encode(),
    ):
        reading = kind.read(inputs, Reply(status=200, headers={}, body=body))
        json.dumps(shown_reading(reading), allow_nan=False).encode()
        if isinstance(reading, Result) and kind.pictures:
            assert reading.pictures
            assert all(isinstance(picture, Picture) for picture in reading.pictures)


# --- registry -----------------------------------------------------------------------------------


def test_every_file_of_an_endpoint_is_listed_under_its_name() -> None:
    files = {path.stem for path in Path(endpoints.__path__[0]).glob("[a-z]*.py")}
    assert files - SHARED_MODULES == {name.replace("-", "_") for name in NAMES}
    assert [kind.name for kind in ENDPOINTS.values()] == list(NAMES)
    assert sharing_endpoints() == ("embedding",)


def test_an_endpoint_is_found_however_it_is_written() -> None:
    assert endpoint(" Chat_Image ") is ENDPOINTS["chat-image"]


def test_an_unknown_endpoint_comes_with_the_likely_one() -> None:
    unknown = endpoint("chat-imgae")
    assert isinstance(unknown, UnknownEndpoint)
    assert unknown.likely == "chat-image"
    assert "chat-image" in str(unknown)
    nothing = endpoint("zzzz")
    assert isinstance(nothing, UnknownEndpoint)
    assert nothing.likely is None
