"""Gemini's own form: text, structured output, tools, and pictures read and drawn."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from jobs.job import JSON, Failure
from jobs.result import Result
from runner.endpoints.dialects.chat import cut_stream
from runner.endpoints.dialects.gemini import (
    GeminiAnswer,
    contents_of,
    gemini_call,
    gemini_failure,
    gemini_result,
    read_gemini,
    thinking_of,
    tool_config_of,
    tools_of,
)
from runner.endpoints.dialects.input_files import FILE_HELP
from runner.endpoints.dialects.lane import LANE_HELP, Lane, check_lane
from runner.endpoints.dialects.markdown_links import shortened
from runner.endpoints.dialects.pictures import completion_pictures, no_picture
from runner.endpoints.dialects.structured import (
    Structured,
    check_schema,
    read_structured,
    schema_in,
)
from runner.endpoints.endpoint import Endpoint, Reading, Rejected
from runner.endpoints.fields import attached_files, body_column, column
from runner.protocol.call import Call, Reply
from runner.protocol.pictures import Attachment

_SLOW_MODEL = re.compile(r"image|pro|think", re.IGNORECASE)
_WORDS_AND_PICTURES: list[JSON] = ["TEXT", "IMAGE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a gemini row."""

    model: str = column("the model's name as the provider writes it", example="gemini-3-flash")
    prompt: str = column("what to say, or to draw", example="Two sentences about a laptop stand.")
    system: str | None = column(
        "instructions that stand before the prompt", default=None, example="You write product copy."
    )
    image: tuple[Attachment, ...] = column(
        "pictures to look at or to change: paths or addresses", default=()
    )
    file: tuple[Attachment, ...] = attached_files(FILE_HELP, default=())
    stream: bool | None = column(
        "have the answer streamed: safer for slow answers", default=None, identity=False
    )
    modalities: list[JSON] | None = column(
        'what to answer with; ["TEXT", "IMAGE"] where a size or a ratio is given',
        default=None,
        example=["TEXT", "IMAGE"],
    )
    size: str | None = column("of pictures: 1K, 2K or 4K", default=None)
    aspect_ratio: str | None = column("such as 16:9", default=None)
    schema: dict[str, JSON] | None = column(
        "JSON schema that the answer must match, or {name, schema, strict}",
        default=None,
        example={"type": "object", "properties": {"city": {"type": "string"}}},
    )
    response_format: JSON = column("text or json_object", default=None)
    tools: list[JSON] | None = column(
        'tools, a JSON list: functions, or the service\'s own such as "google_search"',
        default=None,
    )
    tool_choice: JSON = column(
        "none, auto, required, a tool's name, or a JSON object", default=None
    )
    temperature: float | None = column("0 exact to 2 wild", default=None, low=0, high=2)
    top_p: float | None = column(
        "share of likely words to choose from", default=None, low=0, high=1
    )
    top_k: int | None = column("how many words to choose from", default=None, low=1)
    max_output_tokens: int | None = column(
        "longest answer with its reasoning, in tokens", default=None, low=1
    )
    n: int | None = column("how many answers", default=None, low=1, high=8)
    seed: int | None = column("same seed, similar answer", default=None)
    stop: JSON = column("text, or up to five in a JSON list, at which to stop", default=None)
    thinking: JSON = column(
        "tokens to think with, a level such as low or high, or a JSON object", default=None
    )
    safety: list[JSON] | None = column(
        "the service's filters, a JSON list of {category, threshold}", default=None
    )
    lane: Lane | None = column(LANE_HELP, default=None, identity=False)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1beta/models/MODEL:generateContent; the `body` columns override its members."""
    given = _config(inputs)
    config: dict[str, JSON] = {name: value for name, value in given.items() if value is not None}
    system = inputs.system
    body: dict[str, JSON] = {
        "contents": contents_of(inputs.prompt, (*inputs.image, *inputs.file)),
        "systemInstruction": {"parts": [{"text": system}]} if system else None,
        "generationConfig": config or None,
        "tools": tools_of(inputs.tools),
        "toolConfig": tool_config_of(inputs.tool_choice),
        "safetySettings": inputs.safety,
    }
    slow = bool(_SLOW_MODEL.search(inputs.model)) or _draws(inputs)
    return gemini_call(
        inputs.model,
        body,
        inputs.body,
        stream=bool(inputs.stream),
        timeout=600.0 if slow else 300.0,
    )


def _config(inputs: Inputs) -> dict[str, JSON]:
    picture = {"aspectRatio": inputs.aspect_ratio, "imageSize": _size(inputs.size)}
    drawing: dict[str, JSON] = {name: value for name, value in picture.items() if value}
    stop = inputs.stop
    return {
        "temperature": inputs.temperature,
        "topP": inputs.top_p,
        "topK": inputs.top_k,
        "candidateCount": inputs.n,
        "maxOutputTokens": inputs.max_output_tokens,
        "stopSequences": [stop] if isinstance(stop, str) else stop,
        "seed": inputs.seed,
        "responseMimeType": "application/json" if _wants_json(inputs) else None,
        "responseJsonSchema": (
            dict(schema_in(inputs.schema)) if inputs.schema is not None else None
        ),
        "responseModalities": _modalities(inputs),
        "imageConfig": drawing or None,
        "thinkingConfig": thinking_of(inputs.thinking),
    }


def _size(size: str | None) -> str | None:
    """The size as the service writes it: protocol fact, it refuses a small k."""
    return size.strip().upper() if size and size.strip()[-1:] in ("k", "K") else size


def _modalities(inputs: Inputs) -> list[JSON] | None:
    if inputs.modalities is not None:
        return [str(one).upper() for one in inputs.modalities]
    return _WORDS_AND_PICTURES if inputs.size or inputs.aspect_ratio else None


def _draws(inputs: Inputs) -> bool:
    """True if the row asks for pictures."""
    return "IMAGE" in (_modalities(inputs) or ())


def _wants_json(inputs: Inputs) -> bool:
    wanted = inputs.response_format
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    return inputs.schema is not None or kind in ("json_object", "json_schema")


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The text, the checked value, the tool calls or the pictures; anything else is a failure."""
    answer = read_gemini(reply.text)
    if isinstance(answer, Rejected):
        return answer
    if answer.completion.cut:
        return cut_stream(answer.completion)
    result = _with_linked_pictures(inputs, answer, gemini_result(answer))
    failure = gemini_failure(answer, result)
    if failure is None and _draws(inputs) and not result.pictures:
        failure = no_picture(result.text or "")
    if failure is not None:
        kept = bool(answer.completion.choices) or answer.completion.usage is not None
        return Rejected(failure=failure, result=result if kept else None)
    if result.pictures or answer.completion.first.tool_calls or not _wants_json(inputs):
        return result
    schema = schema_in(inputs.schema) if inputs.schema is not None else None
    match read_structured(result.text or "", schema):
        case Structured(value=value):
            return replace(result, data={**result.data, "structured": value})
        case Failure() as mismatch:
            return Rejected(failure=mismatch, result=result)


def _with_linked_pictures(inputs: Inputs, answer: GeminiAnswer, result: Result) -> Result:
    """The result with the pictures in its text, where gateways put those of other services."""
    if result.pictures or not _draws(inputs):
        return result
    given = {item.url for item in inputs.image if item.url}
    found = tuple(one for one in completion_pictures(answer.completion) if one.url not in given)
    text = shortened(result.text).strip() if result.text and found else result.text
    return replace(result, pictures=found, text=text or None)


ENDPOINT = Endpoint(
    name="gemini",
    summary="text and pictures out of text and pictures, in Gemini's own form",
    inputs=Inputs,
    build=build,
    read=read,
    rules={"schema": check_schema, "lane": check_lane},
    example={
        "model": "gemini-3-flash",
        "prompt": "Two sentences about a foldable bamboo laptop stand.",
        "system": "You write short product copy.",
        "max_output_tokens": 400,
    },
)
