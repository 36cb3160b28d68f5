"""Which bytes count as a complete picture."""

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runner.protocol.pictures import (
    CutPictureError,
    NotAPictureError,
    decode_base64,
    inspect,
    media_type,
)


def drawn(kind: str, **options: object) -> bytes:
    """A real picture of 40 by 30, made by Pillow."""
    picture = Image.effect_noise((40, 30), 80).convert("P" if kind == "GIF" else "RGB")
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def moving(kind: str) -> bytes:
    frames = [Image.effect_noise((40, 30), sigma).convert("RGB") for sigma in (10, 50, 90)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


PICTURES: dict[str, Callable[[], bytes]] = {
    "png": lambda: drawn("PNG"),
    "jpeg": lambda: drawn("JPEG"),
    "progressive jpeg": lambda: drawn("JPEG", progressive=True),
    "jpeg with restarts": lambda: drawn("JPEG", restart_marker_blocks=2),
    "gif": lambda: drawn("GIF"),
    "moving gif": lambda: moving("GIF"),
    "webp": lambda: drawn("WEBP"),
    "lossless webp": lambda: drawn("WEBP", lossless=True),
    "moving webp": lambda: moving("WEBP"),
}
TYPES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


@pytest.mark.parametrize("name", PICTURES)
def test_a_whole_picture_is_known_with_its_size(name: str) -> None:
    data = PICTURES[name]()
    expected = next(kind for word, kind in TYPES.items() if word in name)
    for whole in (data, data + b"\0trailing\xff\xd8"):
        picture = inspect(whole)
        assert (picture.media_type, picture.width, picture.height) == (expected, 40, 30)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_cut_anywhere_is_refused(name: str) -> None:
    data = PICTURES[name]()
    for end in {1, 8, 20, len(data) // 2, len(data) * 9 // 10, len(data) - 2, len(data) - 1}:
        with pytest.raises((CutPictureError, NotAPictureError)):
            inspect(data[:end])


FIXED = drawn("PNG")


@given(st.integers(0, len(FIXED) * 8 - 1))
def test_one_flipped_bit_in_a_png_is_refused(bit: int) -> None:
    broken = bytearray(FIXED)
    broken[bit // 8] ^= 1 << bit % 8
    with pytest.raises((CutPictureError, NotAPictureError)):
        inspect(bytes(broken))


@given(
    head=st.sampled_from([make()[:cut] for make in PICTURES.values() for cut in (12, 30, 300)]),
    noise=st.binary(max_size=300),
)
def test_no_bytes_raise_anything_else(head: bytes, noise: bytes) -> None:
    with suppress(CutPictureError, NotAPictureError):
        inspect(head + noise)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"\r\n<!DOCTYPE html><html>", "a web page"),
        (b"<html>", "a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error>", "an XML document"),
        (b'{"error": 1}', "JSON"),
        (b"<svg xmlns=", "an SVG drawing"),
        (b"%!PS-Adobe", "unknown bytes"),
        (b"RIFF\x10\0\0\0WAVE", "unknown bytes"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    with pytest.raises(NotAPictureError, match=words):
        inspect(data)


def part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_png_without_pixels_or_size_is_refused() -> None:
    start, end = b"\x89PNG\r\n\x1a\n", part(b"IEND", b"")
    header = part(b"IHDR", struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0))
    for data in (start + header + end, start + end, start + header + part(b"IDAT", b"x") + end):
        with pytest.raises(NotAPictureError):
            inspect(data)


def test_a_huge_announced_size_costs_nothing() -> None:
    header = part(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", b"x") + part(b"IEND", b"")
    assert inspect(data).width == 30_000


def test_the_media_type_is_detected_from_the_first_bytes() -> None:
    assert media_type(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert media_type(b"<html>") is None


@pytest.mark.parametrize(
    "text",
    [
        "+/+/AA==",
        "+/+/AA",
        "-_-_AA",
        "+/+/\n AA=",
        "+/\u00a0+/\x1dAA",
        "data:image/png;base64,+/+/AA==",
    ],
)
def test_base64_is_read_however_a_service_writes_it(text: str) -> None:
    assert decode_base64(text) == b"\xfb\xff\xbf\x00"


@pytest.mark.parametrize("text", ["A", "AAAAA", "no base64!", "猫"])
def test_what_is_no_base64_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever of its kinds
        decode_base64(text)
