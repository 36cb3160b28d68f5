"""Detects films and sounds by their bytes and checks that the file is whole, without decoding."""

from collections.abc import Iterator
from dataclasses import dataclass

from runner.protocol.pictures import CutPictureError, NotAPictureError

FILM_ENDINGS = {"video/mp4": ".mp4", "video/webm": ".webm"}
SOUND_ENDINGS = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/aac": ".aac",
}
MEDIA_ENDINGS = FILM_ENDINGS | SOUND_ENDINGS
MEDIA_HEAD_BYTES = 16  # bytes that `media_kind` needs
WITHOUT_END = frozenset({"audio/mpeg", "audio/flac", "audio/aac"})
"""Kinds whose last byte looks like any other: only the transport can say that it came."""

LARGEST_FRAME_BYTES = 5_000  # of MP3
_UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFormat:
    """The format of a whole film or sound; `seconds` is None and the size 0 where it is unknown."""

    media_type: str
    width: int = 0
    height: int = 0
    seconds: float | None = None

    @property
    def ending(self) -> str:
        """The file name ending by the bytes."""
        return MEDIA_ENDINGS[self.media_type]


def media_kind(head: bytes) -> str | None:
    """The media type of the film or sound that starts with these bytes, or None."""
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return "audio/mpeg"
    starts = {
        b"\x1aE\xdf\xa3": "video/webm",
        b"OggS": "audio/ogg",
        b"fLaC": "audio/flac",
        b"ID3": "audio/mpeg",
    }
    return next((kind for start, kind in starts.items() if head.startswith(start)), None)


def lacks_end(head: bytes) -> bool:
    """True for a kind without an end of its own, which a cut transport may leave half."""
    kind = media_kind(head)
    is_stream = kind == "audio/wav" and head[4:8] in (b"\xff" * 4, bytes(4))
    return is_stream or kind in WITHOUT_END


def inspect_media(view: memoryview, kind: str) -> MediaFormat:
    """Walks the file's structure to its end. Raises CutPictureError or NotAPictureError.

    Kinds `WITHOUT_END` may be cut between two frames, which no walk can see.
    """
    try:
        return _WALKERS[kind](view)
    except IndexError as error:
        raise CutPictureError(f"{kind} ends too early, after {len(view):,} bytes") from error


def is_film(name: str) -> bool:
    """True for the name of a kept film."""
    return name.lower().endswith(tuple(FILM_ENDINGS.values()))


def is_sound(name: str) -> bool:
    """True for the name of a kept sound."""
    return name.lower().endswith(tuple(SOUND_ENDINGS.values()))


def _number(view: memoryview, start: int, length: int) -> int:
    if start + length > len(view):
        raise IndexError(start)
    return int.from_bytes(view[start : start + length], "big")


def _little(view: memoryview, start: int, length: int) -> int:
    if start + length > len(view):
        raise IndexError(start)
    return int.from_bytes(view[start : start + length], "little")


# --- MP4 ----------------------------------------------------------------------------------------


