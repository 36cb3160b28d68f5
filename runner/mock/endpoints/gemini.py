"""POST /v1beta/models/MODEL:generateContent of the mock: Gemini's own form, as strict as Google."""

import base64
import json
import re
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from jobs.job import JSON
from runner.mock.case import CUT_SHORT, REFUSALS, Case
from runner.mock.endpoints.chat_replies import ChatMessage, packed, say, usage_of
from runner.mock.endpoints.chat_request import DrawingRequest, Tool
from runner.mock.endpoints.input_files import checked_data
from runner.mock.error_replies import Canned
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

_PATH = re.compile(r"/v1beta/models/([^/:]+):(generateContent|streamGenerateContent)")
_TYPES: dict[str, tuple[type, ...]] = {
    "contents": (list,),
    "systemInstruction": (dict,),
    "generationConfig": (dict,),
    "tools": (list,),
    "toolConfig": (dict,),
    "safetySettings": (list,),
    "cachedContent": (str,),
    "serviceTier": (str,),
    "service_tier": (str,),
    "labels": (dict,),
}
_CONFIG_TYPES: dict[str, tuple[type, ...]] = {
    "temperature": (int, float),
    "topP": (int, float),
    "topK": (int,),
    "candidateCount": (int,),
    "maxOutputTokens": (int,),
    "stopSequences": (list,),
    "seed": (int,),
    "responseMimeType": (str,),
    "responseSchema": (dict,),
    "responseJsonSchema": (dict,),
    "responseModalities": (list,),
    "imageConfig": (dict,),
    "thinkingConfig": (dict,),
    "speechConfig": (dict,),
    "presencePenalty": (int, float),
    "frequencyPenalty": (int, float),
}
_RANGES = {"temperature": (0, 2), "topP": (0, 1), "candidateCount": (1, 8)}
_MODALITIES = ("TEXT", "IMAGE", "AUDIO")
_SIZES = {"1K": 1, "2K": 2, "4K": 4}
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_TOOLS = ("functionDeclarations", "googleSearch", "urlContext", "codeExecution", "googleMaps")
_PIECE = 12  # characters of text per event


def route_of(path: str) -> str:
    """The path under which the gateway knows this endpoint; other paths stay as they are."""
    return GeminiEndpoint.path if _PATH.fullmatch(path) else path


