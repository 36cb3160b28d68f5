"""Image generation from a prompt, by models that only draw."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from jobs.job import JSON
from runner.endpoints.dialects.images import read_pictures, sendable, timeout_of
from runner.endpoints.dialects.lane import LANE_HELP, Lane, check_lane
from runner.endpoints.dialects.tasks.engine import (
    SUBMIT_TIMEOUT_SECONDS,
    read_task_poll,
    read_task_submit,
    task_life,
    task_poll,
)
from runner.endpoints.dialects.tasks.known import dialect_of
from runner.endpoints.endpoint import Endpoint, Reading
from runner.endpoints.fields import body_column, column
from runner.protocol.call import Call, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of an image row."""

    model: str = column("the model's name as the provider writes it", example="gpt-image-1.5")
    prompt: str = column(
        "what to draw", example="Isometric cut-away of a tiny bakery, soft morning light, no text"
    )
    n: int | None = column("how many pictures; dall-e-3 takes 1", default=None, low=1, high=16)
    size: str | None = column("such as 1024x1024, or auto", default=None, example="1024x1024")
    quality: str | None = column(
        "standard or hd for dall-e-3; low, medium, high for gpt-image", default=None
    )
    style: str | None = column("vivid or natural, for dall-e-3", default=None)
    background: str | None = column("transparent, opaque or auto, for gpt-image", default=None)
    output_format: str | None = column("png, jpeg or webp, for gpt-image", default=None)
    output_compression: int | None = column(
        "0 to 100, of a jpeg or webp, for gpt-image", default=None, low=0, high=100
    )
    moderation: str | None = column("auto or low, for gpt-image", default=None)
    response_format: str | None = column(
        "url or b64_json; never sent to gpt-image, which refuses it", default=None
    )
    user: str | None = column("your own name for whoever asks", default=None)
    stream: bool | None = column(
        "have the answer streamed: keeps slow pictures from being cut, for gpt-image",
        default=None,
        identity=False,
    )
    partial_images: int | None = column(
        "previews in a stream, 0 to 3; they cost and are not kept", default=None, low=0, high=3
    )
    dialect: str | None = column(
        "async-images has the picture made as a task, where the gateway offers that",
        default=None,
        identity=False,
    )
    lane: Lane | None = column(LANE_HELP, default=None, identity=False)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/images/generations with the fields that are given; `body` columns override them.

    As a task it goes to the path of its dialect, and returns a ticket.
    """
    sent = sendable(inputs.model, _given(inputs)) | dict(inputs.body)
    if inputs.dialect:
        path = dialect_of("image", inputs.dialect).submit.path
        plain = {name: value for name, value in sent.items() if name != "stream"}
        return Call(path=path, json=plain, timeout=SUBMIT_TIMEOUT_SECONDS, fresh=True)
    return Call(
        path="/v1/images/generations",
        json=sent,
        stream=sent.get("stream") is True,
        timeout=timeout_of(inputs.model, streamed=bool(inputs.stream)),
    )


def _given(inputs: Inputs) -> dict[str, JSON]:
    return {
        "model": inputs.model,
        "prompt": inputs.prompt,
        "n": inputs.n,
        "size": inputs.size,
        "quality": inputs.quality,
        "style": inputs.style,
        "background": inputs.background,
        "output_format": inputs.output_format,
        "output_compression": inputs.output_compression,
        "moderation": inputs.moderation,
        "response_format": inputs.response_format,
        "user": inputs.user,
        "stream": inputs.stream or None,  # models that cannot stream refuse the field
        "partial_images": inputs.partial_images,
    }


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The pictures; without any, a failure with the message. Of a task, its ticket."""
    if inputs.dialect:
        return read_task_submit(dialect_of("image", inputs.dialect), reply)
    return read_pictures(reply, model=inputs.model, fields=_given(inputs))


def _has_same_key(inputs: Inputs) -> bool:
    return bool(inputs.dialect) and dialect_of("image", inputs.dialect).same_key


def _check_dialect(fields: Mapping[str, JSON]) -> None:
    dialect_of("image", str(fields["dialect"] or ""))


ENDPOINT = Endpoint(
    name="image",
    summary="pictures out of words: dall-e, gpt-image and their like",
    inputs=Inputs,
    build=build,
    read=read,
    pictures=True,
    draws=True,
    poll=partial(task_poll, "image"),
    read_poll=partial(read_task_poll, "image"),
    life=partial(task_life, "image"),
    rules={"dialect": _check_dialect, "lane": check_lane},
    same_key=_has_same_key,
    usual_seconds=(10.0, 120.0),
    example={
        "model": "gpt-image-1.5",
        "prompt": "Isometric cut-away of a tiny bakery, soft morning light, no text",
        "n": 1,
        "size": "1024x1024",
    },
)
