"""POST /v1/messages of the mock: Anthropic's form, as strict as Anthropic."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from jobs.job import JSON
from runner.mock.case import CUT_SHORT, REFUSALS, Case
from runner.mock.endpoints.chat_replies import DONE_EVENT, ChatMessage, packed, say, usage_of
from runner.mock.endpoints.chat_request import ChatRequest, Tool
from runner.mock.endpoints.input_files import checked_data
from runner.mock.error_replies import Canned, anthropic_error
from runner.mock.faults import Fault
from runner.mock.pictures.inspect import measured
from runner.mock.validation import (
    Fields,
    InvalidRequest,
    InvalidRequestError,
    check_range,
    check_type,
    checked_schema,
    parsed,
    wrong,
)

_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "max_tokens": (int,),
    "messages": (list,),
    "system": (str, list),
    "stream": (bool,),
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": (int,),
    "stop_sequences": (list,),
    "tools": (list,),
    "tool_choice": (dict,),
    "thinking": (dict,),
    "metadata": (dict,),
    "service_tier": (str,),
    "output_config": (dict,),
    "cache_control": (dict,),
}
_RANGES = {"max_tokens": (1, 128_000), "temperature": (0, 1), "top_p": (0, 1)}
_MOST_BASE64 = 5_242_880
_PIECE = 12  # characters of text per event
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class MessagesEndpoint:
    """The messages endpoint of one gateway."""

    path = "/v1/messages"

    async def read(self, http: web.BaseRequest) -> ChatRequest | InvalidRequest:
        """The request, or the first error in it."""
        body = await http.content.read()
        if not http.headers.get("anthropic-version"):
            return InvalidRequest(message="anthropic-version: header is required")
        try:
            return _read(parsed(body))
        except InvalidRequestError as error:
            return error.problem

    def look(self, wanted: ChatRequest) -> tuple[str, ...] | InvalidRequest:
        """A description of the pictures; their media type must match their bytes."""
        try:
            return tuple(map(_looked_at, wanted.images))
        except InvalidRequestError as error:
            return error.problem

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:
        """The error body for a wrong request."""
        return anthropic_error(400, problem.message, call)

    def canned(self, fault: Fault, call: str, wanted: ChatRequest) -> Canned | None:
        """An unusable answer in the shape of a message."""
        if fault is not Fault.EMPTY_CHOICES:
            return None
        usage: JSON = {"input_tokens": 0, "output_tokens": 0}
        return Canned(status=200, body=packed(_message(call, wanted, [], "end_turn", usage)))

    def is_slow(self, case: Case[ChatRequest]) -> bool:  # noqa: ARG002 - others are
        """True if building this answer would block the event loop."""
        return False

    def body(self, case: Case[ChatRequest]) -> bytes:
        """The answer as one JSON body."""
        said = _said(case)
        stop = _stop_reason(said)
        usage = _usage(case.wanted, said)
        return packed(_message(case.call, case.wanted, _blocks(said), stop, usage))

    def events(self, case: Case[ChatRequest]) -> list[bytes]:
        """The answer as a stream, up to the point of the fault."""
        said = _said(case)
        usage = _usage(case.wanted, said)
        start: JSON = _message(case.call, case.wanted, [], None, {**usage, "output_tokens": 1})
        events = [_event("message_start", message=start), _event("ping")]
        for index, block in enumerate(_blocks(said)):
            events += _block_events(index, block)
        if case.fault in CUT_SHORT:
            end = [DONE_EVENT] if case.fault is Fault.STREAM_FALSE_DONE else []
            return [*events[: len(events) // 2 + 1], *end]
        delta: JSON = {"stop_reason": _stop_reason(said), "stop_sequence": None}
        counted: JSON = {"output_tokens": usage["output_tokens"]}
        return [
            *events,
            _event("message_delta", delta=delta, usage=counted),
            _event("message_stop"),
        ]


# --- requests ---------------------------------------------------------------------------------


def _read(given: Fields) -> ChatRequest:
    for name in ("model", "max_tokens", "messages"):
        if name not in given:
            wrong(f"{name}: Field required", name)
    for name, value in given.items():
        if name not in _TYPES:
            wrong(f"{name}: Extra inputs are not permitted", name)
        check_type(name, value, _TYPES[name])
    for name, (low, high) in _RANGES.items():
        if name in given:
            check_range(name, given[name], low, high)
    prompt, texts, images = "", _texts(given.get("system", ""), "system"), list[str]()
    for number, message in enumerate(given["messages"]):
        prompt = _read_message(message, f"messages.{number}", images)
        texts += prompt
    if not given["messages"]:
        wrong("messages: at least one message is required")
    return ChatRequest(
        model=given["model"],
        prompt=prompt,
        tokens=len(texts.encode("utf-8", "replace")) // 4 + 12 + 85 * len(images),
        images=tuple(images),
        stream=given.get("stream", False),
        max_tokens=given["max_tokens"],
        tool=_read_tools(given.get("tools", []), given.get("tool_choice", {"type": "auto"})),
    )


def _texts(content: Any, place: str) -> str:
    """Text, or the texts of blocks."""
    if isinstance(content, str):
        return content
    for block in content:
        if not isinstance(block, dict) or not isinstance(block.get("text"), str):
            wrong(f"{place}: Input should be a text block")
    return "\n".join(block["text"] for block in content)


def _read_message(message: Any, place: str, images: list[str]) -> str:
    """The text of one message; its pictures are added to `images` as data URIs or addresses."""
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("user", "assistant"):
        wrong(f"{place}.role: Input should be 'user' or 'assistant'")
    content = message.get("content")
    if isinstance(content, str) and content:
        return content
    if not isinstance(content, list) or not content:
        wrong(f"{place}.content: Input should be a valid string or list")
    texts = []
    for number, block in enumerate(content):
        where = f"{place}.content.{number}"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "image":
            images.append(_source(block.get("source"), f"{where}.image.source"))
        elif kind == "document":
            _check_document(block.get("source"), f"{where}.document.source")
        elif kind == "text":
            texts.append(_texts([block], where))
        elif kind not in ("tool_use", "tool_result", "thinking"):
            wrong(f"{where}: Input tag {kind!r} does not match any of the expected tags")
    return "\n".join(texts)


def _check_document(source: Any, place: str) -> None:
    """Documents are PDFs, in base64 or at an address."""
    kind = source.get("type") if isinstance(source, dict) else None
    if kind == "url" and str(source.get("url")).startswith(("https://", "http://")):
        return
    if kind != "base64" or source.get("media_type") != "application/pdf":
        wrong(f"{place}: Input should be a PDF in base64 or at a url")
    checked_data(source.get("data"), place, "application/pdf")


def _source(source: Any, place: str) -> str:
    kind = source.get("type") if isinstance(source, dict) else None
    if kind == "url" and str(source.get("url")).startswith(("https://", "http://")):
        return str(source["url"])
    if kind != "base64" or not isinstance(source.get("data"), str):
        wrong(f"{place}: Input tag {kind!r} does not match any of the expected tags")
    if (size := len(source["data"])) > _MOST_BASE64:
        wrong(f"{place}.base64: image exceeds 5 MB maximum: {size} bytes > {_MOST_BASE64} bytes")
    return f"data:{source.get('media_type')};base64,{source['data']}"


def _looked_at(url: str) -> str:
    if not url.startswith("data:"):
        return "one at an address"
    head, _, data = url.partition(",")
    told = head.removeprefix("data:").removesuffix(";base64")
    try:
        found = measured(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        wrong("image.source.base64.data: invalid base64 data")
    if isinstance(found, InvalidRequest):
        wrong("Could not process image")
    if told != f"image/{found[0].lower()}":
        wrong(f"The image was specified as {told}, but it appears to be image/{found[0].lower()}")
    return f"{found[0]} {found[1]}×{found[2]}"


def _read_tools(tools: list[Any], choice: Fields) -> Tool | None:
    """The tool to call: the named one, else the first."""
    found = [_read_tool(tool, f"tools.{number}") for number, tool in enumerate(tools)]
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        wrong(f"tool_choice: Input tag {kind!r} does not match any of the expected tags")
    if kind == "tool":
        found = [tool for tool in found if tool.name == choice.get("name")]
        if not found:
            wrong(f"Tool {choice.get('name')!r} not found in provided tools")
    return found[0] if found and kind != "none" else None


def _read_tool(tool: Any, place: str) -> Tool:
    name = tool.get("name") if isinstance(tool, dict) else None
    if not isinstance(name, str) or "input_schema" not in tool:
        wrong(f"{place}: name and input_schema are required")
    return Tool(name=name, parameters=checked_schema(f"{place}.input_schema", tool["input_schema"]))


# --- answers ----------------------------------------------------------------------------------


def _said(case: Case[ChatRequest]) -> ChatMessage:
    if case.fault in REFUSALS:
        return ChatMessage(message={"content": ""}, finish="refusal")
    return say(case.wanted, case.ask.sha, 0, case.seen)


def _stop_reason(said: ChatMessage) -> str:
    return _STOPS.get(said.finish, said.finish)


def _blocks(said: ChatMessage) -> list[JSON]:
    content, calls = said.message.get("content"), said.message.get("tool_calls")
    blocks: list[JSON] = [{"type": "text", "text": content}] if content else []
    for call in calls if isinstance(calls, list) else []:
        assert isinstance(call, dict)
        function = call["function"]
        assert isinstance(function, dict)
        given: JSON = json.loads(str(function["arguments"]))
        made: JSON = f"toolu_{str(call['id']).removeprefix('call_')}"
        blocks.append({"type": "tool_use", "id": made, "name": function["name"], "input": given})
    return blocks


def _usage(wanted: ChatRequest, said: ChatMessage) -> dict[str, JSON]:
    counted = usage_of(wanted, (said,))
    nothing: dict[str, JSON] = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    tokens: dict[str, JSON] = {
        "input_tokens": counted["prompt_tokens"],
        "output_tokens": counted["completion_tokens"],
    }
    return tokens | nothing


def _message(
    call: str, wanted: ChatRequest, blocks: list[JSON], stop: str | None, usage: JSON
) -> dict[str, JSON]:
    return {
        "id": f"msg_{call}",
        "type": "message",
        "role": "assistant",
        "model": wanted.model,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _block_events(index: int, block: JSON) -> Iterator[bytes]:
    """Events of one block; the input of a tool comes as pieces of JSON text."""
    assert isinstance(block, dict)
    if block["type"] == "text":
        empty: Mapping[str, JSON] = {**block, "text": ""}
        text, kind, name = str(block["text"]), "text_delta", "text"
    else:
        empty = {**block, "input": {}}
        text, kind, name = packed(block["input"]).decode(), "input_json_delta", "partial_json"
    yield _event("content_block_start", index=index, content_block=dict(empty))
    for start in range(0, len(text), _PIECE):
        delta: JSON = {"type": kind, name: text[start : start + _PIECE]}
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _event(kind: str, **told: JSON) -> bytes:
    return f"event: {kind}\ndata: ".encode() + packed({"type": kind, **told}) + b"\n\n"