def _boxes(view: memoryview, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of a range: name, and where its content begins and ends."""
    at = start
    while at + 8 <= end:
        size, name, head = _number(view, at, 4), bytes(view[at + 4 : at + 8]), 8
        if size == 1:
            size, head = _number(view, at + 8, 8), 16
        if size == 0:
            size = end - at
        if size < head:
            raise NotAPictureError(f"an MP4 with a damaged {name!r} part")
        if at + size > end:
            raise IndexError(at)
        yield name, at + head, at + size
        at += size


def _mp4(view: memoryview) -> MediaFormat:
    """Whole if every box ends inside the file, and both the index and the frames are there."""
    names: set[bytes] = set()
    width = height = 0
    seconds: float | None = None
    for name, start, end in _boxes(view, 0, len(view)):
        names.add(name)
        if name == b"moov":
            width, height, seconds = _movie(view, start, end)
    if b"moov" not in names or not names & {b"mdat", b"moof"}:
        raise CutPictureError(f"video/mp4 without its index, after {len(view):,} bytes")
    return MediaFormat(media_type="video/mp4", width=width, height=height, seconds=seconds)


def _movie(view: memoryview, start: int, end: int) -> tuple[int, int, float | None]:
    width = height = 0
    seconds = None
    for name, inner, until in _boxes(view, start, end):
        if name == b"mvhd" and until - inner >= 32:
            wide = view[inner] == 1
            scale = _number(view, inner + (20 if wide else 12), 4)
            length = _number(view, inner + (24 if wide else 16), 8 if wide else 4)
            seconds = round(length / scale, 2) if scale and length else None
        elif name == b"trak":
            for part, first, last in _boxes(view, inner, until):
                if part == b"tkhd" and last - first >= 84:
                    width = max(width, _number(view, last - 8, 4) >> 16)
                    height = max(height, _number(view, last - 4, 4) >> 16)
    return width, height, seconds


# --- WebM ---------------------------------------------------------------------------------------

_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675


def _webm(view: memoryview) -> MediaFormat:
    """Whole if its segment, or without a known size every part of it, ends inside the file."""
    _, size, at = _element(view, 0)
    at += size or 0
    name, size, at = _element(view, at)
    if name != _SEGMENT:
        raise NotAPictureError("a WebM without its segment")
    if size is not None:
        if at + size > len(view):
            raise IndexError(at)
        return MediaFormat(media_type="video/webm")
    clusters = 0
    while at < len(view):
        name, size, at = _element(view, at)
        clusters += name == _CLUSTER
        if size is not None:  # the parts of a cluster of unknown size follow as its neighbours
            if at + size > len(view):
                raise IndexError(at)
            at += size
    if not clusters:
        raise IndexError(at)
    return MediaFormat(media_type="video/webm")


def _element(view: memoryview, at: int) -> tuple[int, int | None, int]:
    """The id and size of an EBML element, and where its content begins; None: unknown size."""
    first = _number(view, at, 1)
    length = 9 - first.bit_length()
    if not first or length > 4:
        raise NotAPictureError("a damaged WebM")
    name, at = _number(view, at, length), at + length
    first = _number(view, at, 1)
    length = 9 - first.bit_length()
    if not first:
        raise NotAPictureError("a damaged WebM")
    size = _number(view, at, length) & ((1 << 7 * length) - 1)
    return name, None if size == (1 << 7 * length) - 1 else size, at + length


# --- sounds -------------------------------------------------------------------------------------


def _wav(view: memoryview) -> MediaFormat:
    """Whole by the size of its header; a stream's header does not know it."""
    size = _little(view, 4, 4)
    if size not in (0, _UNKNOWN_SIZE) and 8 + size > len(view):
        raise IndexError(size)
    at, rate = 12, 0
    while at + 8 <= len(view):
        name, length = bytes(view[at : at + 4]), _little(view, at + 4, 4)
        if name == b"fmt ":
            rate = _little(view, at + 16, 4)
        if name == b"data":
            here = len(view) - at - 8
            length = here if length in (0, _UNKNOWN_SIZE) else length
            if length > here:
                raise IndexError(length)
            return MediaFormat(
                media_type="audio/wav", seconds=round(length / rate, 2) if rate else None
            )
        at += 8 + length + (length & 1)
    raise IndexError(at)


def _ogg(view: memoryview) -> MediaFormat:
    """Whole if its last page says that it is the last."""
    at, last = 0, False
    while at + 27 <= len(view):
        if bytes(view[at : at + 4]) != b"OggS":
            break
        segments = _number(view, at + 26, 1)
        body = sum(_number(view, at + 27 + place, 1) for place in range(segments))
        last = bool(view[at + 5] & 4)
        at += 27 + segments + body
        if at > len(view):
            raise IndexError(at)
    if not last:
        raise IndexError(at)
    return MediaFormat(media_type="audio/ogg")


def _flac(view: memoryview) -> MediaFormat:
    """Its descriptions are whole, and frames follow; only the transport knows where they end."""
    at, seconds = 4, None
    while True:
        head = _number(view, at, 4)
        if head >> 24 & 0x7F == 0:
            packed = _number(view, at + 4 + 10, 8)
            rate, samples = packed >> 44, packed & ((1 << 36) - 1)
            seconds = round(samples / rate, 2) if rate and samples else None
        at += 4 + (head & 0xFFFFFF)
        if head >> 31:
            break
    if _number(view, at, 2) >> 2 != 0x3FFE:
        raise NotAPictureError("a FLAC without frames")
    return MediaFormat(media_type="audio/flac", seconds=seconds)


_MP3_RATES = (44100, 48000, 32000)
_MP3_KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by version and layer."""


def _mp3(view: memoryview) -> MediaFormat:
    """Frame after frame; tags before and behind them do not count."""
    at = 0
    if bytes(view[:3]) == b"ID3":
        at = 10 + sum((_number(view, 6 + k, 1) & 0x7F) << 7 * (3 - k) for k in range(4))
        if at > len(view):
            raise IndexError(at)
    seconds, frames = 0.0, 0
    while at + 4 <= len(view):
        found = _mp3_frame(_number(view, at, 4))
        if found is None:
            break
        length, lasts = found
        if at + length > len(view):
            break  # encoders may end in the middle of a frame
        at, seconds, frames = at + length, seconds + lasts, frames + 1
    if not frames:
        raise (
            IndexError(at) if len(view) - at < 5_000 else NotAPictureError("an MP3 without frames")
        )
    return MediaFormat(media_type="audio/mpeg", seconds=round(seconds, 2))


def _mp3_frame(head: int) -> tuple[int, float] | None:
    """Length in bytes and duration of a frame, or None if this is no frame's head."""
    version, layer = {3: 1, 2: 2, 0: 3}.get(head >> 19 & 3, 0), 4 - (head >> 17 & 3)
    bits, rate = head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or not version or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    kbits = _MP3_KBITS[min(version, 2), layer][bits - 1]
    hertz = _MP3_RATES[rate] // (1, 2, 4)[version - 1]
    padding = head >> 9 & 1
    if layer == 1:
        return (12_000 * kbits // hertz + padding) * 4, 384 / hertz
    samples = 576 if layer == 3 and version > 1 else 1152
    return samples // 8 * 1000 * kbits // hertz + padding, samples / hertz


def _aac(view: memoryview) -> MediaFormat:
    """Frame after frame, each with its length."""
    at = frames = 0
    while at + 7 <= len(view) and _number(view, at, 2) & 0xFFF6 == 0xFFF0:
        length = _number(view, at + 3, 3) >> 5 & 0x1FFF
        if length < 7 or at + length > len(view):
            break
        at, frames = at + length, frames + 1
    if not frames:
        raise NotAPictureError("an AAC without frames")
    return MediaFormat(media_type="audio/aac")


_WALKERS = {
    "video/mp4": _mp4,
    "video/webm": _webm,
    "audio/wav": _wav,
    "audio/ogg": _ogg,
    "audio/flac": _flac,
    "audio/mpeg": _mp3,
    "audio/aac": _aac,
}
