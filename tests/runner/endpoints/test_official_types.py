"""Our requests are valid by the types of the official client libraries."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, Required, TypeAlias, get_type_hints

import pytest
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from google.genai import types as google
from openai.types.audio.speech_create_params import SpeechCreateParams
from openai.types.audio.transcription_create_params import TranscriptionCreateParamsNonStreaming
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.image_edit_params import ImageEditParamsNonStreaming, ImageEditParamsStreaming
from openai.types.image_generate_params import (
    ImageGenerateParamsNonStreaming,
    ImageGenerateParamsStreaming,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from runner.endpoints.fields import BODY_PREFIX, PARAMS_COLUMN, describe
from runner.endpoints.registry import ENDPOINTS
from runner.protocol.call import Call
from tests.runner.endpoints.test_conformance import cases, inputs_of

File: TypeAlias = tuple[str, bytes, str]
"""Name, bytes and media type: the most complete form of a file."""


def with_files(kind: Any) -> Any:
    """The type with files in that form only: pydantic cannot check an open file."""
    hints = get_type_hints(kind, include_extras=True)
    files = {"image": Required[File | list[File]], "mask": File, "markup": File, "file": File}
    files = {name: kind for name, kind in files.items() if name in hints}
    return TypedDict(kind.__name__, {**hints, **files}, total=False)  # type: ignore[operator]  # created at run time


class GeminiConfig(google.GenerationConfig):
    """With the member that the service documents here and the library keeps elsewhere."""

    image_config: google.ImageConfig | None = None


class GeminiBody(BaseModel):
    """The body of generateContent, of which the library has only the parts."""

    model_config = ConfigDict(extra="forbid")
    contents: list[google.Content]
    systemInstruction: google.Content | None = None  # noqa: N815 - the wire's own names
    generationConfig: GeminiConfig | None = None  # noqa: N815 - as above
    tools: list[google.Tool] | None = None
    toolConfig: google.ToolConfig | None = None  # noqa: N815 - as above
    safetySettings: list[google.SafetySetting] | None = None  # noqa: N815 - as above


PNG = str(ENDPOINTS["image-edit"].example["image"])
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0Y="
SCHEMA = {"type": "object", "properties": {"town": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "tide", "parameters": SCHEMA}}
TYPES: dict[str, tuple[Any, Any]] = {
    "chat": (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming),
    "messages": (MessageCreateParamsNonStreaming, MessageCreateParamsStreaming),
    "responses": (ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming),
    "gemini": (GeminiBody, GeminiBody),
    "image": (ImageGenerateParamsNonStreaming, ImageGenerateParamsStreaming),
    "image-edit": (
        with_files(ImageEditParamsNonStreaming),
        with_files(ImageEditParamsStreaming),
    ),
    "embedding": (EmbeddingCreateParams, EmbeddingCreateParams),
    "speech": (SpeechCreateParams, SpeechCreateParams),
    "transcribe": (with_files(TranscriptionCreateParamsNonStreaming),) * 2,
}
VALUES: dict[str, list[Any]] = {
    "model": ["m-1"],
    "prompt": ["words"],
    "system": ["Be brief."],
    "image": [PNG, [PNG, PNG]],
    "mask": [PNG],
    "detail": ["low"],
    "stream": [True, False],
    "schema": [SCHEMA, {"name": "visit", "strict": False, "schema": SCHEMA}],
    "response_format": ["text", "json_object"],
    "tools": [[TOOL]],
    "tool_choice": ["none", "auto", "required", TOOL | {"function": {"name": "tide"}}],
    "temperature": [0, 0.5, 1],
    "top_p": [0.5],
    "max_tokens": [5, 30_000],
    "max_completion_tokens": [5],
    "max_output_tokens": [5],
    "voice": ["alloy"],
    "instructions": ["calm"],
    "speed": [1.5],
    "file": [PDF],
    "task": ["transcribe"],
    "lane": ["online", "flex"],
    "dialect": [],  # with one, a request goes in another service's way
    "language": ["en"],
    "timestamp_granularities": [["word"]],
    "store": [True, False],
    "top_k": [40],
    "modalities": [["TEXT", "IMAGE"]],
    "aspect_ratio": ["16:9"],
    "safety": [[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]],
    "n": [2],
    "seed": [7],
    "stop": ["END", ["a", "b"]],
    "stop_sequences": ["END", ["a", "b"]],
    "presence_penalty": [0.1],
    "frequency_penalty": [-0.1],
    "reasoning_effort": ["low"],
    "verbosity": ["low"],
    "thinking": [2048, "adaptive", {"type": "disabled"}],
    "size": ["1024×1024", "auto"],
    "quality": ["high", "standard"],
    "style": ["vivid"],
    "background": ["opaque"],
    "output_format": ["jpeg"],
    "output_compression": [80],
    "moderation": ["low"],
    "input_fidelity": ["high"],
    "user": ["shop-7"],
    "partial_images": [1],
    "image_field": ["image", "image[]", "other"],
    "dimensions": [256],
    "encoding_format": ["float", "base64"],
    "rows_per_call": [10],
}
"""Example values that a user may enter, by column."""
OF_PICTURES: dict[str, list[Any]] = {"response_format": ["url", "b64_json"]}
OF_GEMINI: dict[str, list[Any]] = {
    "thinking": [2048, "low", {"includeThoughts": True}],
    "size": ["2K"],
}
OF_SOUNDS: dict[str, list[Any]] = {
    "file": [ENDPOINTS["transcribe"].example["file"]],
    "response_format": ["json", "srt"],
}
OF_SPEECH: dict[str, list[Any]] = {"response_format": ["mp3", "pcm"]}
OF_RESPONSES: dict[str, list[Any]] = {"background": [True, False]}
BEYOND = {
    "messages": frozenset({"temperature", "top_p"}),  # accepted by older versions of the models
    "image-edit": frozenset({"moderation"}),  # documented by the service, missing in the library
}
"""Columns that the newest libraries lack; they are sent only if a row has them."""
OWN_WAYS = {
    "chat/files:a sound of another format": "OpenAI names two formats, others take more",
    "chat/files:a film, as services beside OpenAI take it": "as the name says",
    "chat/files:addresses": "as above",
    "transcribe/requests:into English, without a language": "another type of the library",
    "image/requests:an unknown model passes everything": "values of other providers",
}
"""Cases that deliberately send what the official types do not allow."""


def checked(name: str, call: Call) -> None:
    """Raises ValidationError if the official types do not allow this request."""
    body = dict(call.json) if call.json is not None else form_of(call)
    adapter = adapters(name)[call.stream]
    if name == "gemini":  # models, not dictionaries: their enums and bytes are words in JSON
        adapter.validate_json(json.dumps(body), strict=True, extra="forbid")
        return
    consume(adapter.validate_python(body, strict=True, extra="forbid"))


_ADAPTERS: dict[str, tuple[TypeAdapter[Any], TypeAdapter[Any]]] = {}


def adapters(name: str) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
    if name not in _ADAPTERS:  # each takes a while to create
        whole, streamed = TYPES[name]
        _ADAPTERS[name] = TypeAdapter(whole), TypeAdapter(streamed)
    return _ADAPTERS[name]


def consume(value: Any) -> None:
    """Iterates over everything: the types contain iterables, which are checked only then."""
    if isinstance(value, Mapping):
        for item in value.values():
            consume(item)
    elif hasattr(value, "__iter__") and not isinstance(value, str | bytes):
        for item in value:
            consume(item)


def form_of(call: Call) -> dict[str, Any]:
    """A form as one would pass it to the client library: files as tuples, numbers as numbers."""
    body: dict[str, Any] = {}
    files: dict[str, list[Any]] = {}
    for part in call.parts:
        if part.filename is not None:
            name = part.name.removesuffix("[]")
            files.setdefault(name, []).append((part.filename, part.content, part.media_type))
        else:
            text = part.content.decode()
            if part.name.endswith("[]"):
                body.setdefault(part.name.removesuffix("[]"), []).append(text)
                continue
            bare = text.replace(".", "", 1).isdecimal() or text in ("true", "false")
            body[part.name] = json.loads(text) if bare else text
    return body | {name: found[0] if len(found) == 1 else found for name, found in files.items()}


def without_own(name: str, call: Call, cells: Mapping[str, Any]) -> Call:
    """The call without the user's own body members, which we only pass on."""
    own = {name.removeprefix(BODY_PREFIX) for name in cells if name.startswith(BODY_PREFIX)}
    own |= set(json.loads(cells.get(PARAMS_COLUMN, "{}")))
    own -= {"stream"}  # it decides the type of the call
    own |= BEYOND.get(name, frozenset())
    if call.json is None:
        return dataclasses.replace(call, parts=tuple(p for p in call.parts if p.name not in own))
    return dataclasses.replace(call, json={k: v for k, v in call.json.items() if k not in own})


