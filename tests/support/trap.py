"""A trap: a gateway's answers and the required end of the row; and parts of answers."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.support.trap_server import Asked, Injected, picture

REQUEST_ID = "(request id: 20261123013000111222333abcdEFGH)"
HERE = "http://127.0.0.1:{port}"
"""A placeholder for the server's own address in an answer."""
QUICKLY = {"Retry-After": "0.2"}
JSON_TYPE = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream"}
PNG = base64.b64encode(picture()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """One trap: `answers` in turn (the last one repeats), `wire` the classes of the calls.

    `status` and `kind` are the row's end; `text` is part of its text, `files` their number; `sent`
    must be true of the last request. `exit_code` is the run's.
    """

    number: int
    name: str
    answers: tuple[Injected, ...]
    wire: str
    status: str = "done"
    kind: str = ""
    endpoint: str = "chat"
    model: str = "m-1"
    cells: Mapping[str, str] = field(default_factory=dict)
    polls: tuple[Injected, ...] = ()
    models: Injected | None = None
    settings: str = ""
    base: str = ""  # a suffix of the base URL
    text: str | None = None
    files: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    sent: Callable[[Asked], bool] = lambda asked: True
    exit_code: int | None = None

    @property
    def id(self) -> str:
        """The test id."""
        return f"{self.number:02}-{self.name.replace(' ', '-')}"

    @property
    def ends_with(self) -> int:
        """The run's exit code."""
        if self.exit_code is not None:
            return self.exit_code
        return 0 if self.status == "done" else 4


def answer(
    value: object,
    status: int = 200,
    *,
    free: bool | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Injected:
    """A JSON answer; refusals are free unless said otherwise."""
    return raw(json.dumps(value, ensure_ascii=False), status, free=free, headers=headers)


def raw(
    text: str,
    status: int = 200,
    *,
    free: bool | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Injected:
    """An answer of any text."""
    return Injected(
        status=status,
        body=text.encode(),
        headers={**JSON_TYPE, **headers},
        free=status >= 300 if free is None else free,
    )


def refusal(
    status: int,
    message: str = "",
    code: object = None,
    kind: str = "new_api_error",
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Injected:
    """An OpenAI-shaped error; New API's carry a request id."""
    told = f"{message} {REQUEST_ID}" if kind == "new_api_error" else message
    error = {"message": told, "type": kind, "param": None, "code": code}
    return answer({"error": error}, status, free=True, headers=headers)


def chat(content: object, *, finish: str | None = "stop", **message: object) -> Injected:
    """A chat answer."""
    return answer(completion(content, finish=finish, **message))


def completion(
    content: object, *, finish: str | None = "stop", **message: object
) -> dict[str, object]:
    """A chat answer's body."""
    return {
        "id": "chatcmpl-t",
        "object": "chat.completion",
        "created": 1764000000,
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def stream(*events: object, done: bool = True, head: str = "") -> Injected:
    """Server-sent events; text goes out as it is, all else as JSON."""
    lines = [one if isinstance(one, str) else f"data: {json.dumps(one)}\n\n" for one in events]
    text = head + "".join(lines) + ("data: [DONE]\n\n" if done else "")
    return Injected(body=text.encode(), headers=EVENTS)


def piece(
    content: str | None = None, finish: str | None = None, **delta: object
) -> dict[str, object]:
    """One chunk of a streamed chat."""
    told = delta if content is None else {"content": content, **delta}
    choice = {"index": 0, "delta": told, "finish_reason": finish}
    return {"id": "s", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice]}


def message(event: str, **values: object) -> str:
    """One named event of Anthropic's."""
    return f"event: {event}\ndata: {json.dumps({'type': event, **values})}\n\n"


def task(status: str, **more: object) -> Injected:
    """A Midjourney task's record."""
    record = {"id": "77", "action": "IMAGINE", "status": status, "progress": "", "imageUrl": ""}
    return answer({**record, "failReason": "", **more}, headers=QUICKLY)


def submitted(result: object = "77", code: object = 1, **more: object) -> Injected:
    """The answer to a submit."""
    told = {"code": code, "description": "提交成功", "result": result, "properties": {}, **more}
    return answer(told, headers=QUICKLY)


GOOD = chat("hello")
OK_PICTURE = chat(f"![a]({HERE}/files/a.png)")
OK_TASK = task("SUCCESS", progress="100%", imageUrl=f"{HERE}/files/grid.png")
STREAMED = {"stream": "true"}
HTML = "<!doctype html><html><head><title>Console</title></head><body></body></html>"
CLOUDFLARE = "<!DOCTYPE html><html><head><title>x | 524: A timeout occurred</title></head></html>"
SCHEMA = json.dumps(
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
)
TOOLS = json.dumps([{"type": "function", "function": {"name": "warm", "parameters": {}}}])


def says(name: str, value: object) -> Callable[[Asked], bool]:
    """A check that the request's body contains this."""
    return lambda asked: asked.json.get(name) == value


def lacks(*names: str) -> Callable[[Asked], bool]:
    """A check that the request's body lacks these."""
    return lambda asked: not set(names) & set(asked.json)


def tool(index: int | None, arguments: str, **more: object) -> dict[str, object]:
    """A fragment of a tool call."""
    call: dict[str, object] = {"function": {"arguments": arguments, **more}}
    if index is not None:
        call["index"] = index
    if more:
        call["id"] = f"call_{index}"
    return piece(tool_calls=[call])
