"""Speech: a sound file of spoken words."""

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Picture, Result
from runner.endpoints.endpoint import Endpoint, Measure, Reading, Rejected
from runner.endpoints.fields import PARAMS_COLUMN, body_column, column
from runner.protocol.call import Call, Reply
from runner.protocol.media import SOUND_ENDINGS, inspect_media, media_kind
from runner.protocol.pictures import CutPictureError, NotAPictureError, describe_bytes

PCM_RATE = 24_000
"""Samples a second of headless PCM. Protocol fact: it is mono, 16 bit, little endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a speech row."""

    model: str = column("the model's name as the provider writes it", example="gpt-4o-mini-tts")
    prompt: str = column("the words to speak", example="Your order is on its way.")
    voice: str = column("as the provider calls it", example="alloy")
    instructions: str | None = column(
        "how to speak; not for tts-1", default=None, example="calm and warm"
    )
    response_format: str | None = column(
        "mp3, opus, aac, flac, wav or pcm; pcm is kept as wav", default=None
    )
    speed: float | None = column("0.25 slow to 4 fast", default=None, low=0.25, high=4)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/audio/speech with the fields that are given; the `body` columns override them."""
    body: dict[str, JSON] = {
        "model": inputs.model,
        "input": inputs.prompt,
        "voice": inputs.voice,
        "instructions": inputs.instructions,
        "response_format": inputs.response_format,
        "speed": inputs.speed,
    }
    given = {name: value for name, value in body.items() if value is not None}
    return Call(
        path="/v1/audio/speech",
        json=given | dict(inputs.body),
        headers={"Accept": "*/*"},
        timeout=300.0,
    )


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The sound, checked to its end as far as its format has one.

    Protocol fact: a gateway may answer 200, bill and break off, so half a sound is in doubt.
    """
    failure = _fault(reply.body)
    if failure is None:
        return _result(inputs, reply.body)
    if inputs.response_format == "pcm" and _may_be_pcm(reply):
        return _result(inputs, _wav_head(len(reply.body)) + reply.body)
    return Rejected(failure=failure)


def _fault(sound: bytes) -> Failure | None:
    """Why these bytes are no whole sound with a head; None if they are."""
    kind = media_kind(sound[:16])
    if kind not in SOUND_ENDINGS:
        detail = f"the answer is {describe_bytes(sound[:512])}"
        return Failure(kind=FailureClass.NO_RESULT, cause="no_sound", detail=detail)
    try:
        with memoryview(sound) as view:
            inspect_media(view, kind)
    except CutPictureError as error:
        return Failure(kind=FailureClass.NETWORK, cause="cut_stream", detail=str(error))
    except NotAPictureError as error:
        return Failure(kind=FailureClass.NO_RESULT, cause="no_sound", detail=str(error))
    return None


def _result(inputs: Inputs, sound: bytes) -> Result:
    coded = base64.b64encode(sound).decode("ascii")
    return Result(pictures=(Picture(base64=coded),), data={"characters": len(inputs.prompt)})


def _may_be_pcm(reply: Reply) -> bool:
    """True if nothing says that these bytes are something else: PCM has no head to know it by."""
    body, told = reply.body, reply.headers.get("content-type", "")
    is_words = told.startswith(("application/json", "text/"))
    return not is_words and len(body) % 2 == 0 and len(body) > 0 and not _is_text(body[:64])


def _is_text(head: bytes) -> bool:
    try:
        return head.decode("ascii").isprintable()
    except UnicodeDecodeError:
        return False


def _wav_head(size: int) -> bytes:
    """The head that makes a WAV of headless PCM."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, PCM_RATE, PCM_RATE * 2, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", size)
    )


def _characters(fields: Mapping[str, JSON]) -> int:
    """The characters that are spoken, as far as the row's own fields say it."""
    params = fields.get(PARAMS_COLUMN)
    override = fields.get("body.input") or (params.get("input") if isinstance(params, dict) else "")
    return len(str(override or fields.get("prompt") or ""))


ENDPOINT = Endpoint(
    name="speech",
    summary="a sound file of spoken words",
    inputs=Inputs,
    build=build,
    read=read,
    pictures=True,
    binary=True,
    answer_limit=lambda _: 0,
    usual_seconds=(1.0, 30.0),
    measured=Measure(
        name="characters",
        likely=lambda fields: (_characters(fields), _characters(fields)),
        bound=lambda fields: float(_characters(fields)),
        taken=lambda fields, _: float(_characters(fields)),
    ),
    example={
        "model": "gpt-4o-mini-tts",
        "prompt": "Your order is on its way.",
        "voice": "alloy",
    },
)