def every_case() -> Iterator[Any]:
    for name in TYPES:
        for case in cases(name):
            if f"{name}/{case['name']}" not in OWN_WAYS:
                yield pytest.param(name, case.get("inputs", {}), id=f"{name}/{case['name']}")


def every_option() -> Iterator[Any]:
    for name in TYPES:
        own: dict[str, list[Any]] = {PARAMS_COLUMN: ["{}"]}
        own |= OF_PICTURES if ENDPOINTS[name].pictures else {}
        own |= OF_GEMINI if name == "gemini" else {}
        own |= OF_SOUNDS if name == "transcribe" else {}
        own |= OF_RESPONSES if name == "responses" else {}
        own |= OF_SPEECH if name == "speech" else {}
        for field in describe(ENDPOINTS[name].inputs):
            for value in own.get(field.name) or VALUES[field.name]:
                yield pytest.param(
                    name, {field.name: value}, id=f"{name}/{field.name}={value}"[:60]
                )


@pytest.mark.parametrize(("name", "cells"), [*every_case(), *every_option()])
def test_a_request_fits_the_official_types(name: str, cells: dict[str, Any]) -> None:
    endpoint = ENDPOINTS[name]
    call = endpoint.build(inputs_of(endpoint, {**endpoint.example, **cells}))
    checked(name, without_own(name, call, cells))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("chat", {"max_token": 5}),
        ("chat", {"temperature": "0.5"}),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "image", "url": "x"}]}]}),
        ("messages", {"max_tokens": None}),
        ("messages", {"stop": ["x"]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        ("messages", {"tools": [TOOL]}),
        ("responses", {"max_tokens": 5}),
        ("responses", {"tools": [TOOL]}),
        ("responses", {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
        ("gemini", {"model": "opal-1"}),
        ("gemini", {"contents": [{"role": "user", "parts": [{"type": "text"}]}]}),
        ("gemini", {"generationConfig": {"max_tokens": 5}}),
        ("image", {"n": "2"}),
        ("image", {"quality": "best"}),
    ],
)
def test_a_wrong_request_does_not(name: str, wrong: dict[str, Any]) -> None:
    endpoint = ENDPOINTS[name]
    call = endpoint.build(inputs_of(endpoint, endpoint.example))
    with pytest.raises(ValidationError):
        checked(name, dataclasses.replace(call, json={**(call.json or {}), **wrong}))
