"""POST /v1/responses of the mock: OpenAI's newer form, as strict as OpenAI."""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from jobs.job import JSON
from runner.mock.case import CUT_SHORT, REFUSALS, Case
from runner.mock.endpoints.chat_replies import DONE_EVENT, ChatMessage, packed, say, usage_of
from runner.mock.endpoints.chat_request import DrawingRequest, Tool
from runner.mock.endpoints.input_files import checked_file, checked_sound
from runner.mock.error_replies import Canned, openai_error
from runner.mock.faults import Fault
from runner.mock.pictures.draw import draw
from runner.mock.pictures.inspect import look
from runner.mock.pictures.links import PictureLinks
from runner.mock.settings import MockSettings
from runner.mock.validation import (
    Fields,
    InvalidRequest,
    InvalidRequestError,
    check_one_of,
    check_range,
    check_type,
    checked_schema,
    parsed,
    wrong,
)

_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "input": (str, list),
    "instructions": (str,),
    "stream": (bool,),
    "store": (bool,),
    "background": (bool,),
    "temperature": (int, float),
    "top_p": (int, float),
    "max_output_tokens": (int,),
    "max_tool_calls": (int,),
    "reasoning": (dict,),
    "text": (dict,),
    "tools": (list,),
    "tool_choice": (str, dict),
    "parallel_tool_calls": (bool,),
    "include": (list,),
    "metadata": (dict,),
    "service_tier": (str,),
    "truncation": (str,),
    "user": (str,),
    "safety_identifier": (str,),
    "prompt_cache_key": (str,),
    "previous_response_id": (str,),
}
_RANGES = {"temperature": (0, 2), "top_p": (0, 1), "max_output_tokens": (1, 10**9)}
_TIERS = ("auto", "default", "flex", "priority", "scale")
_HOSTED = ("web_search", "web_search_preview", "file_search", "code_interpreter", "mcp")
_DRAWING = "image_generation"
_PIECE = 12  # characters of text per event
_PICTURE_SIDES = "1024x1024"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesRequest(DrawingRequest):
    """A valid request. `draws`: a picture is made, by the service's own tool."""

    background: bool = False


