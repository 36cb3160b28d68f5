"""Builds Anthropic messages requests and parses their answers, as JSON or event stream."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.job import JSON
from jobs.result import Usage
from runner.endpoints.dialects.chat import Completion, rejected_error
from runner.endpoints.dialects.completions import CompletionChoice, ToolCall, text_of
from runner.endpoints.dialects.input_files import document_block
from runner.endpoints.dialects.open_reply import Payloads, Reader, open_answer
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Rejected
from runner.protocol.call import Call
from runner.protocol.errors import is_error
from runner.protocol.json_text import Undecodable
from runner.protocol.pictures import Attachment, media_type

ANTHROPIC_VERSION = "2023-06-01"
"""Newer client libraries send a later version; gateways know this one."""
MAX_UNSTREAMED_TOKENS = 21_333
"""Above this limit an answer may take more than ten minutes, and must be streamed."""

# --- requests ---------------------------------------------------------------------------------


def content_of(
    prompt: str, image: tuple[Attachment, ...], file: tuple[Attachment, ...] = ()
) -> JSON:
    """The prompt preceded by documents and pictures: the model reads them in this order."""
    if not image and not file:
        return prompt
    attached = [*map(document_block, file), *(_picture(item) for item in image)]
    return [*attached, {"type": "text", "text": prompt}]


def _picture(item: Attachment) -> JSON:
    if item.data is None:
        return {"type": "image", "source": {"type": "url", "url": item.url or ""}}
    source: JSON = {
        "type": "base64",
        "media_type": media_type(item.data[:16]) or item.media_type or "image/png",
        "data": base64.b64encode(item.data).decode("ascii"),
    }
    return {"type": "image", "source": source}


def tools_of(tools: list[JSON] | None) -> list[JSON] | None:
    """The tools in Anthropic's format, converted from OpenAI's if needed."""
    return None if tools is None else [_tool(tool) for tool in tools]


def _tool(tool: JSON) -> JSON:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        return tool
    made: dict[str, JSON] = {"name": function.get("name")}
    if function.get("description"):
        made["description"] = function["description"]
    parameters = function.get("parameters")
    return {**made, "input_schema": parameters or {"type": "object", "properties": {}}}


def tool_choice_of(choice: JSON) -> JSON:
    """The tool choice in Anthropic's format, from a word, a tool's name, or OpenAI's object."""
    if isinstance(choice, str):
        known = {"auto": "auto", "any": "any", "required": "any", "none": "none"}
        kind = known.get(choice.strip().lower())
        return {"type": kind} if kind else {"type": "tool", "name": choice.strip()}
    if isinstance(choice, dict) and isinstance(named := choice.get("function"), dict):
        return {"type": "tool", "name": named.get("name")}
    return choice


def thinking_of(thinking: JSON) -> JSON:
    """`thinking` as an object, from a token budget, a word (adaptive, disabled) or an object."""
    if isinstance(thinking, int) and not isinstance(thinking, bool):
        return {"type": "enabled", "budget_tokens": thinking}
    return {"type": thinking} if isinstance(thinking, str) else thinking


def messages_call(
    body: Mapping[str, JSON], overrides: Mapping[str, JSON], *, timeout: float
) -> Call:
    """POST /v1/messages with the values that are not None; `overrides` come last."""
    sent = {name: value for name, value in body.items() if value is not None} | dict(overrides)
    max_tokens = sent.get("max_tokens")
    if "stream" not in sent:
        sent["stream"] = isinstance(max_tokens, int) and max_tokens > MAX_UNSTREAMED_TOKENS
    return Call(
        path="/v1/messages",
        json=sent,
        headers={"anthropic-version": ANTHROPIC_VERSION},
        stream=sent["stream"] is True,
        timeout=timeout,
    )


# --- answers ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Block:
    """One content block while its pieces arrive."""

    kind: str = ""
    text: list[str] = field(default_factory=list)
    id: str = ""
    name: str = ""
    value: JSON = None
    pieces: list[str] = field(default_factory=list)

    def begin(self, block: Mapping[str, JSON]) -> None:
        self.kind = text_of(block.get("type"))
        self.text.append(text_of(block.get("text")))
        self.id, self.name = text_of(block.get("id")), text_of(block.get("name"))
        self.value = block.get("input")

    def add(self, delta: Mapping[str, JSON]) -> None:
        self.text.append(text_of(delta.get("text")))
        self.pieces.append(text_of(delta.get("partial_json")))

    def call(self) -> ToolCall:
        arguments_text = "".join(self.pieces)
        return ToolCall(
            id=self.id,
            name=self.name,
            arguments=arguments_text if arguments_text.strip() else self.value or "",
        )


