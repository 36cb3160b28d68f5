"""Claims about telling from a body alone whether it is whole."""

import json

import pytest

from runner.protocol.wholeness import is_whole

TEXT = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
OTHER = {"choices": [{"index": 1, "delta": {"content": "b"}}]}
STOP = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
USAGE = {"choices": [], "usage": {"total_tokens": 3}}


def stream(*events: object, tail: str = "") -> bytes:
    return ("".join(f"data: {json.dumps(one)}\n\n" for one in events) + tail).encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1}',
        b'\xef\xbb\xbf {"a": 1}\n\n',
        stream(TEXT, tail="data: [DONE]\n\n"),
        stream(TEXT, END),
        stream(TEXT, END, USAGE),
        stream(TEXT, END, tail="data: {"),
        stream(TEXT, STOP),
        stream(TEXT, tail="event: message_stop\n"),
    ],
)
def test_what_is_whole_by_its_own_syntax_is_told(body: bytes) -> None:
    assert is_whole(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"a": 1',
        b"<html></html>",
        stream(TEXT),
        stream(TEXT, OTHER, END),
        stream(TEXT, tail="data: [DON"),
        stream({"type": "message_delta", "delta": {"stop_reason": None}}),
        stream(USAGE),
    ],
)
def test_what_is_not_whole_is_not_taken_for_it(body: bytes) -> None:
    assert not is_whole(body)
