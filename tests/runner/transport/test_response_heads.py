"""Response heads that the parser would refuse are repaired only where their meaning is clear."""

import pytest

from runner.transport.response_heads import is_http2, repaired

STATUS = b"HTTP/1.1 200 OK"


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([STATUS, *lines])


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (
            (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: chunked",),
        ),
        (
            (b"content-length: 5", b"A: b", b"Content-Length:5"),
            (b"A: b", b"content-length: 5"),
        ),
        ((b"Content-Length: 5, 5", b"Content-Length: 5"), (b"Content-Length: 5, 5",)),
    ],
)
def test_a_repeated_length_is_repaired(
    received: tuple[bytes, ...], expected: tuple[bytes, ...]
) -> None:
    assert repaired(head(*received)) == head(*expected)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"Content-Length: 5",),
        (b"Content-Length: 5", b"Content-Length: 6"),
        (b"Content-Length: 5", b"X-Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked",),
    ],
)
def test_any_other_head_is_left_to_the_parser(lines: tuple[bytes, ...]) -> None:
    assert repaired(head(*lines)) == head(*lines)


def test_a_settings_frame_is_http_2() -> None:
    assert is_http2(b"\0\0\x12\x04\0\0\0\0\0\0\x03")
    assert not is_http2(b"\0\0\x12\x04\0\0\0\0")
    assert not is_http2(STATUS)