@dataclass(slots=True)
class _MessageDraft:
    """A message while its events arrive; a complete message is one event."""

    blocks: dict[int, _Block] = field(default_factory=dict)
    usage: dict[str, JSON] = field(default_factory=dict)
    model: str = ""
    id: str = ""
    finish: str = ""
    refusal: str = ""
    has_started: bool = False

    def begin(self, message: Mapping[str, JSON]) -> None:
        self.has_started = True
        self.model = text_of(message.get("model")) or self.model
        self.id = text_of(message.get("id")) or self.id
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for place, block in enumerate(content if isinstance(content, list) else []):
            if isinstance(block, dict):
                self._block(place).begin(block)
        self._end(message)
        self._count(message.get("usage"))

    def add(self, event: Mapping[str, JSON]) -> None:
        """Adds one event by the `type` in its data: some gateways leave out the event's name."""
        match event.get("type"):
            case "message_start" if isinstance(message := event.get("message"), dict):
                self.begin(message)
                if "output_tokens" in self.usage:  # protocol fact: a placeholder, usually 1
                    self.usage["output_tokens"] = None
            case "message":  # a complete message instead of its pieces
                self.begin(event)
            case "content_block_start" if isinstance(block := event.get("content_block"), dict):
                self._block(event.get("index")).begin(block)
            case "content_block_delta" if isinstance(delta := event.get("delta"), dict):
                self._block(event.get("index")).add(delta)
            case "message_delta":
                if isinstance(delta := event.get("delta"), dict):
                    self._end(delta)
                self._count(event.get("usage"))
            case "message_stop":
                self._count(event.get("usage"))
            case _:
                pass  # pings and unknown events

    def _block(self, index: JSON) -> _Block:
        place = index if isinstance(index, int) else 0
        return self.blocks.setdefault(place, _Block())

    def _end(self, holder: Mapping[str, JSON]) -> None:
        self.finish = text_of(holder.get("stop_reason")) or self.finish
        details = holder.get("stop_details")
        if isinstance(details, dict):
            self.refusal = text_of(details.get("explanation")) or self.refusal

    def _count(self, usage: JSON) -> None:
        """Updates the usage. Counts are cumulative: a later count replaces the earlier one."""
        if isinstance(usage, dict):
            self.usage |= {name: count for name, count in usage.items() if count is not None}

    def finished(self, *, cut: bool = False) -> Completion:
        blocks = [self.blocks[place] for place in sorted(self.blocks)]
        choice = CompletionChoice(
            text="".join("".join(block.text) for block in blocks if block.kind in ("", "text")),
            refusal=self.refusal if self.finish == "refusal" else "",
            finish=self.finish or None,
            tool_calls=tuple(block.call() for block in blocks if block.kind == "tool_use"),
        )
        return Completion(
            choices=(choice,) if self.has_started or blocks else (),
            usage=self._usage(),
            model=self.model or None,
            id=self.id,
            cut=cut,
        )

    def _usage(self) -> Usage | None:
        return read_usage(self.usage)


def read_message(body: bytes) -> Completion | Rejected:
    """The message in a body of any format."""
    return open_answer(body, _READER)


def _read_whole(value: Mapping[str, JSON]) -> Completion:
    draft = _MessageDraft()
    if "content" in value or "stop_reason" in value:
        draft.begin(value)
    return draft.finished()


def _read_stream(events: Payloads) -> Completion | Rejected | None:
    """The message that the events add up to; None if there were no events.

    It ends with the stop reason: gateways that convert other services' streams send no
    `message_stop`.
    """
    draft, seen, broken = _MessageDraft(), False, False
    for _, value in events:
        seen = True
        if not isinstance(value, dict):
            lost = isinstance(value, Undecodable) and value.text.lstrip().startswith("{")
            broken |= lost and not draft.finish
        elif is_error(value):
            return rejected_error(value, draft.finished())
        else:
            draft.add(value)
    if not seen:
        return None
    return draft.finished(cut=broken or not draft.finish)


_READER: Reader[Completion] = Reader(
    stream=_read_stream,
    whole=_read_whole,
    error=lambda value: rejected_error(value, Completion()),
    cut=Completion(cut=True),
)
