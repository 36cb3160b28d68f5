"""Builds OpenAI responses requests and parses their answers, as JSON or event stream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Result
from runner.endpoints.dialects.chat import (
    Completion,
    picture_address,
    rejected_error,
    result_of,
)
from runner.endpoints.dialects.completions import CompletionChoice, ToolCall, text_of
from runner.endpoints.dialects.input_files import responses_part
from runner.endpoints.dialects.open_reply import Payloads, Reader, open_answer
from runner.endpoints.dialects.pictures import distinct, picture_of
from runner.endpoints.dialects.structured import response_format
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Rejected
from runner.protocol.call import Call
from runner.protocol.errors import is_error, one_line
from runner.protocol.json_text import Undecodable
from runner.protocol.pictures import Attachment

PATH = "/v1/responses"
MAX_KEPT_SOURCES = 100  # of web and file search, in `result_data`
_WORD_CHOICES = frozenset({"none", "auto", "required"})
_HOSTED_TOOLS = frozenset(
    {
        *("image_generation", "web_search", "web_search_preview", "file_search"),
        *("code_interpreter", "mcp", "shell", "apply_patch"),
    }
)
"""Tools that the service runs itself; any other name is a function's."""

# --- requests ---------------------------------------------------------------------------------


def input_of(
    prompt: str,
    *,
    image: Sequence[Attachment],
    detail: str | None,
    file: Sequence[Attachment] = (),
) -> JSON:
    """The prompt alone, or one user message: the text, then its pictures and files."""
    if not image and not file:
        return prompt
    pictures: list[JSON] = [
        {"type": "input_image", "image_url": picture_address(one), "detail": detail or "auto"}
        for one in image
    ]
    attached = [*pictures, *map(responses_part, file)]
    return [{"role": "user", "content": [{"type": "input_text", "text": prompt}, *attached]}]


def text_format(schema: Mapping[str, JSON] | None, wanted: JSON) -> JSON:
    """`text.format`, flat: from a schema, a word, or chat's nested `response_format`."""
    found = response_format(schema) if schema is not None else wanted
    if isinstance(found, str):
        return {"type": found}
    inner = found.get("json_schema") if isinstance(found, dict) else None
    return {"type": "json_schema", **inner} if isinstance(inner, dict) else found


def tools_of(tools: Sequence[JSON] | None) -> list[JSON] | None:
    """The tools with flat functions, converted from chat's nested ones if needed."""
    return None if tools is None else [_tool(tool) for tool in tools]


def _tool(tool: JSON) -> JSON:
    if isinstance(tool, str):  # a hosted tool by its bare name
        return {"type": tool}
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        return tool
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    # chat's default is not strict, and this service's is: the tool keeps its meaning
    return {"type": "function", "strict": False, **function, "parameters": parameters}


def tool_choice_of(choice: JSON) -> JSON:
    """The tool choice, from a word, the name of a tool, or chat's nested object."""
    if isinstance(choice, dict) and isinstance(named := choice.get("function"), dict):
        return {"type": "function", "name": named.get("name")}
    if not isinstance(choice, str):
        return choice
    word = choice.strip()
    if word.lower() in _WORD_CHOICES:
        return word.lower()
    if word.lower() == "any":
        return "required"
    hosted = word.lower() in _HOSTED_TOOLS
    return {"type": word.lower()} if hosted else {"type": "function", "name": word}


def responses_call(
    body: Mapping[str, JSON], overrides: Mapping[str, JSON], *, timeout: float
) -> Call:
    """POST /v1/responses with the values that are not None; `overrides` come last."""
    sent = {name: value for name, value in body.items() if value is not None} | dict(overrides)
    return Call(path=PATH, json=sent, stream=sent.get("stream") is True, timeout=timeout)


