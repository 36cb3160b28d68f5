"""POST /v1/audio/transcriptions and translations of the mock: a form with a sound."""

import struct
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from jobs.job import JSON
from runner.mock.case import Case
from runner.mock.chance import prompt_digest
from runner.mock.endpoints.chat_replies import packed
from runner.mock.endpoints.input_files import kind_of
from runner.mock.error_replies import Canned, openai_error
from runner.mock.faults import Fault
from runner.mock.validation import InvalidRequest, InvalidRequestError, check_one_of, wrong

_FIELDS = frozenset(
    {"model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]"}
    | {"include[]", "chunking_strategy", "stream"}
)
_FORMATS = ("json", "text", "srt", "vtt", "verbose_json", "diarized_json")
_ENDINGS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
_MOST_BYTES = 25 * (1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundRequest:
    """A valid request. `prompt` identifies its sound for faults and the bill."""

    model: str
    prompt: str
    words: str
    seconds: float
    format: str = "json"
    language: str = "english"
    granularities: tuple[str, ...] = ()
    stream: bool = False
    n: int = 1
    images: tuple[str, ...] = field(default=())
    pictures: bool = False


class TranscriptionsEndpoint:
    """One of the two paths of one gateway."""

    def __init__(self, task: str) -> None:
        self.path = f"/v1/audio/{task}"
        self._translates = task == "translations"

    async def read(self, http: web.BaseRequest) -> SoundRequest | InvalidRequest:
        """The request, or the first error in it."""
        try:
            if not http.content_type.startswith("multipart/"):
                wrong("The request must be multipart/form-data.")
            return await _read(http, translates=self._translates)
        except InvalidRequestError as error:
            return error.problem
        except (ValueError, AssertionError):
            return InvalidRequest(message="We could not parse the form of your request.")

    def look(self, wanted: SoundRequest) -> tuple[str, ...] | InvalidRequest:  # noqa: ARG002 - others have pictures
        """No pictures."""
        return ()

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell it
        """The error body for a wrong request."""
        return openai_error(400, problem)

    def canned(self, fault: Fault, call: str, wanted: SoundRequest) -> Canned | None:  # noqa: ARG002 - as above
        """An unusable answer without words."""
        return Canned(status=200, body=b'{"task":"x"}') if fault is Fault.EMPTY_CHOICES else None

    def is_slow(self, case: Case[SoundRequest]) -> bool:  # noqa: ARG002 - others are
        """True if building this answer would block the event loop."""
        return False

    def body(self, case: Case[SoundRequest]) -> bytes:
        """The answer in the form that was asked for; three of them are no JSON."""
        wanted = case.wanted
        match wanted.format:
            case "text":
                return f"{wanted.words}\n".encode()
            case "srt":
                return f"1\n00:00:00,000 --> {_clock(wanted, ',')}\n{wanted.words}\n\n".encode()
            case "vtt":
                return (
                    f"WEBVTT\n\n00:00:00.000 --> {_clock(wanted, '.')}\n{wanted.words}\n".encode()
                )
            case _:
                return packed(_answer(wanted))

    def events(self, case: Case[SoundRequest]) -> list[bytes]:
        """No events: the mock refuses `stream`."""
        raise TypeError(f"words are not streamed: {case.wanted.model}")


async def _read(http: web.BaseRequest, *, translates: bool) -> SoundRequest:
    texts: list[tuple[str, str]] = []
    sound: tuple[str, bytes] | None = None
    reader = await http.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or not part.name:
            wrong("A part of the form has no name.")
        content = bytes(await part.read())
        if part.filename is None:
            texts.append((part.name, content.decode("utf-8")))
        elif part.name == "file":
            sound = part.filename, content
        else:
            wrong(f"Unknown parameter: '{part.name}'.", part.name, "unknown_parameter")
    given = dict(texts)
    for name in given:
        if name not in _FIELDS or (translates and name in ("language", "include[]")):
            wrong(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if not given.get("model"):
        wrong("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    check_one_of("response_format", given.get("response_format", "json"), _FORMATS)
    if given.get("stream", "false") != "false":
        wrong("Streaming is not supported.", "stream")
    kind, seconds, size = _checked_sound(sound)
    words = f"A {kind} of {size} bytes"
    return SoundRequest(
        model=given["model"],
        prompt=prompt_digest(words + given.get("prompt", "")),
        words=f"{words}, {'in English' if translates else 'as it was said'}.",
        seconds=seconds,
        format=given.get("response_format", "json"),
        language=given.get("language", "english"),
        granularities=tuple(v for name, v in texts if name == "timestamp_granularities[]"),
    )


def _checked_sound(sound: tuple[str, bytes] | None) -> tuple[str, float, int]:
    """Kind, seconds and size of the file."""
    if sound is None:
        wrong("Missing required parameter: 'file'.", "file", "missing_required_parameter")
    name, content = sound
    kind = kind_of(content)
    if name.rpartition(".")[2].lower() not in _ENDINGS or not kind.startswith(("audio", "video")):
        wrong("Invalid file format. Supported formats: " + str(list(_ENDINGS)), "file")
    if len(content) > _MOST_BYTES:
        wrong("Maximum content size limit (26214400) exceeded.", "file")
    rate = struct.unpack("<I", content[28:32])[0] if kind == "audio/wav" else 16_000
    return kind, round(max(len(content) - 44, 0) / max(rate, 1), 3), len(content)


def _answer(wanted: SoundRequest) -> JSON:
    usage: JSON = {"type": "duration", "seconds": wanted.seconds}
    if wanted.format == "json":
        return {"text": wanted.words, "usage": usage}
    segment: JSON = {"id": 0, "start": 0.0, "end": wanted.seconds, "text": wanted.words}
    body: dict[str, JSON] = {"task": "transcribe", "language": wanted.language}
    body |= {"duration": wanted.seconds, "text": wanted.words, "segments": [segment]}
    if "word" in wanted.granularities:
        body["words"] = [{"word": word, "start": 0.0, "end": 0.0} for word in wanted.words.split()]
    return body | {"usage": usage}


def _clock(wanted: SoundRequest, mark: str) -> str:
    seconds = int(wanted.seconds)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}000"
