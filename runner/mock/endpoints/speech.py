"""POST /v1/audio/speech of the mock: sounds whose pitch and length follow from the words."""

import math
import struct
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from runner.mock.case import Case
from runner.mock.chance import chance, prompt_digest
from runner.mock.error_replies import Canned, openai_error
from runner.mock.faults import Fault
from runner.mock.validation import (
    InvalidRequest,
    InvalidRequestError,
    check_one_of,
    check_range,
    check_type,
    parsed,
    wrong,
)

_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "input": (str,),
    "voice": (str, dict),
    "instructions": (str,),
    "response_format": (str,),
    "speed": (int, float),
    "stream_format": (str,),
}
_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_MOST_CHARACTERS = 4096
_RATE = 24_000
_MP3_FRAME = b"\xff\xfb\x90\xc4" + b"\0" * 413  # 128 kbit/s, 44.1 kHz: 26 ms of silence
_OGG_PAGE = struct.Struct("<4sBBqIIIB")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """A valid request."""

    model: str
    prompt: str = field(repr=False)
    voice: str
    format: str = "mp3"
    stream: bool = False
    n: int = 1
    images: tuple[str, ...] = ()
    pictures: bool = False


class SpeechEndpoint:
    """The speech endpoint of one gateway."""

    path = "/v1/audio/speech"

    async def read(self, http: web.BaseRequest) -> SpeechRequest | InvalidRequest:
        """The request, or the first error in it."""
        try:
            return _checked(parsed(await http.content.read()))
        except InvalidRequestError as error:
            return error.problem

    def look(self, wanted: SpeechRequest) -> tuple[str, ...] | InvalidRequest:  # noqa: ARG002 - others have pictures
        """No pictures."""
        return ()

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell it
        """The error body for a wrong request."""
        return openai_error(400, problem)

    def canned(self, fault: Fault, call: str, wanted: SpeechRequest) -> Canned | None:  # noqa: ARG002 - as above
        """New API's way to lose a sound: 200, billed, and no byte."""
        if fault is not Fault.EMPTY_CHOICES:
            return None
        return Canned(status=200, body=b"", media="audio/mpeg")

    def is_slow(self, case: Case[SpeechRequest]) -> bool:
        """True if building this answer would block the event loop."""
        return case.wanted.format not in ("mp3", "opus")

    def body(self, case: Case[SpeechRequest]) -> bytes:
        """The sound, one hundredth of a second for each character."""
        wanted = case.wanted
        seconds = 0.2 + len(wanted.prompt) / 100
        match wanted.format:
            case "mp3":
                return _MP3_FRAME * math.ceil(seconds / 0.026)
            case "opus":
                return _ogg(seconds)
            case _:
                pitch = 200 + 600 * chance(0, prompt_digest(wanted.voice + wanted.prompt), "pitch")
                sound = _tone(pitch, seconds)
                return sound if wanted.format == "pcm" else _wav(sound)

    def events(self, case: Case[SpeechRequest]) -> list[bytes]:
        """No events: the mock refuses `stream_format`."""
        raise TypeError(f"sounds are not streamed as events: {case.wanted.model}")


def _checked(given: dict[str, Any]) -> SpeechRequest:
    for name, value in given.items():
        if name not in _TYPES:
            wrong(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        check_type(name, value, _TYPES[name])
    for name in ("model", "input", "voice"):
        if not given.get(name):
            wrong(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    if len(given["input"]) > _MOST_CHARACTERS:
        wrong(
            f"String should have at most {_MOST_CHARACTERS} characters", "input", "string_too_long"
        )
    check_range("speed", given.get("speed", 1), 0.25, 4)
    check_one_of("response_format", given.get("response_format", "mp3"), _FORMATS)
    check_one_of("stream_format", given.get("stream_format", "audio"), ("audio",))
    if "instructions" in given and given["model"].startswith("tts-1"):
        wrong("'instructions' is not supported by this model.", "instructions")
    if given.get("response_format") in ("aac", "flac"):
        wrong("The mock makes mp3, opus, wav and pcm.", "response_format")
    return SpeechRequest(
        model=given["model"],
        prompt=given["input"],
        voice=str(given["voice"]),
        format=given.get("response_format", "mp3"),
    )


def _tone(pitch: float, seconds: float) -> bytes:
    step = 2 * math.pi * pitch / _RATE
    return b"".join(
        struct.pack("<h", int(8_000 * math.sin(step * number)))
        for number in range(int(seconds * _RATE))
    )


def _wav(sound: bytes) -> bytes:
    """A streamed WAV: its sizes are unknown when its head is sent."""
    unknown = 0xFFFFFFFF
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, _RATE * 2, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", unknown, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", unknown)
        + sound
    )


def _ogg(seconds: float) -> bytes:
    """Two pages, the second with the mark of the end."""
    first = _page(2, 0, 0, b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, _RATE, 0, 0))
    return first + _page(4, int(seconds * 48_000), 1, b"\0" * 200)


def _page(flags: int, granule: int, number: int, content: bytes) -> bytes:
    head = _OGG_PAGE.pack(b"OggS", 0, flags, granule, 1, number, 0, 1) + bytes([len(content)])
    page = head + content
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(page: bytes) -> int:
    """Ogg's CRC: polynomial 0x04c11db7, from the highest bit."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value
