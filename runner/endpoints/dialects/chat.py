"""Builds chat requests and parses chat completions, as one JSON object or as an event stream."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Result, Usage
from runner.endpoints.dialects.completions import (
    ChoiceDraft,
    CompletionChoice,
    ToolCall,
    drafted,
    text_of,
)
from runner.endpoints.dialects.input_files import chat_part
from runner.endpoints.dialects.open_reply import Payloads, Reader, open_answer
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Rejected
from runner.protocol.call import Call
from runner.protocol.errors import is_error, one_line, reports_error_beside
from runner.protocol.json_text import Undecodable, decode_alone
from runner.protocol.pictures import Attachment
from runner.protocol.verdict import classify_error

MAX_PARTIAL_CHARACTERS = 20_000
"""Characters of a broken stream that are kept for inspection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A chat completion in our own format.

    `cut`: its stream ended without a finish reason. `error`: the error that the answer reports in
    addition to its choices. `others`: its members under unknown names.
    """

    choices: tuple[CompletionChoice, ...] = ()
    usage: Usage | None = None
    model: str | None = None
    id: str = ""
    data: JSON = None  # the images-style list that some gateways send instead of choices
    cut: bool = False
    error: JSON = None
    others: tuple[JSON, ...] = ()

    @property
    def first(self) -> CompletionChoice:
        """The first usable choice, or else the first choice."""
        if len(self.choices) == 1:
            return self.choices[0]
        usable = (choice for choice in self.choices if is_good(choice))
        return next(usable, self.choices[0] if self.choices else CompletionChoice())


# --- requests ---------------------------------------------------------------------------------


def messages(
    prompt: str,
    *,
    system: str | None,
    image: tuple[Attachment, ...],
    detail: str | None,
    file: tuple[Attachment, ...] = (),
) -> list[JSON]:
    """The messages of one row: an optional system text, then the prompt with what is attached."""
    content: JSON = prompt
    if image or file:
        attached = [*(_picture(item, detail) for item in image), *map(chat_part, file)]
        content = [{"type": "text", "text": prompt}, *attached]
    conversation: list[JSON] = [{"role": "user", "content": content}]
    return [{"role": "system", "content": system}, *conversation] if system else conversation


def _picture(item: Attachment, detail: str | None) -> JSON:
    address: dict[str, JSON] = {"url": picture_address(item)}
    return {"type": "image_url", "image_url": address | ({"detail": detail} if detail else {})}


def picture_address(item: Attachment) -> str:
    """The picture as the provider gets it: its URL, or the file as a data URI."""
    if item.data is None:
        return item.url or ""
    coded = base64.b64encode(item.data).decode("ascii")
    return f"data:{item.media_type or 'image/png'};base64,{coded}"


def tool_choice_of(choice: JSON) -> JSON:
    """The tool choice in OpenAI's format: the name of a tool becomes an object."""
    if not isinstance(choice, str):
        return choice
    word = choice.strip()
    known = {"none": "none", "auto": "auto", "required": "required", "any": "required"}
    named: dict[str, JSON] = {"type": "function", "function": {"name": word}}
    return known.get(word.lower(), named) if word else None


def completion_call(
    body: Mapping[str, JSON], overrides: Mapping[str, JSON], *, timeout: float
) -> Call:
    """POST /v1/chat/completions with the values that are not None; `overrides` come last."""
    sent = {name: value for name, value in body.items() if value is not None} | dict(overrides)
    streamed = sent.get("stream") is True
    if streamed:  # New API drops the usage of a stream unless it is requested
        sent.setdefault("stream_options", {"include_usage": True})
    return Call(path="/v1/chat/completions", json=sent, stream=streamed, timeout=timeout)


# --- answers ----------------------------------------------------------------------------------


def read_completion(body: bytes) -> Completion | Rejected:
    """The completion in a body of any format."""
    return open_answer(body, _READER)


def rejected_error(value: JSON, so_far: Completion) -> Rejected:
    """An error inside a 2xx answer, classified as if it had come with an error status."""
    failure = classify_error(value).failure or Failure(kind=FailureClass.SERVER, cause="unknown")
    return Rejected(failure=failure, result=_partial(so_far))


def _partial(completion: Completion) -> Result | None:
    text = completion.first.text
    if not text and completion.usage is None:
        return None
    data: dict[str, JSON] = {"partial": text[:MAX_PARTIAL_CHARACTERS]} if text else {}
    return Result(usage=completion.usage, model=completion.model, data=data)


