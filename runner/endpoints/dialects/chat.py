"""Words chat requests and reads chat completions, whole or as an event stream."""

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
from runner.endpoints.dialects.open_reply import Payloads, Reader, open_answer
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Rejected
from runner.protocol.call import Call
from runner.protocol.errors import is_error, one_line
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.pictures import Attachment
from runner.protocol.verdict import classify_error

MAX_PARTIAL_CHARACTERS = 20_000
"""Characters of a broken stream that are kept for study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A chat completion in our own words; `cut` where its stream ended without a finish reason."""

    choices: tuple[CompletionChoice, ...] = ()
    usage: Usage | None = None
    model: str | None = None
    id: str = ""
    data: JSON = None  # the images-style list that some gateways answer with instead
    cut: bool = False

    @property
    def first(self) -> CompletionChoice:
        return self.choices[0] if self.choices else CompletionChoice()


# --- requests ---------------------------------------------------------------------------------


def messages(
    prompt: str, *, system: str | None, image: tuple[Attachment, ...], detail: str | None
) -> list[JSON]:
    """The messages of one row: an optional system text, then the prompt with its pictures."""
    content: JSON = prompt
    if image:
        content = [{"type": "text", "text": prompt}, *(_picture(item, detail) for item in image)]
    spoken: list[JSON] = [{"role": "user", "content": content}]
    return [{"role": "system", "content": system}, *spoken] if system else spoken


def _picture(item: Attachment, detail: str | None) -> JSON:
    address: dict[str, JSON] = {"url": picture_address(item)}
    return {"type": "image_url", "image_url": address | ({"detail": detail} if detail else {})}


def picture_address(item: Attachment) -> str:
    """What the provider is given: the address, or the file as a data URI."""
    if item.data is None:
        return item.url or ""
    coded = base64.b64encode(item.data).decode("ascii")
    return f"data:{item.media_type or 'image/png'};base64,{coded}"


def completion_call(
    body: Mapping[str, JSON], laid_over: Mapping[str, JSON], *, timeout: float
) -> Call:
    """POST /v1/chat/completions with what was given (None was not), the user's own options last."""
    sent = {name: value for name, value in body.items() if value is not None} | dict(laid_over)
    streamed = sent.get("stream") is True
    if streamed:  # New API swallows the usage of a stream unless it is asked for
        sent.setdefault("stream_options", {"include_usage": True})
    return Call(path="/v1/chat/completions", json=sent, stream=streamed, timeout=timeout)


# --- answers ----------------------------------------------------------------------------------


def read_completion(body: bytes) -> Completion | Rejected:
    """A completion out of whichever form came."""
    return open_answer(body, _READER)


def rejected_error(value: JSON, so_far: Completion) -> Rejected:
    """An error inside a 2xx answer, judged as if it had come with its own status."""
    failure = classify_error(value).failure
    assert failure is not None
    return Rejected(failure=failure, result=_partial(so_far))


def _partial(completion: Completion) -> Result | None:
    text = completion.first.text
    if not text and completion.usage is None:
        return None
    data: dict[str, JSON] = {"partial": text[:MAX_PARTIAL_CHARACTERS]} if text else {}
    return Result(usage=completion.usage, model=completion.model, data=data)


def cut_stream(completion: Completion) -> Rejected:
    """The stream broke off: it may have been billed in full. What came is for study only.

    Protocol fact: New API sends [DONE] even after an upstream abort, so the mark proves nothing.
    """
    detail = f"the stream ended after {len(completion.first.text)} characters without finish_reason"
    failure = Failure(kind=FailureClass.NETWORK, cause="cut_stream", detail=detail)
    return Rejected(failure=failure, result=_partial(completion))


def result_of(completion: Completion) -> Result:
    """What a completion gives to its row, before anyone asks whether it is what was wanted."""
    first = completion.first
    data: dict[str, JSON] = {}
    if first.tool_calls:
        data["tool_calls"] = [_arguments(call) for call in first.tool_calls]
    if len(completion.choices) > 1:
        data["texts"] = [choice.text for choice in completion.choices]
    return Result(
        text=first.text or first.refusal or None,
        finish=first.finish,
        model=completion.model,
        usage=completion.usage,
        data=data,
    )


def _arguments(call: ToolCall) -> JSON:
    shown: dict[str, JSON] = {"id": call.id, "name": call.name}
    if not isinstance(call.arguments, str):
        return {**shown, "arguments": call.arguments}
    if not call.arguments.strip():  # a tool without parameters
        return {**shown, "arguments": {}}
    value = decode(call.arguments)
    if isinstance(value, Undecodable):
        return {**shown, "raw": call.arguments, "note": "the arguments are not valid JSON"}
    return {**shown, "arguments": value}


_CUT_SHORT = frozenset({"length", "max_tokens", "max_output_tokens"})
_FILTERED = frozenset({"content_filter", "safety", "prohibited_content", "sensitive", "refusal"})


def finish_failure(completion: Completion) -> Failure | None:
    """Why this completion is no proper answer, as far as its end tells."""
    first = completion.first
    if not completion.choices:
        return Failure(kind=FailureClass.NO_RESULT, cause="no_choices")
    if first.refusal:
        return Failure(kind=FailureClass.REFUSED, cause="refusal", detail=one_line(first.refusal))
    finish = (first.finish or "").lower()
    if finish in _FILTERED:
        return Failure(
            kind=FailureClass.REFUSED, cause="content_filter", detail=one_line(first.text)
        )
    if finish in _CUT_SHORT:
        return Failure(kind=FailureClass.TRUNCATED, cause="length")
    if finish == "error":
        return Failure(kind=FailureClass.SERVER, cause="finish_error", detail=one_line(first.text))
    return None


# --- a whole completion -------------------------------------------------------------------------


def _read_whole(value: Mapping[str, JSON]) -> Completion:
    return Completion(
        choices=tuple(drafted(item) for item in _choices(value)),
        usage=read_usage(value.get("usage")),
        model=text_of(value.get("model")) or None,
        id=text_of(value.get("id")),
        data=value.get("data"),
    )


def _choices(value: Mapping[str, JSON]) -> list[Mapping[str, JSON]]:
    found = value.get("choices")
    listed = found if isinstance(found, list) else [found]
    return [item for item in listed if isinstance(item, dict) and item]


# --- a stream of chunks ---------------------------------------------------------------------------


def _read_stream(events: Payloads) -> Completion | Rejected | None:
    """The completion that the chunks add up to; None where no chunk came at all."""
    drafts: dict[int, ChoiceDraft] = {}
    seen, broken = False, False
    usage: Usage | None = None
    model, name, data = "", "", None
    for _, value in events:
        seen = True
        if not isinstance(value, dict):
            broken |= isinstance(value, Undecodable) and value.text.lstrip().startswith("{")
            continue
        if is_error(value):
            return rejected_error(value, _gathered(drafts, usage, model))
        usage = _later(usage, value)
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


def _later(known: Usage | None, chunk: Mapping[str, JSON]) -> Usage | None:
    """The last usage that says something: some send it in every chunk, never to be added up."""
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
