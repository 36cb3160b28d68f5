"""Builds chat answers: the messages, their usage, as one body or as a stream."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jobs.job import JSON
from runner.mock.chance import chance
from runner.mock.endpoints.chat_request import ChatRequest, Tool
from runner.mock.schema_values import example

PING_COMMENT = b": PING\n\n"
DONE_EVENT = b"data: [DONE]\n\n"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_PIECE = 12  # characters of content per event

_OPENINGS = ("A short answer about", "Three words on", "What there is to say of", "In brief,")
_CLOSINGS = (
    "It holds up well in daily use.",
    "Most people would agree.",
    "Nothing else comes close.",
    "That is all there is to it.",
)
_REFUSAL = "I'm sorry, but I can't create that picture because it would violate our content policy."
_MODERATED = "> 🕐 排队中\n\n> ⚡ 生成中..\n\n> 生成失败 ❌\n> 失败原因：input_moderation\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message with its finish reason."""

    message: Mapping[str, JSON]
    finish: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The envelope around the messages of one answer."""

    id: str
    created: int
    model: str
    usage: Mapping[str, JSON]
    tier: str = ""

    def completion(self, said: tuple[ChatMessage, ...]) -> dict[str, JSON]:
        """The answer as one JSON body."""
        choices: list[JSON] = [
            {"index": index, "message": dict(one.message), "finish_reason": one.finish}
            for index, one in enumerate(said)
        ]
        body: dict[str, JSON] = {"id": self.id, "object": "chat.completion"}
        body |= {"created": self.created, "model": self.model, "choices": choices}
        return (
            body | {"usage": dict(self.usage)} | ({"service_tier": self.tier} if self.tier else {})
        )

    def events(self, said: tuple[ChatMessage, ...], *, usage: bool) -> Iterator[bytes]:
        """The answer as a stream, up to the usage; the caller adds `[DONE]`."""
        for index, one in enumerate(said):
            for delta in _deltas(one.message):
                yield self._event([{"index": index, "delta": delta, "finish_reason": None}])
            yield self._event([{"index": index, "delta": {}, "finish_reason": one.finish}])
        if usage:
            yield self._event([], dict(self.usage))

    def unfinished(self, said: ChatMessage) -> Iterator[bytes]:
        """The first half of a stream: no finish_reason, no usage."""
        deltas = list(_deltas(said.message))
        for delta in deltas[: max(len(deltas) // 2, 1)]:
            yield self._event([{"index": 0, "delta": delta, "finish_reason": None}])

    def _event(self, choices: list[JSON], usage: JSON = None) -> bytes:
        body: JSON = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "usage": usage,
        }
        if self.tier and isinstance(body, dict):
            body["service_tier"] = self.tier
        return b"data: " + packed(body) + b"\n\n"


def packed(body: JSON) -> bytes:
    """JSON as gateways send it: unescaped Chinese, no blanks."""
    return _ENCODER.encode(body).encode("utf-8", "replace")


def say(request: ChatRequest, sha: str, choice: int, seen: tuple[str, ...]) -> ChatMessage:
    """The answer to a request for text; `seen` describes the pictures in it."""
    if request.tool:
        return ChatMessage(
            message=_tool_call(request.tool, request.prompt, sha), finish="tool_calls"
        )
    if request.schema is not None:
        text = packed(example(request.schema, request.prompt, sha=sha)).decode()
    else:
        text = _text(request.prompt, f"{sha}{choice}", seen)
    if request.max_tokens is not None and _tokens(text) > request.max_tokens:
        return ChatMessage(message=_message(text[: request.max_tokens * 2]), finish="length")
    return ChatMessage(message=_message(text))


def refuse(*, moderated: bool) -> ChatMessage:
    """A refusal in prose, or as the last progress line of a reversed channel."""
    return ChatMessage(message=_message(_MODERATED if moderated else _REFUSAL))


def usage_of(request: ChatRequest, said: tuple[ChatMessage, ...]) -> dict[str, JSON]:
    """A plausible count of tokens."""
    out = sum(_tokens(str(one.message.get("content") or "x" * 80)) for one in said)
    return count(request.tokens, out, pictures=len(request.images))


def count(prompt: int, completion: int, *, pictures: int = 0) -> dict[str, JSON]:
    """Usage with the details that most gateways give."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "image_tokens": 85 * pictures},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _message(text: str) -> dict[str, JSON]:
    return {"role": "assistant", "content": text, "refusal": None}


def _text(prompt: str, sha: str, seen: tuple[str, ...]) -> str:
    subject = " ".join(prompt.split())[:60] or "nothing in particular"
    opening = _OPENINGS[int(chance(0, sha, "opening") * len(_OPENINGS))]
    closing = _CLOSINGS[int(chance(0, sha, "closing") * len(_CLOSINGS))]
    looked = f" I see {len(seen)} picture(s): {', '.join(seen)}." if seen else ""
    return f"{opening} “{subject}”.{looked} {closing}"


def _tool_call(tool: Tool, prompt: str, sha: str) -> dict[str, JSON]:
    arguments = packed(example(tool.parameters, prompt, sha=sha)).decode()
    function: JSON = {"name": tool.name, "arguments": arguments}
    call: JSON = {"id": f"call_{sha[:12]}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _deltas(message: Mapping[str, JSON]) -> Iterator[dict[str, JSON]]:
    """Deltas of the message: the role first, then content, pictures and tool calls."""
    content, calls = message.get("content"), message.get("tool_calls")
    yield {"role": "assistant", "content": None if calls else ""}
    if isinstance(content, str):
        size = _PIECE if len(content) < 10_000 else 65_536  # large pieces for inline pictures
        for start in range(0, len(content), size):
            yield {"content": content[start : start + size]}
    if "images" in message:
        yield {"images": message["images"]}
    if isinstance(calls, list):
        for index, call in enumerate(calls):
            yield from _call_deltas(index, call)


def _call_deltas(index: int, call: JSON) -> Iterator[dict[str, JSON]]:
    """Deltas of a tool call: the first has id and name, the others only arguments."""
    assert isinstance(call, dict)
    function = call["function"]
    assert isinstance(function, dict)
    arguments = str(function["arguments"])
    first: JSON = {"name": function["name"], "arguments": ""}
    yield {"tool_calls": [{"index": index, **call, "function": first}]}
    for start in range(0, len(arguments), _PIECE):
        piece: JSON = {"arguments": arguments[start : start + _PIECE]}
        yield {"tool_calls": [{"index": index, "function": piece}]}


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "replace")) // 4 + 1
