"""The event parser handles all ways in which servers write events."""

import pytest

from runner.protocol.json_text import Undecodable
from runner.protocol.sse import (
    ServerSentEvent,
    events,
    looks_like_events,
    payloads,
    text_outside_events,
)


def datas(body: bytes) -> list[str]:
    return [event.data for event in events(body)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_three_line_ends_separate_events(end: bytes) -> None:
    assert datas(end.join([b"data: one", b"", b"data: two", b"", b""])) == ["one", "two"]


def test_only_one_space_after_the_colon_is_taken_and_none_is_needed() -> None:
    assert datas(b"data:a\n\ndata: b\n\ndata:  c\n\n") == ["a", "b", " c"]


def test_several_data_lines_are_one_event() -> None:
    assert datas(b"data: a\ndata: b\n\n") == ["a\nb"]


def test_comments_ids_and_empty_data_make_no_event_with_content() -> None:
    body = b": PING\n\nid: 7\nretry: 10\n\ndata:\n\ndata\n\ndata: x\n\n"
    assert datas(body) == ["", "", "x"]
    assert [value for _, value in payloads(b"data:\n\n: OPENROUTER PROCESSING\n\ndata: 1\n\n")] == [
        1
    ]


def test_event_names_belong_to_one_event_only() -> None:
    body = b"event: message_start\ndata: 1\n\ndata: 2\n\n"
    assert list(events(body)) == [
        ServerSentEvent(name="message_start", data="1"),
        ServerSentEvent(name="", data="2"),
    ]


def test_the_last_event_counts_without_its_blank_line() -> None:
    assert datas(b"data: one\n\ndata: two") == ["one", "two"]


def test_unicode_line_separators_do_not_split_a_line() -> None:
    text = "a\u2028b\u0085c\x0bd"
    assert datas(f"data: {text}\n\n".encode()) == [text]


def test_a_byte_order_mark_and_broken_utf8_are_survived() -> None:
    assert datas(b"\xef\xbb\xbfdata: caf\xc3\xa9 \xff\n\n") == ["café \ufffd"]


def test_a_line_may_be_megabytes_long() -> None:
    big = b"A" * 8_000_000
    assert len(datas(b"data: " + big + b"\n\n")[0]) == len(big)


def test_bare_json_after_a_ping_is_stray() -> None:
    body = b': PING\n\n{"error":\n {"message": "no"}}\n'
    assert not datas(body)
    assert text_outside_events(body) == '{"error":\n {"message": "no"}}'


def test_nothing_of_a_proper_stream_is_stray() -> None:
    assert text_outside_events(b": c\nevent: e\nid: 1\nretry: 3\ndata: {}\n\n") == ""


def test_events_without_blank_lines_between_them_are_read_one_by_one() -> None:
    body = b'data: {"a":1}\ndata: {"a":2}\ndata: [DONE]\n'
    assert [value for _, value in payloads(body)] == [{"a": 1}, {"a": 2}]


def test_json_over_several_data_lines_is_one_payload() -> None:
    assert [value for _, value in payloads(b'data: {"a":\ndata: 1}\n\n')] == [{"a": 1}]


def test_a_cut_payload_is_undecodable_and_not_an_exception() -> None:
    ((_, value),) = payloads(b'data: {"a": "b')
    assert isinstance(value, Undecodable)


def test_done_ends_nothing_and_is_no_payload() -> None:
    assert [v for _, v in payloads(b"data: [DONE]\n\ndata: 1\n\ndata: [DONE] \n\n")] == [1]


@pytest.mark.parametrize(
    ("body", "is_stream"),
    [
        (b": PING\n", True),
        (b"\n\ndata: 1", True),
        (b"event: x", True),
        (b'{"a":1}', False),
        (b"", False),
    ],
)
def test_a_stream_is_known_by_its_beginning(body: bytes, is_stream: bool) -> None:
    assert looks_like_events(body) is is_stream