class GeminiEndpoint:
    """Gemini's own endpoint of one gateway."""

    path = "/v1beta/models/*:generateContent"

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        self._easel = PictureLinks(settings, base_url)

    async def read(self, http: web.BaseRequest) -> DrawingRequest | InvalidRequest:
        """The request, or the first error in it."""
        found = _PATH.fullmatch(http.path)
        assert found is not None
        stream = found[2] == "streamGenerateContent"
        try:
            given = parsed(await http.content.read())
            if stream and http.query.get("alt") != "sse":
                wrong("The mock streams with alt=sse only.")
            return _read(given, unquote(found[1]), stream=stream)
        except InvalidRequestError as error:
            return error.problem

    def look(self, wanted: DrawingRequest) -> tuple[str, ...] | InvalidRequest:
        """A description of its pictures."""
        found = [look(url) for url in wanted.images]
        problem = next((one for one in found if isinstance(one, InvalidRequest)), None)
        return problem or tuple(str(one) for one in found)

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell the call
        """The error body for a wrong request."""
        return google_error(400, "INVALID_ARGUMENT", problem.message)

    def canned(self, fault: Fault, call: str, wanted: DrawingRequest) -> Canned | None:
        """The faults that Google words in its own way."""
        match fault:
            case Fault.EMPTY_CHOICES:
                return Canned(status=200, body=packed(_answer(call, wanted, [], None)))
            case Fault.LIMIT:
                told = "Resource has been exhausted (e.g. check quota)."
                kind = "type.googleapis.com/google.rpc.RetryInfo"
                return google_error(
                    429, "RESOURCE_EXHAUSTED", told, details=[{"@type": kind, "retryDelay": "0.3s"}]
                )
            case Fault.UNAVAILABLE:
                return google_error(503, "UNAVAILABLE", "The model is overloaded.")
            case _:
                return None

    def is_slow(self, case: Case[DrawingRequest]) -> bool:
        """True if building this answer would block the event loop."""
        return case.wanted.draws

    def body(self, case: Case[DrawingRequest]) -> bytes:
        """The answer as one JSON body."""
        return packed(self._whole(case))

    def events(self, case: Case[DrawingRequest]) -> list[bytes]:
        """The answer as a stream, up to the point of the fault; it has no end mark."""
        wanted = case.wanted
        if case.fault in REFUSALS:
            return [_event(_blocked(wanted))]
        said, parts, finish = self._spoken(case)
        chunks = [
            _answer(case.call, wanted, [piece], None) for part in parts for piece in _pieces(part)
        ]
        coded = [*map(_event, chunks), _event(_answer(case.call, wanted, [], finish, said=said))]
        return coded[: len(coded) // 2] if case.fault in CUT_SHORT else coded

    def _whole(self, case: Case[DrawingRequest]) -> dict[str, JSON]:
        if case.fault in REFUSALS:
            return _blocked(case.wanted)
        said, parts, finish = self._spoken(case)
        return _answer(case.call, case.wanted, parts, finish, said=said)

    def _spoken(self, case: Case[DrawingRequest]) -> tuple[ChatMessage, list[JSON], str]:
        """What is said, its parts with the picture, and why it ended."""
        wanted = case.wanted
        said = say(wanted, case.ask.sha, 0, (*case.seen, *wanted.files))
        parts = _parts(said)
        if wanted.draws:
            drawn = draw(self._easel.picture(case.ask, 1, wanted.size), "PNG")
            coded = base64.b64encode(drawn).decode("ascii")
            parts.append({"inlineData": {"mimeType": "image/png", "data": coded}})
        return said, parts, "MAX_TOKENS" if said.finish == "length" else "STOP"


def google_error(
    status: int, word: str, message: str, *, details: list[JSON] | None = None
) -> Canned:
    """An error in Google's shape."""
    error: dict[str, JSON] = {"code": status, "message": message, "status": word}
    if details:
        error["details"] = details
    return Canned(status=status, body=packed({"error": error}))


# --- requests ---------------------------------------------------------------------------------


def _read(given: Fields, model: str, *, stream: bool) -> DrawingRequest:
    for name, value in given.items():
        if name not in _TYPES:
            wrong(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
        check_type(name, value, _TYPES[name])
    if not given.get("contents"):
        wrong("* GenerateContentRequest.contents: contents is not specified")
    images, files = list[str](), list[str]()
    prompt = ""
    for number, turn in enumerate(given["contents"]):
        prompt = _read_turn(turn, f"contents[{number}]", images, files)
    system = _read_turn(given.get("systemInstruction", {"parts": [{"text": ""}]}), "system", [], [])
    config = _read_config(given.get("generationConfig", {}))
    draws = "IMAGE" in config.get("responseModalities", ())
    counted = len((prompt + system).encode("utf-8", "replace")) // 4 + 4
    return DrawingRequest(
        model=model,
        prompt=prompt,
        tokens=counted + 258 * len(images) + 258 * len(files),
        images=tuple(images),
        files=tuple(files),
        stream=stream,
        max_tokens=config.get("maxOutputTokens"),
        schema=_read_schema(config),
        tool=_read_tools(given.get("tools", []), given.get("toolConfig", {})),
        draws=draws,
        size=_picture_sides(config.get("imageConfig", {})),
        tier=given.get("service_tier", given.get("serviceTier", "")),
    )


def _read_turn(turn: Any, place: str, images: list[str], files: list[str]) -> str:
    if not isinstance(turn, dict) or turn.get("role", "user") not in ("user", "model"):
        wrong(f"Please use a valid role: user, model ({place}).")
    parts = turn.get("parts")
    if not isinstance(parts, list) or not parts:
        wrong(f"* {place}.parts: must not be empty.")
    return "\n".join(
        filter(None, (_read_part(part, f"{place}.parts", images, files) for part in parts))
    )


def _read_part(part: Any, place: str, images: list[str], files: list[str]) -> str:
    match part:
        case {"text": str(text), **rest} if not rest:
            return text
        case {"inlineData": {"mimeType": str(kind), "data": str(data)}}:
            if kind.startswith("image/"):
                images.append(f"data:{kind};base64,{data}")
            else:
                files.append(checked_data(data, place, kind))
        case {"fileData": {"fileUri": str(), "mimeType": str(kind)}}:
            (images if kind.startswith("image/") else files).append("https://elsewhere")
        case _:
            wrong(f"* {place}: required oneof field 'data' must have one initialized field")
    return ""


def _read_config(config: Fields) -> Fields:
    for name, value in config.items():
        if name not in _CONFIG_TYPES:
            wrong(f"Unknown name \"{name}\" at 'generation_config': Cannot find field.")
        check_type(f"generationConfig.{name}", value, _CONFIG_TYPES[name])
    for name, (low, high) in _RANGES.items():
        if name in config:
            check_range(name, config[name], low, high)
    for word in config.get("responseModalities", ()):
        check_one_of("responseModalities", word, _MODALITIES)
    return config


def _read_schema(config: Fields) -> Any:
    given = config.get("responseJsonSchema", config.get("responseSchema"))
    if given is not None and config.get("responseMimeType") != "application/json":
        wrong("responseMimeType must be application/json for a response schema.")
    if given is not None:
        return checked_schema("generationConfig.responseJsonSchema", given)
    if config.get("responseMimeType") == "application/json":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    return None


def _picture_sides(config: Fields) -> str | None:
    check_one_of("imageConfig.imageSize", config.get("imageSize", "1K"), tuple(_SIZES))
    ratio = config.get("aspectRatio")
    if ratio is not None:
        check_one_of("imageConfig.aspectRatio", ratio, _RATIOS)
    return str(ratio) if ratio is not None else None


def _read_tools(tools: list[Any], config: Fields) -> Tool | None:
    found: list[Tool] = []
    for tool in tools:
        if not isinstance(tool, dict) or not all(name in _TOOLS for name in tool):
            wrong("Unknown name at 'tools[0]': Cannot find field.")
        for one in tool.get("functionDeclarations", ()):
            if not isinstance(one, dict) or not isinstance(one.get("name"), str):
                wrong("* tools.function_declarations: name is required")
            schema = one.get("parametersJsonSchema", one.get("parameters", {"type": "object"}))
            found.append(Tool(name=one["name"], parameters=checked_schema("parameters", schema)))
    calling = config.get("functionCallingConfig", {})
    check_one_of("mode", calling.get("mode", "AUTO"), ("AUTO", "ANY", "NONE", "VALIDATED"))
    allowed = calling.get("allowedFunctionNames")
    if allowed:
        found = [tool for tool in found if tool.name in allowed]
        if not found:
            wrong("allowed_function_names names no declared function.")
    return found[0] if found and calling.get("mode") != "NONE" else None


# --- answers ----------------------------------------------------------------------------------


def _blocked(wanted: DrawingRequest) -> dict[str, JSON]:
    """A prompt that was blocked: 200 without candidates."""
    return {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": wanted.tokens, "totalTokenCount": wanted.tokens},
        "modelVersion": wanted.model,
    }


def _parts(said: ChatMessage) -> list[JSON]:
    """A thought first, which is not the answer."""
    parts: list[JSON] = [{"text": "Let me think.", "thought": True}]
    calls = said.message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        assert isinstance(call, dict)
        function = call["function"]
        assert isinstance(function, dict)
        arguments: JSON = json.loads(str(function["arguments"]))
        parts.append({"functionCall": {"name": function["name"], "args": arguments}})
    if content := said.message.get("content"):
        parts.append({"text": content})
    return parts


def _answer(
    call: str,
    wanted: DrawingRequest,
    parts: list[JSON],
    finish: str | None,
    *,
    said: ChatMessage | None = None,
) -> dict[str, JSON]:
    candidate: dict[str, JSON] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    body: dict[str, JSON] = {
        "candidates": [candidate] if parts or finish else [],
        "modelVersion": wanted.model,
        "responseId": call,
    }
    if said is not None:
        body["usageMetadata"] = _usage(wanted, said)
    return body


def _usage(wanted: DrawingRequest, said: ChatMessage) -> JSON:
    counted = usage_of(wanted, (said,))
    prompt, out = int(str(counted["prompt_tokens"])), int(str(counted["completion_tokens"]))
    found: dict[str, JSON] = {"promptTokenCount": prompt, "candidatesTokenCount": out}
    found |= {"thoughtsTokenCount": 5, "totalTokenCount": prompt + out + 5}
    if wanted.tier:
        found["serviceTier"] = wanted.tier
    return found


def _pieces(part: JSON) -> list[JSON]:
    """A long text in pieces, anything else as it is."""
    text = part.get("text") if isinstance(part, dict) else None
    if not isinstance(text, str) or not isinstance(part, dict):
        return [part]
    return [{**part, "text": text[at : at + _PIECE]} for at in range(0, len(text), _PIECE)]


def _event(chunk: dict[str, JSON]) -> bytes:
    return b"data: " + packed(chunk) + b"\r\n\r\n"
