"""Image editing by a prompt, by models that only draw."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.job import JSON
from runner.endpoints.dialects.forms import form_text
from runner.endpoints.dialects.images import read_pictures, sendable, timeout_of
from runner.endpoints.dialects.lane import LANE_HELP, Lane, check_lane
from runner.endpoints.endpoint import Endpoint, Reading
from runner.endpoints.fields import body_column, column, enclosed_pictures
from runner.protocol.call import Call, Part, Reply
from runner.protocol.pictures import FILE_ENDINGS, Attachment, media_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of an image-edit row."""

    model: str = column("the model's name as the provider writes it", example="gpt-image-1.5")
    prompt: str = column("what to change", example="Put a small red kite in the sky")
    image: tuple[Attachment, ...] = enclosed_pictures(
        "the picture, or several: paths", example="pictures/mug.png"
    )
    mask: tuple[Attachment, ...] = enclosed_pictures(
        "a PNG as large as the (first) picture; where it is see-through is painted anew",
        default=(),
        high=1,
    )
    n: int | None = column("how many pictures", default=None, low=1, high=16)
    size: str | None = column("such as 1024x1024, or auto", default=None)
    quality: str | None = column("low, medium or high, for gpt-image", default=None)
    background: str | None = column("transparent, opaque or auto, for gpt-image", default=None)
    output_format: str | None = column("png, jpeg or webp, for gpt-image", default=None)
    output_compression: int | None = column(
        "0 to 100, of a jpeg or webp, for gpt-image", default=None, low=0, high=100
    )
    moderation: str | None = column("auto or low, for gpt-image", default=None)
    input_fidelity: str | None = column(
        "low or high: how closely to keep to the picture, for gpt-image-1 and 1.5", default=None
    )
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
    image_field: Literal["auto", "image", "image[]", "other"] = column(
        "the form field of a picture; auto: image for one, image[] for several; other: reversed",
        default="auto",
        identity=False,
    )
    lane: Lane | None = column(LANE_HELP, default=None, identity=False)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/images/edits as a multipart form: the fields as text, then the files."""
    sent = sendable(inputs.model, _given(inputs)) | dict(inputs.body)
    fields = (Part(name=name, content=form_text(value)) for name, value in sent.items())
    return Call(
        path="/v1/images/edits",
        parts=(*fields, *_files(inputs)),
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
        "background": inputs.background,
        "output_format": inputs.output_format,
        "output_compression": inputs.output_compression,
        "moderation": inputs.moderation,
        "input_fidelity": inputs.input_fidelity,
        "response_format": inputs.response_format,
        "user": inputs.user,
        "stream": inputs.stream or None,  # models that cannot stream refuse the field
        "partial_images": inputs.partial_images,
    }


def _files(inputs: Inputs) -> Iterator[Part]:
    name = _field_name(inputs)
    for number, item in enumerate(inputs.image, start=1):
        yield _file(name, item, f"image-{number}")
    for item in inputs.mask:
        yield _file("mask", item, "mask")


def _field_name(inputs: Inputs) -> str:
    """The form field of a picture. Servers differ; "auto" is what OpenAI's own clients send."""
    match inputs.image_field:
        case "auto":
            return "image" if len(inputs.image) == 1 else "image[]"
        case "other":
            return "image[]" if len(inputs.image) == 1 else "image"
        case name:
            return name


def _file(name: str, item: Attachment, stem: str) -> Part:
    """A file part whose ending and media type match its bytes, since servers check both."""
    content = item.data or b""
    kind = media_type(content[:16]) or item.media_type or "image/png"
    ending = FILE_ENDINGS.get(kind, ".png")
    return Part(name=name, content=content, filename=f"{stem}{ending}", media_type=kind)


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The pictures; without any, a failure with the message."""
    return read_pictures(reply, model=inputs.model, fields=_given(inputs))


ENDPOINT = Endpoint(
    name="image-edit",
    summary="pictures changed by words, with a mask or put together: gpt-image and its like",
    inputs=Inputs,
    build=build,
    read=read,
    rules={"lane": check_lane},
    pictures=True,
    draws=True,
    usual_seconds=(10.0, 120.0),
    example={
        "model": "gpt-image-1.5",
        "prompt": "Put a small red kite in the sky above the hill",
        "image": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4"
        "2mPQqzUCAAG6AN76d2wkAAAAAElFTkSuQmCC",
    },
)
