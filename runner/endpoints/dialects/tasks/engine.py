"""One engine for everything that is submitted and asked after: endpoints whose words are data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from jobs.job import JSON, Failure
from jobs.result import Result
from runner.endpoints.dialects.tasks.known import COLUMN, dialect_named, dialect_of
from runner.endpoints.dialects.tasks.reading import (
    differing,
    known_refusal,
    read_submit,
    read_task,
)
from runner.endpoints.dialects.tasks.template import Value, filled, form_parts, merged
from runner.endpoints.endpoint import Endpoint, Measure, Reading, Ticket
from runner.protocol.call import Call, Reply
from runner.protocol.task_dialect import AskWords, SubmitWords, TaskDialect
from runner.protocol.task_life import TaskLife

I = TypeVar("I")  # noqa: E741 - the inputs of one endpoint

SUBMIT_TIMEOUT_SECONDS = 120.0  # a gateway uploads the pictures before it answers
POLL_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What is to be known of an endpoint of tasks, as `Endpoint` has it."""

    summary: str
    usual_seconds: tuple[float, float]
    measured: Measure
    example: Mapping[str, JSON]


def task_endpoint(
    name: str,
    facts: TaskFacts,
    *,
    inputs: type[I],
    values: Callable[[I], Mapping[str, Value]] | None = None,
) -> Endpoint[I]:
    """An endpoint that speaks the dialect which its row, or else its provider, has.

    `values` are the names that templates may use, if they are more than the row's fields.
    """

    def build(row: I) -> Call:
        found = values_of(row) if values is None else values(row)
        return submit_call(_dialect(name, row), row, found)

    def read(row: I, reply: Reply) -> Reading:
        return read_task_submit(_dialect(name, row), reply)

    def refusal(row: I, reply: Reply) -> Failure | None:
        return known_refusal(_dialect(name, row), reply)

    def check_dialect(fields: Mapping[str, JSON]) -> None:
        dialect_of(name, str(fields[COLUMN]))

    return Endpoint(
        name=name,
        summary=facts.summary,
        inputs=inputs,
        build=build,
        read=read,
        refusal=refusal,
        same_key=lambda row: _dialect(name, row).same_key,
        pictures=True,
        usual_seconds=facts.usual_seconds,
        hold_in_doubt=True,
        measured=facts.measured,
        poll=partial(task_poll, name),
        read_poll=partial(read_task_poll, name),
        life=partial(task_life, name),
        rules={COLUMN: check_dialect},
        example=facts.example,
    )


def read_task_submit(dialect: TaskDialect, reply: Reply) -> Reading:
    """The ticket of a submit, which bears the name of its dialect."""
    reading = read_submit(dialect, reply)
    return _named(dialect, reading) if isinstance(reading, Ticket) else reading


def task_poll(name: str, row: Any, ticket: str) -> Call:
    """The question after the task of a ticket, in the words of its submit."""
    dialect, number, file = opened(name, row, ticket)
    return ask_call(dialect, row, number, file)


def read_task_poll(name: str, row: Any, ticket: str, reply: Reply) -> Reading:
    """What the answer to that question says."""
    dialect, number, file = opened(name, row, ticket)
    reading = read_task(dialect, number, reply, file=file)
    if isinstance(reading, Ticket):
        return _named(dialect, reading)
    return _compared(row, reading) if isinstance(reading, Result) else reading


def task_life(name: str, row: Any, ticket: str) -> TaskLife:
    """How often the task of a ticket is asked after, and how long."""
    return opened(name, row, ticket)[0].life


def _named(dialect: TaskDialect, ticket: Ticket) -> Ticket:
    return replace(ticket, id=f"{dialect.name}:{ticket.id}")


def _dialect(name: str, row: object) -> TaskDialect:
    return dialect_of(name, getattr(row, COLUMN))


def opened(name: str, row: object, ticket: str) -> tuple[TaskDialect, str, str]:
    """The dialect that a ticket was submitted in, the task's id, and the id of its file.

    A dialect that is no longer known leaves the row's own: asking in a wrong one costs nothing.
    """
    before, _, rest = ticket.partition(":")
    number, _, file = rest.partition("|")
    dialect = dialect_named(before)
    return dialect or _dialect(name, row), number, file


def submit_call(dialect: TaskDialect, row: Any, values: Mapping[str, Value]) -> Call:
    """POST a submit on a new connection, so that it is known whether it arrived."""
    submit = dialect.submit
    template = _template(submit, str(values.get("model") or ""))
    over: Mapping[str, JSON] = row.body
    call = Call(
        path=_path(submit, values),
        headers=dict(submit.headers),
        timeout=SUBMIT_TIMEOUT_SECONDS,
        fresh=True,
    )
    if submit.multipart:
        return replace(call, parts=form_parts(template, values, over))
    return replace(call, json=filled(template, values) | dict(over))


def ask_call(dialect: TaskDialect, row: Any, number: str, file: str) -> Call:
    """The question after a task, or after its file."""
    words = dialect.then if file and dialect.then is not None else dialect.ask
    asked, values = file or number, values_of(row)
    path = _path(words, values).replace("{id}", quote(asked, safe=""))
    call = Call(
        path=path.replace("{id:path}", _path_of(asked)),
        method=words.method,
        headers=dict(words.headers),
        timeout=POLL_TIMEOUT_SECONDS,
    )
    if words.method == "GET":
        return call
    return replace(call, json=filled(words.body, {**values, "id": asked}))


def values_of(row: Any) -> dict[str, Value]:
    """The fields of a row by name, as templates use them.

    One picture, or the first beside a last one, is `first_image`; several are `references`.
    """
    found = {item.name: getattr(row, item.name) for item in fields_of(row) if item.name != "body"}
    pictures = found.get("image") or ()
    is_first = len(pictures) == 1 or bool(found.get("last_image"))
    return {
        **found,
        "first_image": pictures[:1] if is_first else (),
        "references": () if is_first else pictures,
    }


def _template(submit: SubmitWords, model: str) -> Mapping[str, JSON]:
    template: Mapping[str, JSON] = submit.body
    for part, extra in submit.extra.items():
        if part.lower() in model.lower():
            template = merged(template, extra)
    return template


def _path_of(identity: str) -> str:
    """An id that is a path, as part of another; it cannot leave its place."""
    parts = (part for part in identity.split("/") if part not in ("", ".", ".."))
    return "/".join(quote(part, safe="") for part in parts)


def _path(words: SubmitWords | AskWords, values: Mapping[str, Value]) -> str:
    """The path for what the row has: no picture, one, a first and a last one, or several."""
    pictures = values.get("image")
    count = len(pictures) if isinstance(pictures, tuple) else 0
    kinds: tuple[str, ...] = ()
    if count and values.get("last_image"):
        kinds = ("first_last", "image")
    elif count > 1:
        kinds = ("several", "image")
    elif count:
        kinds = ("image",)
    found = next((words.paths[kind] for kind in kinds if kind in words.paths), words.path)
    model = str(values.get("model") or "")
    return found.replace("{model}", quote(model, safe="")).replace("{model:path}", _path_of(model))


def _compared(row: Any, result: Result) -> Result:
    """The result with what was made otherwise than the row asked for."""
    asked = {name: getattr(row, name, None) for name in ("seconds", "size", "aspect_ratio")}
    found = differing(asked, result.data)
    return replace(result, data={**result.data, "differs": found}) if found else result