def cut_stream(completion: Completion) -> Rejected:
    """The failure of a stream that broke off. It may be billed in full; the part that came is kept.

    Protocol fact: New API sends [DONE] even after an upstream abort, so the mark proves nothing.
    """
    detail = f"the stream ended after {len(completion.first.text)} characters without finish_reason"
    if completion.choices and all(choice.finish for choice in completion.choices):
        detail = "an event of the stream cannot be read"
    failure = Failure(kind=FailureClass.NETWORK, cause="cut_stream", detail=detail)
    return Rejected(failure=failure, result=_partial(completion))


def result_of(completion: Completion) -> Result:
    """The result that a completion contains, whether or not it is what was requested."""
    first = completion.first
    data: dict[str, JSON] = {}
    if first.tool_calls:
        data["tool_calls"] = [_arguments(call) for call in first.tool_calls]
    if len(completion.choices) > 1:
        data["texts"] = [choice.text for choice in completion.choices]
        usable = sum(map(is_good, completion.choices))
        if 0 < usable < len(completion.choices):
            data["notes"] = [f"{usable} of {len(completion.choices)} answers are usable"]
    return Result(
        text=first.text or first.refusal or None,
        finish=first.finish,
        model=completion.model,
        usage=completion.usage,
        data=data,
    )


def text_failure(completion: Completion, result: Result) -> Failure | None:
    """Why a completion is not a valid text or tool call; None if it is."""
    if ended := finish_failure(completion):
        return ended
    calls = completion.first.tool_calls
    for call in calls:
        if isinstance(call.arguments, str) and _arguments(call).get("raw") is not None:
            detail = f"{call.name}: the arguments are not valid JSON"
            return Failure(kind=FailureClass.SCHEMA, cause="tool_arguments", detail=detail)
    if calls or (result.text or "").strip():
        return None
    return Failure(kind=FailureClass.NO_RESULT, cause="empty_text")


def read_text(completion: Completion | Rejected) -> tuple[Completion, Result] | Rejected:
    """A completion with its result, or the reason why it is neither text nor a tool call."""
    if isinstance(completion, Rejected):
        return completion
    if completion.cut:
        return cut_stream(completion)
    result = result_of(completion)
    if failure := text_failure(completion, result):
        return Rejected(failure=failure, result=result if completion.choices else None)
    return completion, result


def _arguments(call: ToolCall) -> dict[str, JSON]:
    shown: dict[str, JSON] = {"id": call.id, "name": call.name}
    if not isinstance(call.arguments, str):
        return {**shown, "arguments": call.arguments}
    if not call.arguments.strip():  # a tool without parameters
        return {**shown, "arguments": {}}
    value = decode_alone(call.arguments)
    if isinstance(value, Undecodable):
        return {**shown, "raw": call.arguments, "note": "the arguments are not valid JSON"}
    return {**shown, "arguments": value}


_GOOD_FINISH_REASONS = frozenset(
    {
        *("stop", "end_turn", "stop_sequence", "tool_calls", "tool_use", "function_call", "eos"),
        *("eos_token", "stop_token", "end", "ended", "finish", "finished", "complete", "completed"),
        *("done", "success", "succeeded", "normal", "stop_reason_unspecified", "finish_stop"),
    }
)
"""Finish reasons of a complete answer; an answer without a finish reason is accepted."""
_CAUSE_BY_TRUNCATION = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "max_output": "length",
    "max_length": "length",
    "model_length": "length",
    "model_context_window_exceeded": "context_window",
    "context_length_exceeded": "context_window",
    "pause_turn": "pause_turn",  # a tool of the provider needs another turn
}
"""Finish reasons of a truncated answer, with the cause that is reported."""
_FILTER_FINISH_REASONS = frozenset(
    {
        *("content_filter", "content_filtered", "safety", "prohibited_content", "sensitive"),
        *("refusal", "blocklist", "spii", "recitation", "image_safety", "guardrail_intervened"),
        *("error_toxic", "image_prohibited_content", "image_recitation"),
    }
)


def is_good(choice: CompletionChoice) -> bool:
    """True if a choice ended normally and has content."""
    says = choice.text.strip() or choice.tool_calls or choice.images or choice.parts
    return bool(says) and ending_failure(choice) is None


def finish_failure(completion: Completion) -> Failure | None:
    """Why this completion is not a valid answer, by its error or ending; None if it is."""
    if completion.error is not None:
        return rejected_error(completion.error, Completion()).failure
    if not completion.choices:
        return Failure(kind=FailureClass.NO_RESULT, cause="no_choices")
    return ending_failure(completion.first)


