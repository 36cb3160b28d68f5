"""Transcription: the words of a sound or a film, in its language or in English."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.job import JSON
from jobs.result import Result, Usage
from runner.endpoints.dialects.forms import form_fields
from runner.endpoints.dialects.input_files import type_of
from runner.endpoints.dialects.open_reply import unusable
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Endpoint, Measure, Reading
from runner.endpoints.fields import attached_files, body_column, column
from runner.protocol.call import Call, Part, Reply
from runner.protocol.file_types import FILE_TYPE_ENDINGS
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.pictures import Attachment

PATHS = {"transcribe": "/v1/audio/transcriptions", "translate": "/v1/audio/translations"}
TEXT_FORMATS = frozenset({"text", "srt", "vtt"})
"""Formats whose answers are not JSON."""
KEPT_MEMBERS = ("language", "segments", "words", "speakers")
LONGEST_SECONDS = 7_200.0
"""Assumed for the most that a file may cost: services take 25 MB, two hours at 28 kbit/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a transcribe row."""

    model: str = column("the model's name as the provider writes it", example="whisper-1")
    file: tuple[Attachment, ...] = attached_files(
        "the sound or film: a path",
        accepts=("audio/", "video/"),
        high=1,
        addresses=False,
        example="sounds/note.wav",
    )
    task: Literal["transcribe", "translate"] = column(
        "transcribe, or translate into English", default="transcribe"
    )
    prompt: str | None = column("words that help: names, the style, what came before", default=None)
    language: str | None = column("of the sound, such as en or zh", default=None)
    response_format: str | None = column(
        "json, text, srt, vtt, verbose_json or diarized_json", default=None
    )
    timestamp_granularities: list[JSON] | None = column(
        'times of words or segments, with verbose_json: ["word", "segment"]', default=None
    )
    temperature: float | None = column("0 exact to 1 wild", default=None, low=0, high=1)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/audio/transcriptions or translations as a form: the fields, then the file."""
    spoken = inputs.task == "transcribe"
    fields: dict[str, JSON] = {
        "model": inputs.model,
        "language": inputs.language if spoken else None,
        "prompt": inputs.prompt,
        "response_format": inputs.response_format,
        "temperature": inputs.temperature,
        "timestamp_granularities": inputs.timestamp_granularities if spoken else None,
    }
    (item,) = inputs.file
    kind = type_of(item)
    file = Part(
        name="file",
        content=item.data or b"",
        filename=f"audio{FILE_TYPE_ENDINGS.get(kind, '.wav')}",
        media_type=kind,
    )
    sent = form_fields(fields | dict(inputs.body))
    return Call(path=PATHS[inputs.task], parts=(*sent, file), timeout=600.0)


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The words, as text or with their times. Silence is an empty text, and a valid answer."""
    value = decode(reply.text)
    if inputs.response_format in TEXT_FORMATS and not isinstance(value, dict):
        return Result(text=reply.text.decode("utf-8", "replace").strip("\ufeff"))
    if isinstance(value, Undecodable):
        return unusable(value.reason, value.text)
    if not isinstance(value, dict):
        return unusable("not_json", str(value))
    text = value.get("text")
    if not isinstance(text, str):
        return unusable("empty_text", str(value))
    data: dict[str, JSON] = {name: value[name] for name in KEPT_MEMBERS if value.get(name)}
    seconds = _seconds(value)
    if seconds is not None:
        data["audio_seconds"] = seconds
    return Result(text=text, usage=_usage(value.get("usage")), data=data)


def _seconds(value: Mapping[str, JSON]) -> float | None:
    """How long the sound is, where the answer says so."""
    usage = value.get("usage")
    counted = usage.get("seconds") if isinstance(usage, dict) else None
    for found in (counted, value.get("duration")):
        if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1e7:
            return float(found)
    return None


def _usage(raw: JSON) -> Usage | None:
    """The usage; one that counts seconds has no tokens."""
    if isinstance(raw, dict) and raw.get("type") == "duration":
        return Usage(raw=raw)
    return read_usage(raw)


def _taken(_: Mapping[str, JSON], result: Result) -> float | None:
    seconds = result.data.get("audio_seconds")
    return seconds if isinstance(seconds, float) else None


ENDPOINT = Endpoint(
    name="transcribe",
    summary="the words of a sound or a film, with their times where asked for",
    inputs=Inputs,
    build=build,
    read=read,
    usual_seconds=(2.0, 120.0),
    measured=Measure(
        name="seconds",
        likely=lambda _: (5.0, 600.0),
        bound=lambda _: LONGEST_SECONDS,
        taken=_taken,
    ),
    example={
        "model": "whisper-1",
        "file": "data:audio/wav;base64,UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQgA"
        "AAAAAAAAAAAAAA==",
        "language": "en",
    },
)
