"""Chat: text, streamed or not, structured output, tool calls, and pictures as input."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from jobs.job import JSON, Failure
from runner.endpoints.dialects.chat import (
    completion_call,
    messages,
    read_completion,
    read_text,
    tool_choice_of,
)
from runner.endpoints.dialects.foreign import read_any
from runner.endpoints.dialects.input_files import FILE_HELP
from runner.endpoints.dialects.lane import LANE_HELP, Lane, check_lane
from runner.endpoints.dialects.structured import (
    Structured,
    check_schema,
    read_structured,
    response_format,
    schema_in,
)
from runner.endpoints.endpoint import Endpoint, Reading, Rejected
from runner.endpoints.fields import attached_files, body_column, column
from runner.protocol.call import Call, Reply
from runner.protocol.pictures import Attachment

_REASONING_MODEL = re.compile(r"(?:^|/)o\d|think|reason|[-/]r1\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a chat row."""

    model: str = column("the model's name as the provider writes it", example="gpt-4o-mini")
    prompt: str = column("what to say", example="Two sentences about a bamboo laptop stand.")
    system: str | None = column(
        "instructions that stand before the prompt", default=None, example="You write product copy."
    )
    image: tuple[Attachment, ...] = column("pictures to look at: paths or addresses", default=())
    file: tuple[Attachment, ...] = attached_files(FILE_HELP, default=())
    detail: Literal["auto", "low", "high"] | None = column(
        "how closely to look at the pictures", default=None
    )
    stream: bool | None = column(
        "have the answer streamed: safer for slow answers", default=None, identity=False
    )
    schema: dict[str, JSON] | None = column(
        "JSON schema that the answer must match, or {name, schema, strict}",
        default=None,
        example={"type": "object", "properties": {"city": {"type": "string"}}},
    )
    response_format: JSON = column("text, json_object, or the whole JSON object", default=None)
    tools: list[JSON] | None = column("tools that the model may call, a JSON list", default=None)
    tool_choice: JSON = column(
        "none, auto, required, a tool's name, or a JSON object", default=None
    )
    temperature: float | None = column("0 exact to 2 wild", default=None, low=0, high=2)
    top_p: float | None = column(
        "share of likely words to choose from", default=None, low=0, high=1
    )
    max_tokens: int | None = column("longest answer in tokens", default=None, low=1)
    max_completion_tokens: int | None = column(
        "longest answer with its reasoning, for newer models", default=None, low=1
    )
    n: int | None = column("how many answers", default=None, low=1, high=128)
    seed: int | None = column("same seed, similar answer", default=None)
    stop: JSON = column("text, or up to four in a JSON list, at which to stop", default=None)
    presence_penalty: float | None = column("-2 to 2", default=None, low=-2, high=2)
    frequency_penalty: float | None = column("-2 to 2", default=None, low=-2, high=2)
    reasoning_effort: str | None = column("none, minimal, low, medium, high, …", default=None)
    verbosity: str | None = column("low, medium or high", default=None)
    lane: Lane | None = column(LANE_HELP, default=None, identity=False)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/chat/completions with the fields that are given; `body` columns override them."""
    body: dict[str, JSON] = {
        "model": inputs.model,
        "messages": messages(
            inputs.prompt,
            system=inputs.system,
            image=inputs.image,
            detail=inputs.detail,
            file=inputs.file,
        ),
        "stream": bool(inputs.stream),
        "response_format": _response_format(inputs),
        "tools": inputs.tools,
        "tool_choice": tool_choice_of(inputs.tool_choice),
        "temperature": inputs.temperature,
        "top_p": inputs.top_p,
        "max_tokens": inputs.max_tokens,
        "max_completion_tokens": inputs.max_completion_tokens,
        "n": inputs.n,
        "seed": inputs.seed,
        "stop": inputs.stop,
        "presence_penalty": inputs.presence_penalty,
        "frequency_penalty": inputs.frequency_penalty,
        "reasoning_effort": inputs.reasoning_effort,
        "verbosity": inputs.verbosity,
    }
    return completion_call(body, inputs.body, timeout=600.0 if _is_slow(inputs) else 300.0)


def _response_format(inputs: Inputs) -> JSON:
    if inputs.schema is not None:
        return response_format(inputs.schema)
    if isinstance(inputs.response_format, str):
        return {"type": inputs.response_format}
    return inputs.response_format


def _is_slow(inputs: Inputs) -> bool:
    """True if the model reasons before it answers."""
    asked = (inputs.reasoning_effort or "none").lower() != "none"
    return asked or bool(_REASONING_MODEL.search(inputs.model))


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The text, the checked value or the tool calls; anything else is a failure with its text."""
    words = read_text(read_any(reply.text, read_completion))
    if isinstance(words, Rejected):
        return words
    completion, result = words
    if completion.first.tool_calls or not _wants_json(inputs):
        return result
    schema = schema_in(inputs.schema) if inputs.schema is not None else None
    match read_structured(result.text or "", schema):
        case Structured(value=value):
            return replace(result, data={**result.data, "structured": value})
        case Failure() as mismatch:
            return Rejected(failure=mismatch, result=result)


def _wants_json(inputs: Inputs) -> bool:
    if inputs.schema is not None:
        return True
    wanted = inputs.response_format
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    return kind in ("json_object", "json_schema")


ENDPOINT = Endpoint(
    name="chat",
    summary="text out of text and pictures; structured output and tool calls too",
    inputs=Inputs,
    build=build,
    read=read,
    rules={"schema": check_schema, "lane": check_lane},
    example={
        "model": "gpt-4o-mini",
        "prompt": "Two sentences about a foldable bamboo laptop stand.",
        "system": "You write short product copy.",
        "temperature": 0.4,
    },
)