def ending_failure(choice: CompletionChoice) -> Failure | None:
    """Why a choice is not a valid answer, or None: only known good endings are accepted.

    An error or refusal in the choice counts before its finish reason.
    """
    if choice.error is not None:
        return rejected_error({"error": choice.error}, Completion()).failure
    if choice.refusal:
        return Failure(kind=FailureClass.REFUSED, cause="refusal", detail=one_line(choice.refusal))
    finish = (choice.finish or "").lower()
    if not finish or finish in _GOOD_FINISH_REASONS:
        return None
    if finish in _CAUSE_BY_TRUNCATION:
        return Failure(kind=FailureClass.TRUNCATED, cause=_CAUSE_BY_TRUNCATION[finish])
    if finish in _FILTER_FINISH_REASONS:
        kind, cause = FailureClass.REFUSED, "content_filter"
    else:
        kind, cause = FailureClass.SERVER, "finish_error"
    message = choice.text if finish == "error" or kind is FailureClass.REFUSED else ""
    detail = message or f"it ended as {choice.finish!r}: {choice.text}"
    return Failure(kind=kind, cause=cause, detail=one_line(detail))


# --- a whole completion -------------------------------------------------------------------------


_WRAPPER_NAMES = ("data", "output", "result", "response", "body", "completion")
_KNOWN_MEMBERS = frozenset(
    {"choices", "usage", "model", "id", "data", "object", "created", "system_fingerprint", "error"}
)


def _read_whole(value: Mapping[str, JSON]) -> Completion:
    choices = _choices(value)
    if not choices:
        value = {**value, **_wrapped(value)}
        choices = _choices(value)
    return Completion(
        choices=tuple(map(drafted, choices)),
        usage=read_usage(value.get("usage")),
        model=text_of(value.get("model")) or None,
        id=text_of(value.get("id")),
        data=value.get("data"),
        error=dict(value) if reports_error_beside(value) else None,
        others=_others(value),
    )


def _others(value: Mapping[str, JSON]) -> tuple[JSON, ...]:
    """The members under unknown names that hold something."""
    if value.keys() <= _KNOWN_MEMBERS:
        return ()
    return tuple(
        {name: item} for name, item in value.items() if name not in _KNOWN_MEMBERS and item
    )


def _wrapped(value: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The completion that a gateway put into a member of its own answer; empty if there is none."""
    for name in _WRAPPER_NAMES:
        inner = value.get(name)
        if isinstance(inner, dict) and _choices(inner):
            return inner
    return {}


def _choices(value: Mapping[str, JSON]) -> list[Mapping[str, JSON]]:
    found = value.get("choices")
    listed = found if isinstance(found, list) else [found]
    return [item for item in listed if isinstance(item, dict) and item]


# --- a stream of chunks ---------------------------------------------------------------------------


def _read_stream(events: Payloads) -> Completion | Rejected | None:
    """The completion that the chunks add up to; None if there were no chunks."""
    drafts: dict[int, ChoiceDraft] = {}
    seen, broken = False, False
    usage: Usage | None = None
    model, name, data = "", "", None
    for _, value in events:
        seen = True
        if not isinstance(value, dict):
            ended = bool(drafts) and all(draft.finish for draft in drafts.values())
            lost = isinstance(value, Undecodable) and value.text.lstrip().startswith("{")
            broken |= lost and not ended
            continue
        if is_error(value) or reports_error_beside(value):
            return rejected_error(value, _gathered(drafts, usage, model))
        usage = _latest_usage(usage, value)
        model = text_of(value.get("model")) or model
        name = name or text_of(value.get("id"))
        data = value.get("data") or data
        for place, item in enumerate(_choices(value)):
            drafts.setdefault(_index(item, place), ChoiceDraft()).add(item)
    if not seen:
        return None
    whole = _gathered(drafts, usage, model)
    ended = bool(whole.choices) and all(choice.finish for choice in whole.choices)
    cut = broken or not (ended or (data and not drafts))
    return Completion(
        choices=whole.choices, usage=usage, model=model or None, id=name, data=data, cut=cut
    )


def _gathered(drafts: Mapping[int, ChoiceDraft], usage: Usage | None, model: str) -> Completion:
    choices = tuple(drafts[index].finished() for index in sorted(drafts))
    return Completion(choices=choices, usage=usage, model=model or None)


def _index(item: Mapping[str, JSON], place: int) -> int:
    index = item.get("index")
    return index if isinstance(index, int) else place


def _latest_usage(known: Usage | None, chunk: Mapping[str, JSON]) -> Usage | None:
    """The last usage with counts: some servers send cumulative ones, so they are not added up."""
    found = read_usage(chunk.get("usage"))
    if found is None:
        found = next((u for item in _choices(chunk) if (u := read_usage(item.get("usage")))), None)
    if found is None or (known and known.total_tokens and not found.total_tokens):
        return known
    return found


_READER: Reader[Completion] = Reader(
    stream=_read_stream,
    whole=_read_whole,
    error=lambda value: rejected_error(value, Completion()),
    cut=Completion(cut=True),
)