class ResponsesEndpoint:
    """The responses endpoint of one gateway."""

    path = "/v1/responses"

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        self._easel = PictureLinks(settings, base_url)
        self._settings = settings
        self._unwatched: dict[str, tuple[float, dict[str, JSON]]] = {}  # by id: since when

    def fetched(self, path: str) -> Canned:
        """The answer to a question after one in the background; not billed."""
        number = path.removeprefix(f"{self.path}/")
        known = self._unwatched.get(number)
        if known is None or not self._settings.gives_answers:
            told = f"Response with id '{number}' not found."
            told = told if self._settings.gives_answers else f"Invalid URL (GET {path})"
            return openai_error(404, InvalidRequest(message=told))
        since, whole = known
        soon = {"Retry-After": f"{max(self._settings.task_seconds / 4, 0.05):.2f}"}
        if time.time() - since < self._settings.task_seconds:
            whole = {**whole, "status": "in_progress", "output": [], "usage": None}
        return Canned(status=200, body=packed(whole), headers=soon)

    async def read(self, http: web.BaseRequest) -> ResponsesRequest | InvalidRequest:
        """The request, or the first error in it."""
        try:
            return _read(parsed(await http.content.read()))
        except InvalidRequestError as error:
            return error.problem

    def look(self, wanted: ResponsesRequest) -> tuple[str, ...] | InvalidRequest:
        """A description of its pictures."""
        found = [look(url) for url in wanted.images]
        problem = next((one for one in found if isinstance(one, InvalidRequest)), None)
        return problem or tuple(str(one) for one in found)

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell the call
        """The error body for a wrong request."""
        return openai_error(400, problem)

    def canned(self, fault: Fault, call: str, wanted: ResponsesRequest) -> Canned | None:
        """An unusable answer in the shape of a response."""
        if fault is not Fault.EMPTY_CHOICES:
            return None
        return Canned(status=200, body=packed(_response(call, wanted, [], "completed")))

    def is_slow(self, case: Case[ResponsesRequest]) -> bool:
        """True if building this answer would block the event loop."""
        return case.wanted.draws

    def body(self, case: Case[ResponsesRequest]) -> bytes:
        """The answer as one JSON body; one in the background says that it is queued."""
        whole = self._whole(case)
        if not case.wanted.background:
            return packed(whole)
        self._unwatched[str(whole["id"])] = time.time(), whole
        return packed({**whole, "status": "queued", "output": [], "usage": None})

    def events(self, case: Case[ResponsesRequest]) -> list[bytes]:
        """The answer as a stream, up to the point of the fault; without a `[DONE]` at its end."""
        whole = self._whole(case)
        status = str(whole["status"])
        start = _response(case.call, case.wanted, [], "in_progress")
        events: list[dict[str, JSON]] = [{"type": "response.created", "response": start}]
        for index, item in enumerate(_items(whole)):
            events += _item_events(index, item)
        events.append({"type": f"response.{status}", "response": whole})
        coded = [_event(number, one) for number, one in enumerate(events)]
        if case.fault not in CUT_SHORT:
            return coded
        end = [DONE_EVENT] if case.fault is Fault.STREAM_FALSE_DONE else []
        return [*coded[: len(coded) // 2], *end]

    def _whole(self, case: Case[ResponsesRequest]) -> dict[str, JSON]:
        """The answer, with its tool's picture if the row asked for one."""
        wanted = case.wanted
        said = _said(case)
        output = list(_output(case, said))
        if wanted.draws and case.fault not in REFUSALS:
            drawn = draw(self._easel.picture(case.ask, 1, wanted.size or _PICTURE_SIDES), "PNG")
            made: JSON = {
                "type": "image_generation_call",
                "id": f"ig_{case.call}",
                "status": "completed",
                "result": base64.b64encode(drawn).decode("ascii"),
            }
            output.insert(1, made)
        status = "incomplete" if said.finish == "length" else "completed"
        return _response(case.call, wanted, output, status, said=said)


# --- requests ---------------------------------------------------------------------------------


def _read(given: Fields) -> ResponsesRequest:
    for name, value in given.items():
        if name not in _TYPES:
            wrong(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        check_type(name, value, _TYPES[name])
    for name in ("model", "input"):
        if not given.get(name):
            wrong(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    for name, (low, high) in _RANGES.items():
        if name in given:
            check_range(name, given[name], low, high)
    check_one_of("service_tier", given.get("service_tier", "auto"), _TIERS)
    images, files = list[str](), list[str]()
    prompt = _read_input(given["input"], images, files)
    tools, draws, size = _read_tools(given.get("tools", []), given.get("tool_choice", "auto"))
    counted = prompt + given.get("instructions", "")
    return ResponsesRequest(
        model=given["model"],
        prompt=prompt,
        tokens=len(counted.encode("utf-8", "replace")) // 4 + 12 + 85 * len(images),
        images=tuple(images),
        files=tuple(files),
        stream=given.get("stream", False),
        max_tokens=given.get("max_output_tokens"),
        schema=_read_format(given.get("text", {}).get("format", {"type": "text"})),
        tool=tools,
        draws=draws,
        size=size,
        tier=given.get("service_tier", ""),
        background=_is_background(given),
    )


def _is_background(given: Fields) -> bool:
    """True if the answer is worked on unwatched, which has to be kept and is not streamed here."""
    if given.get("background") and not given.get("store", True):
        wrong("Background responses must be stored.", "background", "invalid_value")
    return bool(given.get("background"))


def _read_input(given: Any, images: list[str], files: list[str]) -> str:
    """The text of the last user message; pictures and files are added to their lists."""
    if isinstance(given, str):
        return given
    prompt = ""
    for number, item in enumerate(given):
        place = f"input[{number}]"
        role = item.get("role") if isinstance(item, dict) else None
        if role not in ("user", "assistant", "system", "developer"):
            wrong(f"Invalid value: '{place}.role'.", place, "invalid_value")
        content = item.get("content")
        parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list) or not parts:
            wrong(f"Invalid type for '{place}.content'.", place, "invalid_type")
        texts = [
            _read_part(part, f"{place}.content[{at}]", images, files)
            for at, part in enumerate(parts)
        ]
        prompt = "\n".join(filter(None, texts)) if role == "user" else prompt
    return prompt


def _read_part(part: Any, place: str, images: list[str], files: list[str]) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    match kind:
        case "input_text" if isinstance(part.get("text"), str):
            return str(part["text"])
        case "input_image" if isinstance(part.get("image_url"), str):
            check_one_of(f"{place}.detail", part.get("detail", "auto"), ("auto", "low", "high"))
            images.append(part["image_url"])
        case "input_file":
            files.append(checked_file(part, place))
        case "input_audio":
            files.append(checked_sound(part.get("input_audio"), place))
        case _:
            wrong(f"Invalid value: {kind!r}. Supported values are: 'input_text', …", place)
    return ""


def _read_format(wanted: Any) -> Any:
    check_type("text.format", wanted, (dict,))
    kind = wanted.get("type")
    check_one_of("text.format.type", kind, ("text", "json_object", "json_schema"))
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    if not isinstance(wanted.get("name"), str):
        wrong("Missing required parameter: 'text.format.name'.", "text.format.name")
    return checked_schema("text.format.schema", wanted.get("schema"))


def _read_tools(tools: list[Any], choice: Any) -> tuple[Tool | None, bool, str | None]:
    """The function to call, whether a picture is made, and its size."""
    functions: list[Tool] = []
    drawing: dict[str, Any] | None = None
    for number, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "function":
            functions.append(_read_function(tool, f"tools[{number}]"))
        elif kind == _DRAWING:
            drawing = tool
        elif kind not in _HOSTED:
            wrong(f"Invalid value: {kind!r}.", f"tools[{number}].type", "invalid_value")
    if choice == "none":
        return None, False, None
    if isinstance(choice, dict) and choice.get("type") == "function":
        functions = [one for one in functions if one.name == choice.get("name")]
        if not functions:
            wrong("Tool choice is not one of 'tools'.", "tool_choice", "invalid_value")
        drawing = None
    elif isinstance(choice, dict) and choice.get("type") == _DRAWING and drawing is None:
        wrong("Tool choice 'image_generation' not found in 'tools'.", "tool_choice")
    size = drawing.get("size") if drawing is not None else None
    return (functions[0] if functions else None), drawing is not None, size


def _read_function(tool: dict[str, Any], place: str) -> Tool:
    if not isinstance(tool.get("name"), str):
        wrong(f"Missing required parameter: '{place}.name'.", f"{place}.name")
    if "parameters" not in tool:
        wrong(f"Missing required parameter: '{place}.parameters'.", f"{place}.parameters")
    parameters = checked_schema(f"{place}.parameters", tool["parameters"])
    return Tool(name=tool["name"], parameters=parameters)


# --- answers ----------------------------------------------------------------------------------


def _said(case: Case[ResponsesRequest]) -> ChatMessage:
    if case.fault in REFUSALS:
        return ChatMessage(message={"refusal": "I can't help with that."}, finish="refusal")
    return say(case.wanted, case.ask.sha, 0, (*case.seen, *case.wanted.files))


def _output(case: Case[ResponsesRequest], said: ChatMessage) -> Iterator[JSON]:
    """Reasoning first: nobody may count on the place of an item."""
    yield {"type": "reasoning", "id": f"rs_{case.call}", "summary": []}
    calls = said.message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        assert isinstance(call, dict)
        function = call["function"]
        assert isinstance(function, dict)
        yield {"type": "function_call", "call_id": call["id"], **function}
    if refusal := said.message.get("refusal"):
        yield _message(case.call, {"type": "refusal", "refusal": refusal})
    elif content := said.message.get("content"):
        yield _message(case.call, {"type": "output_text", "text": content, "annotations": []})


def _message(call: str, part: JSON) -> JSON:
    return {"type": "message", "id": f"msg_{call}", "role": "assistant", "content": [part]}


def _response(
    call: str,
    wanted: ResponsesRequest,
    output: list[JSON],
    status: str,
    *,
    said: ChatMessage | None = None,
) -> dict[str, JSON]:
    reason: JSON = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": f"resp_{call}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": reason,
        "model": wanted.model,
        "output": output,
        "service_tier": wanted.tier or "default",
        "usage": _usage(wanted, said) if said is not None else None,
    }


def _usage(wanted: ResponsesRequest, said: ChatMessage) -> JSON:
    counted = usage_of(wanted, (said,))
    return {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted["total_tokens"],
    }


def _items(whole: dict[str, JSON]) -> list[dict[str, JSON]]:
    output = whole["output"]
    return [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []


def _item_events(index: int, item: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    yield {"type": "response.output_item.added", "output_index": index}
    if item["type"] == "image_generation_call":
        yield {
            "type": "response.image_generation_call.partial_image",
            "partial_image_b64": "AAAA",
        }
    for text in _texts(item):
        for start in range(0, len(text), _PIECE):
            delta = text[start : start + _PIECE]
            yield {"type": "response.output_text.delta", "output_index": index, "delta": delta}


def _texts(item: dict[str, JSON]) -> Iterator[str]:
    content = item.get("content")
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield str(part["text"])


def _event(number: int, told: dict[str, JSON]) -> bytes:
    body = packed({**told, "sequence_number": number})
    return f"event: {told['type']}\ndata: ".encode() + body + b"\n\n"
