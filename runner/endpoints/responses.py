"""OpenAI's responses: text, structured output, tools and web search, and pictures by a tool."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import quote

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Result
from runner.endpoints.dialects.chat import cut_stream, text_failure
from runner.endpoints.dialects.input_files import FILE_HELP
from runner.endpoints.dialects.lane import LANE_HELP, Lane, check_lane
from runner.endpoints.dialects.pictures import no_picture
from runner.endpoints.dialects.responses import (
    Response,
    input_of,
    read_response,
    response_result,
    responses_call,
    status_failure,
    text_format,
    tool_choice_of,
    tools_of,
)
from runner.endpoints.dialects.structured import (
    Structured,
    check_schema,
    read_structured,
    schema_in,
)
from runner.endpoints.endpoint import Endpoint, Pending, Reading, Rejected, Ticket
from runner.endpoints.fields import attached_files, body_column, column
from runner.protocol.call import Call, Reply
from runner.protocol.errors import one_line
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.pictures import Attachment
from runner.protocol.task_life import TaskLife

_REASONING_MODEL = re.compile(r"(?:^|/)(?:o\d|gpt-[5-9])|think|reason", re.IGNORECASE)
_DRAWING_TOOL = "image_generation"
RUNNING_STATUSES = frozenset({"queued", "in_progress"})
POLL_TIMEOUT_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a responses row."""

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
    tools: list[JSON] | None = column(
        'tools, a JSON list: functions, or the service\'s own such as "web_search" and '
        '"image_generation"',
        default=None,
    )
    tool_choice: JSON = column(
        "none, auto, required, a tool's name, or a JSON object", default=None
    )
    temperature: float | None = column("0 exact to 2 wild", default=None, low=0, high=2)
    top_p: float | None = column(
        "share of likely words to choose from", default=None, low=0, high=1
    )
    max_output_tokens: int | None = column(
        "longest answer with its reasoning, in tokens", default=None, low=1
    )
    reasoning_effort: str | None = column("none, minimal, low, medium, high, …", default=None)
    verbosity: str | None = column("low, medium or high", default=None)
    store: bool | None = column(
        "have the service keep the answer; not kept where nothing is given",
        default=None,
        identity=False,
    )
    background: bool | None = column(
        "have the service work on it unwatched, and ask after it: for answers of many minutes",
        default=None,
        identity=False,
    )
    lane: Lane | None = column(LANE_HELP, default=None, identity=False)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/responses with the fields that are given; the `body` columns override them."""
    text = {
        "format": text_format(inputs.schema, inputs.response_format),
        "verbosity": inputs.verbosity,
    }
    effort = inputs.reasoning_effort
    body: dict[str, JSON] = {
        "model": inputs.model,
        "input": input_of(
            inputs.prompt, image=inputs.image, detail=inputs.detail, file=inputs.file
        ),
        "instructions": inputs.system,
        "stream": bool(inputs.stream) and not inputs.background,
        "background": inputs.background or None,
        "text": {name: value for name, value in text.items() if value is not None} or None,
        "tools": tools_of(inputs.tools),
        "tool_choice": tool_choice_of(inputs.tool_choice),
        "temperature": inputs.temperature,
        "top_p": inputs.top_p,
        "max_output_tokens": inputs.max_output_tokens,
        "reasoning": {"effort": effort} if effort is not None else None,
        "store": bool(inputs.store or inputs.background),  # only what is kept can be fetched
    }
    return responses_call(body, inputs.body, timeout=600.0 if _is_slow(inputs) else 300.0)


def _is_slow(inputs: Inputs) -> bool:
    """True if the model reasons, draws or searches before it answers."""
    asked = (inputs.reasoning_effort or "none").lower() != "none"
    return asked or bool(inputs.tools) or bool(_REASONING_MODEL.search(inputs.model))


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The text, the checked value, the tool calls or the pictures; anything else is a failure."""
    response = read_response(reply.text)
    if isinstance(response, Rejected):
        return response
    if response.completion.cut:
        return cut_stream(response.completion)
    if inputs.background and response.status in RUNNING_STATUSES and response.completion.id:
        return Ticket(id=response.completion.id)
    result = response_result(response)
    failure = _failure(inputs, response, result)
    if failure is not None:
        empty = not response.completion.choices and not result.pictures
        return Rejected(failure=failure, result=None if empty else result)
    if result.pictures or response.completion.first.tool_calls or not _wants_json(inputs):
        return result
    return _checked(inputs, result)


def _checked(inputs: Inputs, result: Result) -> Reading:
    """The result with its value, checked against the row's schema."""
    schema = schema_in(inputs.schema) if inputs.schema is not None else None
    match read_structured(result.text or "", schema):
        case Structured(value=value):
            return replace(result, data={**result.data, "structured": value})
        case Failure() as mismatch:
            return Rejected(failure=mismatch, result=result)


def poll(_: Inputs, ticket: str) -> Call:
    """GET an answer that is worked on in the background."""
    path = f"/v1/responses/{quote(ticket, safe='')}"
    return Call(path=path, method="GET", timeout=POLL_TIMEOUT_SECONDS)


def read_poll(inputs: Inputs, ticket: str, reply: Reply) -> Reading:
    """The answer once it has ended; until then its state. Anything else is no answer of ours."""
    value = decode(reply.text)
    if not isinstance(value, dict) or not value.get("status") or value.get("id") != ticket:
        detail = one_line(value.text if isinstance(value, Undecodable) else str(value))
        unknown = Failure(kind=FailureClass.STUCK, cause="task_unknown", detail=detail)
        return Rejected(failure=unknown)
    if value["status"] in RUNNING_STATUSES:
        return Pending(progress=str(value["status"]))
    return read(inputs, reply)


def life(_: Inputs, ticket: str) -> TaskLife:  # noqa: ARG001 - all answers live alike
    """How long an answer in the background is asked after."""
    return TaskLife(poll=5.0, limit=3 * 3600.0, kept=86_400.0)


def _failure(inputs: Inputs, response: Response, result: Result) -> Failure | None:
    """Why this is not the answer that was asked for; None if it is."""
    if failure := status_failure(response):
        return failure
    if _must_draw(inputs) and not result.pictures:
        return no_picture(result.text or "")
    if result.pictures:
        return None
    if not response.completion.choices:
        return Failure(kind=FailureClass.NO_RESULT, cause="empty_text")
    return text_failure(response.completion, result)


def _must_draw(inputs: Inputs) -> bool:
    """True if the row forces the tool that draws."""
    choice = tool_choice_of(inputs.tool_choice)
    return isinstance(choice, dict) and choice.get("type") == _DRAWING_TOOL


def _wants_json(inputs: Inputs) -> bool:
    wanted = text_format(inputs.schema, inputs.response_format)
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    return kind in ("json_object", "json_schema")


ENDPOINT = Endpoint(
    name="responses",
    summary="text out of text and pictures, in OpenAI's newer form; web search and drawing too",
    inputs=Inputs,
    build=build,
    read=read,
    poll=poll,
    read_poll=read_poll,
    life=life,
    rules={"schema": check_schema, "lane": check_lane},
    example={
        "model": "gpt-4o-mini",
        "prompt": "Two sentences about a foldable bamboo laptop stand.",
        "system": "You write short product copy.",
        "max_output_tokens": 400,
    },
)
