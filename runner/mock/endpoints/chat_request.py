"""Validates a chat request as strictly as the real services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.job import JSON
from runner.mock.endpoints.input_files import checked_address, checked_file, checked_sound
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

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_FORMATS = ("text", "json_object", "json_schema")
_TYPES: dict[str, tuple[type, ...]] = {
    "stream": (bool,),
    "stream_options": (dict,),
    "n": (int,),
    "size": (str,),
    "max_tokens": (int,),
    "max_completion_tokens": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "seed": (int,),
    "stop": (str, list),
    "user": (str,),
    "response_format": (dict,),
    "tools": (list,),
    "tool_choice": (str, dict),
    "modalities": (list,),
    "reasoning_effort": (str,),
    "service_tier": (str,),
}
_RANGES: dict[str, tuple[float, float]] = {
    "n": (1, 128),
    "max_tokens": (1, 10**9),
    "max_completion_tokens": (1, 10**9),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The tool to call."""

    name: str
    parameters: Mapping[str, JSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A valid request. `prompt` is the last user text, `images` are addresses."""

    model: str
    prompt: str = field(repr=False)
    tokens: int  # a plausible token count of all texts
    images: tuple[str, ...] = field(default=(), repr=False)
    stream: bool = False
    include_usage: bool = False
    n: int = 1
    size: str | None = None
    max_tokens: int | None = None
    schema: Mapping[str, JSON] | None = None  # also set for json_object: a schema with one field
    tool: Tool | None = None
    tier: str = ""

    @property
    def pictures(self) -> bool:
        """True if the request asks for a picture."""
        return "image" in self.model.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingRequest(ChatRequest):
    """A valid request of a form that says by itself whether it `draws` a picture."""

    draws: bool = False
    files: tuple[str, ...] = field(default=(), repr=False)

    @property
    def pictures(self) -> bool:
        """True if the request asks for a picture."""
        return self.draws


def read_chat(body: bytes) -> ChatRequest | InvalidRequest:
    """The request in a body, or the first error in it."""
    try:
        return _read(parsed(body))
    except InvalidRequestError as error:
        return error.problem


def _read(given: Fields) -> ChatRequest:
    _check_top(given)
    prompt, texts, images = "", 0, list[str]()
    for number, message in enumerate(given["messages"]):
        text, pictures = _read_message(message, f"messages[{number}]")
        texts += len(text.encode("utf-8", "replace")) // 4 + 4
        images += pictures
        if message["role"] == "user":
            prompt = text
    return ChatRequest(
        model=given["model"],
        prompt=prompt,
        tokens=texts + 85 * len(images) + 3,
        images=tuple(images),
        stream=given.get("stream", False),
        include_usage=bool(given.get("stream_options", {}).get("include_usage")),
        n=given.get("n", 1),
        size=given.get("size"),
        max_tokens=given.get("max_completion_tokens", given.get("max_tokens")),
        schema=_read_format(given.get("response_format", {"type": "text"})),
        tool=_read_tools(given.get("tools", []), given.get("tool_choice", "auto")),
        tier=given.get("service_tier", ""),
    )


def _check_top(given: Fields) -> None:
    model, messages = given.get("model"), given.get("messages")
    if not isinstance(model, str) or not model.strip():
        wrong("You must provide a model parameter: a string.", "model", "model_required")
    if not isinstance(messages, list) or not messages:
        wrong("You must provide messages: an array with at least one entry.", "messages")
    for name, types in _TYPES.items():
        if name in given:
            check_type(name, given[name], types)
    for name, (low, high) in _RANGES.items():
        if name in given:
            check_range(name, given[name], low, high)
    if "stream_options" in given and not given.get("stream"):
        wrong("'stream_options' is only allowed when 'stream' is true.", "stream_options")


def _read_message(message: Any, place: str) -> tuple[str, list[str]]:
    """The text and the picture addresses of one message."""
    if not isinstance(message, dict):
        wrong(f"Invalid type for '{place}': expected an object.", place)
    if message.get("role") not in _ROLES:
        wrong(f"Invalid value for '{place}.role': {message.get('role')!r}.", f"{place}.role")
    content = message.get("content")
    if isinstance(content, str) or (content is None and message["role"] == "assistant"):
        return content or "", []
    if not isinstance(content, list) or not content:
        wrong(f"'{place}.content' must be a string or an array of parts.", f"{place}.content")
    texts, images = list[str](), list[str]()
    for number, part in enumerate(content):
        _read_part(part, f"{place}.content[{number}]", texts, images)
    return "\n".join(texts), images


def _read_part(part: Any, place: str, texts: list[str], images: list[str]) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        texts.append(part["text"])
    elif kind == "image_url":
        images.append(_address(part.get("image_url"), place))
    elif kind == "file":
        checked_file(part["file"] if isinstance(part.get("file"), dict) else {}, place)
    elif kind == "input_audio":
        checked_sound(part.get("input_audio"), place)
    elif kind == "video_url":
        checked_address(part.get("video_url"), place)
    else:
        wrong(f"Invalid part '{place}': its type or its value is wrong.", place)


def _address(image_url: Any, place: str) -> str:
    url = image_url.get("url") if isinstance(image_url, dict) else None
    if not isinstance(url, str):
        wrong(f"'{place}.image_url' must be an object with a string 'url'.", f"{place}.image_url")
    if not url.startswith(("https://", "http://", "data:image/")):
        wrong("The image address is neither http(s) nor a data URI.", place, "invalid_image_url")
    return url


def _read_format(wanted: Fields) -> Mapping[str, JSON] | None:
    kind = wanted.get("type")
    if kind not in _FORMATS:
        wrong(f"Invalid value for 'response_format.type': {kind!r}.", "response_format.type")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    described = wanted.get("json_schema")
    if not isinstance(described, dict) or not isinstance(described.get("name"), str):
        wrong("Missing 'response_format.json_schema.name'.", "response_format.json_schema.name")
    schema = described.get("schema") or {"type": "object"}
    return checked_schema("response_format.json_schema.schema", schema)


def _read_tools(tools: list[Any], choice: Any) -> Tool | None:
    """The tool to call: the named one, else the first."""
    found = [_read_tool(tool, f"tools[{number}]") for number, tool in enumerate(tools)]
    if isinstance(choice, dict):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        found = [tool for tool in found if tool.name == name]
        if not found:
            wrong(f"Tool choice {name!r} is not one of 'tools'.", "tool_choice")
    elif choice not in ("none", "auto", "required"):
        wrong(f"Invalid value for 'tool_choice': {choice!r}.", "tool_choice")
    return found[0] if found and choice != "none" else None


def _read_tool(tool: Any, place: str) -> Tool:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        wrong(f"Missing '{place}.function.name'.", f"{place}.function.name")
    parameters = function.get("parameters") or {"type": "object"}
    checked = checked_schema(f"{place}.function.parameters", parameters)
    return Tool(name=function["name"], parameters=checked)
