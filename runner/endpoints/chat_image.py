"""Chat image: pictures generated or edited by a chat model."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jobs.job import JSON
from jobs.result import Picture, Result
from runner.endpoints.dialects.chat import (
    Completion,
    completion_call,
    cut_stream,
    finish_failure,
    messages,
    read_completion,
    result_of,
)
from runner.endpoints.dialects.completions import CompletionChoice
from runner.endpoints.dialects.foreign import read_any
from runner.endpoints.dialects.markdown_links import shortened, video_links
from runner.endpoints.dialects.pictures import completion_pictures, no_picture
from runner.endpoints.endpoint import Endpoint, Reading, Rejected
from runner.endpoints.fields import body_column, column
from runner.protocol.call import Call, Reply
from runner.protocol.pictures import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a chat-image row."""

    model: str = column("the model's name as the provider writes it", example="gpt-4o-image")
    prompt: str = column(
        "what to draw or change; the ratio is safest in these words",
        example="A paper-cut lighthouse on a chalk cliff, square 1:1",
    )
    image: tuple[Attachment, ...] = column("pictures to change: paths or addresses", default=())
    system: str | None = column("instructions that stand before the prompt", default=None)
    n: int | None = column("how many pictures", default=None, low=1, high=16)
    size: str | None = column("such as 1024x1024 or 1:1", default=None)
    aspect_ratio: str | None = column("such as 16:9", default=None)
    quality: str | None = column("as the provider calls it", default=None)
    style: str | None = column("as the provider calls it", default=None)
    background: str | None = column("such as transparent", default=None)
    modalities: list[JSON] | None = column(
        'some gateways want ["image", "text"]', default=None, example=["image", "text"]
    )
    seed: int | None = column("same seed, similar picture", default=None)
    stream: bool | None = column(
        "have the answer streamed: keeps slow pictures from being cut", default=None, identity=False
    )
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/chat/completions with the fields that are given; `body` columns override them."""
    body: dict[str, JSON] = {
        "model": inputs.model,
        "messages": messages(inputs.prompt, system=inputs.system, image=inputs.image, detail=None),
        "stream": bool(inputs.stream),
        "n": inputs.n,
        "size": inputs.size,
        "aspect_ratio": inputs.aspect_ratio,
        "quality": inputs.quality,
        "style": inputs.style,
        "background": inputs.background,
        "modalities": inputs.modalities,
        "seed": inputs.seed,
    }
    return completion_call(body, inputs.body, timeout=600.0)


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The pictures and the text sent with them; without any picture, a failure with the text."""
    completion = read_any(reply.text, read_completion)
    if isinstance(completion, Rejected):
        return completion
    pictures = _drawn(inputs, _closed(completion) if completion.cut else completion)
    wanted = inputs.n or 1
    if completion.cut and len(pictures) < wanted:
        return cut_stream(completion)
    result = _result(completion, pictures, wanted)
    if pictures:
        return result
    text = "\n".join(choice.text or choice.refusal for choice in completion.choices)
    failure = finish_failure(completion) or no_picture(text)
    return Rejected(failure=failure, result=result if completion.choices else None)


def _drawn(inputs: Inputs, completion: Completion) -> tuple[Picture, ...]:
    """The new pictures: some models repeat an input picture next to their own."""
    given = {item.url for item in inputs.image if item.url}
    return tuple(item for item in completion_pictures(completion) if item.url not in given)


def _closed(completion: Completion) -> Completion:
    """The part of a cut stream that is certainly complete: its last line may end inside a URL."""
    return replace(completion, choices=tuple(_closed_choice(item) for item in completion.choices))


def _closed_choice(choice: CompletionChoice) -> CompletionChoice:
    if choice.finish or choice.text.endswith((")", "\n")):
        return choice
    return replace(
        choice, text=choice.text[: max(choice.text.rfind("\n"), choice.text.rfind(")")) + 1]
    )


def _result(completion: Completion, pictures: tuple[Picture, ...], wanted: int) -> Result:
    result = result_of(completion)
    notes: list[JSON] = []
    if 0 < len(pictures) < wanted:
        notes.append(f"{len(pictures)} of {wanted} pictures came")
    if completion.cut:
        notes.append("the stream broke off after the pictures")
    data: dict[str, JSON] = {**result.data}
    if videos := [link for choice in completion.choices for link in video_links(choice.text)]:
        notes.append("a video came; its picture may be only the cover")
        data["videos"] = list(dict.fromkeys(videos))
    if isinstance(texts := data.get("texts"), list):
        data["texts"] = [shortened(text) for text in texts if isinstance(text, str)]
    if notes:
        data["notes"] = notes
    text = shortened(result.text).strip() if result.text else None
    return replace(result, text=text or None, pictures=pictures, data=data)


ENDPOINT = Endpoint(
    name="chat-image",
    summary="pictures generated or changed through chat",
    inputs=Inputs,
    build=build,
    read=read,
    pictures=True,
    usual_seconds=(30.0, 300.0),
    example={
        "model": "gpt-4o-image",
        "prompt": "A paper-cut lighthouse on a chalk cliff, pale blue sky, square 1:1",
    },
)
