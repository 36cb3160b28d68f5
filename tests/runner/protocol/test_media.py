"""Films and sounds are known by their bytes, and a cut one is no whole one."""

from pathlib import Path

import pytest

from runner.mock import pictures
from runner.protocol.drawings import inspect_any, is_picture
from runner.protocol.media import lacks_end, media_kind
from runner.protocol.pictures import CutPictureError, NotAPictureError

FOLDER = Path(pictures.__path__[0])
FILM = (FOLDER / "film.mp4").read_bytes()
SONG = (FOLDER / "song.mp3").read_bytes()


def chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content


def wav(size: int | None = None) -> bytes:
    head = chunk(b"fmt ", bytes([1, 0, 1, 0]) + (8000).to_bytes(4, "little") * 2 + bytes(4))
    body = b"WAVE" + head + chunk(b"data", bytes(8000))
    return b"RIFF" + (len(body) if size is None else size).to_bytes(4, "little") + body


def ogg(*, last: bool = True) -> bytes:
    def page(flags: int) -> bytes:
        return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([1, 4]) + b"data"

    return page(2) + page(4 if last else 0)


def flac() -> bytes:
    described = bytes(10) + (44_100 << 44 | 44_100 * 3).to_bytes(8, "big") + bytes(16)
    return b"fLaC" + bytes([0x80, 0, 0, len(described)]) + described + b"\xff\xf8" + bytes(40)


def webm(size: int | None = None) -> bytes:
    cluster = b"\x1f\x43\xb6\x75" + bytes([0x84]) + b"data"
    length = bytes([0x80 | (len(cluster) if size is None else size)])
    return b"\x1aE\xdf\xa3" + bytes([0x80]) + b"\x18\x53\x80\x67" + length + cluster


def aac() -> bytes:
    return (b"\xff\xf1\x50\x80\x01\x7f\xfc" + bytes(4)) * 3


WHOLE = {
    "video/mp4": FILM,
    "audio/mpeg": SONG,
    "audio/wav": wav(),
    "audio/ogg": ogg(),
    "audio/flac": flac(),
    "video/webm": webm(),
    "audio/aac": aac(),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_known_by_its_bytes(kind: str) -> None:
    assert media_kind(WHOLE[kind][:16]) == kind
    assert inspect_any(WHOLE[kind]).media_type == kind


@pytest.mark.parametrize("kind", ["video/mp4", "audio/wav", "audio/ogg", "video/webm"])
def test_a_file_that_lacks_its_end_is_cut(kind: str) -> None:
    data = WHOLE[kind]
    for length in (len(data) - 1, len(data) // 2, 12):
        with pytest.raises((CutPictureError, NotAPictureError)):
            inspect_any(data[:length])
    with pytest.raises(CutPictureError):
        inspect_any(data[:-1])


def test_size_and_length_of_a_film_are_read() -> None:
    found = inspect_any(FILM)
    assert (found.width, found.height) == (96, 54)
    assert getattr(found, "seconds", None) == 2.0


def test_lengths_of_sounds_are_read() -> None:
    lengths = {kind: getattr(inspect_any(WHOLE[kind]), "seconds", None) for kind in WHOLE}
    assert lengths["audio/wav"] == 1.0
    assert lengths["audio/flac"] == 3.0
    assert 0.9 < (lengths["audio/mpeg"] or 0) < 1.2


def test_a_wav_of_unknown_size_has_no_end_of_its_own() -> None:
    stream = wav(0xFFFFFFFF)
    assert inspect_any(stream).media_type == "audio/wav"
    assert lacks_end(stream[:16])
    assert not lacks_end(wav()[:16])


def test_a_film_after_its_index_alone_is_cut() -> None:
    with pytest.raises(CutPictureError):
        inspect_any(FILM[: FILM.index(b"mdat") - 4])


@pytest.mark.parametrize("data", [b"\x1aE\xdf\xa3\x80\xff\xff\xff\xff", b"fLaC\x80\0\0\0abcd"])
def test_a_damaged_file_is_none(data: bytes) -> None:
    with pytest.raises((NotAPictureError, CutPictureError)):
        inspect_any(data)


def test_what_is_no_picture_is_never_decoded_as_one() -> None:
    assert is_picture("a.png")
    assert not any(map(is_picture, ["a.mp4", "B.WEBM", "a.mp3", "a.svg", "a.flac"]))