# --- answers ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer in our own format. `incomplete` is why it ended early, if it did.

    `calls` holds the tools that the service ran, by type and status.
    """

    completion: Completion
    status: str = ""
    incomplete: str = ""
    images: tuple[str, ...] = field(default=(), repr=False)
    calls: tuple[JSON, ...] = ()
    sources: tuple[JSON, ...] = ()


def read_response(body: bytes) -> Response | Rejected:
    """The answer in a body of any format."""
    return open_answer(body, _READER)


def response_result(response: Response) -> Result:
    """The result that an answer contains, whether or not it is what was requested."""
    found = result_of(response.completion)
    data = dict(found.data)
    if response.sources:
        data["sources"] = list(response.sources)
    if response.calls:
        data["tools_run"] = list(response.calls)
    pictures = distinct(one for image in response.images if (one := picture_of(image)))
    return Result(
        text=found.text,
        finish=response.incomplete or response.status or None,
        model=found.model,
        usage=found.usage,
        pictures=pictures,
        data=data,
    )


def status_failure(response: Response) -> Failure | None:
    """Why an answer is not a complete one, by its own status; None if it is."""
    match response.status:
        case "completed" | "":
            return None
        case "incomplete" if response.incomplete == "content_filter":
            return Failure(kind=FailureClass.REFUSED, cause="content_filter")
        case "incomplete":
            return Failure(
                kind=FailureClass.TRUNCATED,
                cause="length",
                detail=f"it ended as {response.incomplete or 'incomplete'}",
            )
        case "cancelled":
            return Failure(kind=FailureClass.SERVER, cause="task_cancelled")
        case status:
            detail = one_line(f"it ended as {status!r}")
            return Failure(kind=FailureClass.SERVER, cause="finish_error", detail=detail)


# --- a whole answer -----------------------------------------------------------------------------


def _read_whole(value: Mapping[str, JSON]) -> Response:
    inner = value.get("response")
    if "output" not in value and isinstance(inner, dict):
        value = inner
    items = [item for item in _listed(value.get("output")) if isinstance(item, dict)]
    details = value.get("incomplete_details")
    choice = CompletionChoice(
        text=_text(items) or text_of(value.get("output_text")),
        refusal="\n".join(_texts(items, "refusal")),
        tool_calls=tuple(map(_tool_call, _of_type(items, "function_call"))),
    )
    made = [text_of(one.get("result")) for one in _of_type(items, "image_generation_call")]
    has_content = bool(items) or bool(choice.text)
    return Response(
        completion=Completion(
            choices=(choice,) if has_content else (),
            usage=read_usage(value.get("usage")),
            model=text_of(value.get("model")) or None,
            id=text_of(value.get("id")),
        ),
        status=text_of(value.get("status")).lower(),
        incomplete=text_of(details.get("reason")) if isinstance(details, dict) else "",
        images=tuple(one if one[:5] == "data:" else f"base64://{one}" for one in made if one),
        calls=tuple(map(_ran, (item for item in items if _is_tool_run(item)))),
        sources=tuple(_sources(items))[:MAX_KEPT_SOURCES],
    )


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _of_type(items: Sequence[Mapping[str, JSON]], kind: str) -> list[Mapping[str, JSON]]:
    return [item for item in items if item.get("type") == kind]


def _contents(items: Sequence[Mapping[str, JSON]]) -> Iterator[Mapping[str, JSON]]:
    """The parts of all messages; a message's content may also be a bare text."""
    for item in _of_type(items, "message"):
        content = item.get("content")
        if isinstance(content, str):
            yield {"type": "output_text", "text": content}
        yield from (part for part in _listed(content) if isinstance(part, dict))


def _text(items: Sequence[Mapping[str, JSON]]) -> str:
    kinds = ("output_text", "text")
    return "".join(
        text_of(part.get("text")) for part in _contents(items) if part.get("type") in kinds
    )


def _texts(items: Sequence[Mapping[str, JSON]], kind: str) -> Iterator[str]:
    for part in _contents(items):
        if part.get("type") == kind and (text := text_of(part.get(kind))):
            yield text


def _tool_call(item: Mapping[str, JSON]) -> ToolCall:
    return ToolCall(
        id=text_of(item.get("call_id")) or text_of(item.get("id")),
        name=text_of(item.get("name")),
        arguments=item.get("arguments") or "",
    )


def _is_tool_run(item: Mapping[str, JSON]) -> bool:
    kind = text_of(item.get("type"))
    return kind.endswith("_call") and kind != "function_call"


def _ran(item: Mapping[str, JSON]) -> JSON:
    return {"type": text_of(item.get("type")), "status": text_of(item.get("status"))}


def _sources(items: Sequence[Mapping[str, JSON]]) -> Iterator[JSON]:
    """What the annotations of the text cite."""
    seen = set[str]()
    for part in _contents(items):
        for one in _listed(part.get("annotations")):
            if not isinstance(one, dict):
                continue
            named = {
                name: value
                for name in ("url", "title", "filename", "file_id")
                if isinstance(value := one.get(name), str)
            }
            if named and str(named) not in seen:
                seen.add(str(named))
                yield dict(named)


# --- a stream of events ---------------------------------------------------------------------------

_TERMINAL_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed"})


def _read_stream(events: Payloads) -> Response | Rejected | None:
    """The answer that the terminal event carries; None if there were no events.

    Protocol fact: only the terminal event holds the whole answer, and no `[DONE]` is promised.
    """
    seen = False
    pieces: list[str] = []
    latest: Mapping[str, JSON] = {}
    for name, value in events:
        seen = True
        if isinstance(value, Undecodable) or not isinstance(value, dict):
            continue
        kind = text_of(value.get("type")) or name
        inner = value.get("response")
        if kind in _TERMINAL_EVENTS and isinstance(inner, dict):
            return _ended(inner)
        if kind == "error" or is_error(value):
            return rejected_error(value, _partial(pieces, latest).completion)
        if kind == "response.output_text.delta":
            pieces.append(text_of(value.get("delta")))
        if isinstance(inner, dict):
            latest = inner
        elif value.get("object") == "response":  # one whole answer sent as an event
            return _ended(value)
    return _partial(pieces, latest) if seen else None


def _ended(value: Mapping[str, JSON]) -> Response | Rejected:
    """The answer of a terminal event; one that failed is an error."""
    if value.get("error"):
        return rejected_error(dict(value), _read_whole(value).completion)
    return _read_whole(value)


def _partial(pieces: Sequence[str], latest: Mapping[str, JSON]) -> Response:
    choice = CompletionChoice(text="".join(pieces))
    completion = Completion(choices=(choice,), model=text_of(latest.get("model")) or None, cut=True)
    return Response(completion=completion)


_READER: Reader[Response] = Reader(
    stream=_read_stream,
    whole=_read_whole,
    error=lambda value: rejected_error(value, Completion()),
    cut=Response(completion=Completion(cut=True)),
)
"""Assembles an answer from one JSON object or from the events of a stream."""
