"""Which bodies are complete by their own syntax."""

import pytest

from runner.protocol.wholeness import is_whole


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' \r\n{"a": [1, {"b": "}"}]}\n',
        b"\xef\xbb\xbf[1]",
        b"data: [DONE]\n\n",
        b'data: {"choices":[]}\r\n\r\ndata: [DONE]',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
        b'data: {"type": "message_stop"}\n\n',
        b": PING\n\ndata:[DONE]\n\n",
    ],
)
def test_a_body_that_ends_by_its_own_syntax_is_whole(body: bytes) -> None:
    assert is_whole(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": "}',
        b'{"a": 1',
        b"[1, 2",
        b"words",
        b'"text"',
        b"12",
        b"<html></html>",
        b'data: {"choices":[]}\n\n',
        b'data: {"text": "data: [DONE]"}\n\n',
        b": PING\n\n",
    ],
)
def test_a_body_that_may_go_on_is_not_whole(body: bytes) -> None:
    assert not is_whole(body)
