"""The time for an answer or a schema grows only with its size."""

import json
import re
import time
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.job import JSON, Failure
from runner.endpoints import chat, chat_image
from runner.endpoints.dialects.bounded_patterns import StepBudget, UnsupportedPatternError, compiled
from runner.endpoints.dialects.markdown_links import picture_targets, shortened, video_links
from runner.endpoints.dialects.pictures import no_picture
from runner.endpoints.dialects.structured import Structured, read_structured, schema_problem
from runner.endpoints.inputs import parse
from runner.protocol.call import Reply
from runner.protocol.errors import one_line
from runner.protocol.json_text import decode
from runner.protocol.sse import payloads, text_outside_events
from runner.protocol.verdict import classify
from runner.secret import redacted
from tests.support.growth import assert_linear

HALF = 500_000
SEEDS = (
    "\n", " ", "<think>", "```", "```a\n", "[", "](", "![", "](x ", "(", "{", "sk-", "bearer ",
    "data:image/png;base64,A", "https://a/", "<img src=", "> ", "排队中", "\\ud83d", "<html", "e1",
    "model ", "retry in 1", "&quot;", "A", "/9j/", "data: {", ": PING\n", "event: x\n", "0",
)  # fmt: skip


def _whole(text: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
    reply = Reply(status=200, headers={}, body=body.encode())
    fields: dict[str, JSON] = {"model": "m", "prompt": "p", "response_format": "json_object"}
    chat.ENDPOINT.read(parse(chat.ENDPOINT.inputs, fields, {}), reply)
    chat_image.ENDPOINT.read(
        parse(chat_image.ENDPOINT.inputs, {"model": "m", "prompt": "p"}, {}), reply
    )


READERS: dict[str, Callable[[str], object]] = {
    "decode": decode,
    "decode an open object": lambda text: decode('{"a": 1' + text),
    "payloads": lambda text: list(payloads(b"data: " + text.encode())),
    "outside events": lambda text: text_outside_events(b": x\n" + text.encode()),
    "one_line": one_line,
    "classify": lambda text: classify(Reply(status=500, headers={}, body=text.encode())),
    "redacted": redacted,
    "picture_targets": picture_targets,
    "video_links": video_links,
    "shortened": shortened,
    "no_picture": no_picture,
    "structured": lambda text: read_structured('{"a": 1' + text + "}", None),
    "a whole answer": _whole,
}


def _seconds(read: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    read(text)
    return time.process_time() - started


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", READERS)
def test_twice_the_text_takes_twice_the_time(name: str) -> None:
    read = READERS[name]
    for seed in SEEDS:
        text = seed * (HALF // len(seed))
        assert_linear(partial(read, text), partial(read, text * 2))


@pytest.mark.parametrize("seed", ["\n", "<think>", "sk-", "```", "![", "]("])
@pytest.mark.parametrize("name", ["structured", "redacted", "picture_targets"])
def test_a_long_answer_is_read_in_a_moment(name: str, seed: str) -> None:
    assert _seconds(READERS[name], seed * (200_000 // len(seed))) < 3


MULTIPLYING: dict[str, JSON] = {
    f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
    for n in range(40)
}
CATASTROPHES: list[tuple[dict[str, JSON], JSON]] = [
    ({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}},
     {"a": "a" * 40 + "!"}),
    ({"type": "object", "patternProperties": {"^(a|aa)+$": {"type": "string"}},
      "additionalProperties": False}, {"a" * 40 + "!": "x"}),
    ({"propertyNames": {"pattern": "(x+x+)+y"}}, {"x" * 60: 1}),
    ({"$ref": "#/$defs/d0", "$defs": {**MULTIPLYING, "d40": {"type": "string"}}}, {"a": 1}),
    ({"type": "array", "uniqueItems": True}, [*range(40_000), "a", "b", {"a": 1}, {"a": 1}]),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(CATASTROPHES)))
def test_no_schema_and_no_answer_take_for_ever(number: int) -> None:
    schema, value = CATASTROPHES[number]
    assert schema_problem(schema) is None
    started = time.process_time()
    found = read_structured(json.dumps(value), schema)
    assert time.process_time() - started < 15
    assert isinstance(found, Failure)


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", r"(?<=a)b", "(", "a{99999999999}", "(?:a{1,900}){1,900}"]
)
def test_a_pattern_that_cannot_be_bounded_is_refused_at_load(pattern: str) -> None:
    schema: dict[str, JSON] = {"type": "string", "pattern": pattern}
    assert schema_problem(schema) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{4}-\d{2}-\d{2}$", r"^[a-z0-9]+(?:-[a-z0-9]+)*$", r"(?i)^hello\b", r"a|b*c|",
        r"^(?=.*[A-Z])(?=.*\d).{4,}$", r"(?!ab)a.", r"[^abc]{2,3}$", r"^.*?x", r"(a|aa)+$",
        r"x{0,2}y", r"[\w.+-]+@\w+\.\w{2,}", r"(?m)^b$", r"\Aa\Z", r"[^\d\s]\B.",
    ],
)  # fmt: skip
@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet="abcxyHELOhelo-12A \n@._", max_size=12))
def test_a_bounded_pattern_means_what_re_says(pattern: str, text: str) -> None:
    expected = re.search(pattern, text) is not None
    assert compiled(pattern).search(text, StepBudget(10**6)) is expected


def test_a_good_answer_with_a_pattern_is_read() -> None:
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": {"sku": {"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}},
        "patternProperties": {"^x_": {"type": "integer"}},
        "additionalProperties": False,
    }
    assert isinstance(read_structured('{"sku": "AB-12", "x_a": 1}', schema), Structured)
    assert isinstance(read_structured('{"sku": "AB-12", "y": 1}', schema), Failure)
    assert isinstance(read_structured('{"sku": "AB-12", "x_a": "1"}', schema), Failure)
    assert isinstance(read_structured('{"sku": "ab", "x_a": 1}', schema), Failure)


def test_thoughts_are_left_out_also_without_their_opening_tag() -> None:
    for text in ('<think>{"a": 2}</think>{"a": 1}', '{"a": 2}</think>\n{"a": 1}'):
        found = read_structured(text, None)
        assert isinstance(found, Structured)
        assert found.value == {"a": 1}


def test_an_unknown_construct_is_an_error_of_its_own() -> None:
    with pytest.raises(UnsupportedPatternError):
        compiled("(?>a)b")
