"""Assembles the choices of a chat answer from one message or many deltas."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

from jobs.job import JSON
from runner.protocol.errors import reports_error
from runner.protocol.json_text import Undecodable, decode_alone

MIN_REPEATED_CHARACTERS = 20
"""A text of this length that starts with all text before it is cumulative, not a coincidence."""
_KNOWN_MEMBERS = frozenset(
    {"role", "content", "refusal", "images", "tool_calls", "function_call", "name", "annotations"}
)
_PLAIN_MEMBERS = frozenset({"role", "content"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call; `arguments` is as received, usually JSON text."""

    id: str = ""
    name: str = ""
    arguments: JSON = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionChoice:
    """One choice of a completion.

    `parts` are the non-text parts of a content list, `images` those of `message.images`, as
    OpenRouter sends them, and `others` the members of the message under unknown names.
    """

    text: str = ""
    refusal: str = ""
    finish: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[JSON, ...] = ()
    parts: tuple[JSON, ...] = ()
    others: tuple[JSON, ...] = ()
    error: JSON = None  # reported by the choice itself in addition to its text


# --- tool calls -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _ToolCallDraft:
    id: str = ""
    name: str = ""
    index: int | None = None
    pieces: list[str] = field(default_factory=list)
    value: JSON = None

    def is_whole(self) -> bool:
        """True if the arguments received so far are one complete JSON value."""
        return not isinstance(decode_alone("".join(self.pieces)), Undecodable)


@dataclass(slots=True)
class _ToolCalls:
    """The tool calls of one choice, in the order in which they start.

    A fragment with a new id starts a call. One without an id belongs to the latest call at its
    index, or to the latest call of all: some gateways send index 0 for every call, others none.
    """

    calls: list[_ToolCallDraft] = field(default_factory=list)

    def add(self, fragments: JSON, *, whole: bool = False) -> None:
        listed = fragments if isinstance(fragments, list) else []
        for place, fragment in enumerate(listed):
            if isinstance(fragment, dict):
                function = fragment.get("function")
                source = function if isinstance(function, dict) else fragment
                among = place if len(listed) > 1 else None
                call = self._begin(None) if whole else self._call_of(fragment, source, among)
                _extend(call, fragment, source)

    def _call_of(
        self,
        fragment: Mapping[str, JSON],
        source: Mapping[str, JSON],
        place: int | None,
    ) -> _ToolCallDraft:
        call_id, name = text_of(fragment.get("id")), text_of(source.get("name"))
        index = fragment.get("index")
        known = index if isinstance(index, int) and not isinstance(index, bool) else None
        found = next((call for call in self.calls if call_id and call.id == call_id), None)
        found = found or self._last_at(known, place)
        if found is None or _is_another(found, call_id, name, source.get("arguments")):
            return self._begin(known)
        return found

    def _last_at(self, index: int | None, place: int | None) -> _ToolCallDraft | None:
        if index is not None:
            return next((call for call in reversed(self.calls) if call.index == index), None)
        if place is not None:
            return self.calls[place] if place < len(self.calls) else None
        return self.calls[-1] if self.calls else None

    def _begin(self, index: int | None) -> _ToolCallDraft:
        self.calls.append(_ToolCallDraft(index=index))
        return self.calls[-1]

    def finished(self) -> Iterator[ToolCall]:
        for call in self.calls:
            arguments = "".join(call.pieces) if call.value is None else call.value
            yield ToolCall(id=call.id, name=call.name, arguments=arguments)


def _is_another(call: _ToolCallDraft, call_id: str, name: str, arguments: JSON) -> bool:
    """True if a fragment starts a new call instead of continuing this one."""
    if call_id and call.id and call_id != call.id:
        return True
    if not name or call_id == call.id != "":
        return False
    if call.name and name != call.name:
        return True
    begins = isinstance(arguments, dict) or text_of(arguments).lstrip().startswith("{")
    return bool(call.name) and begins and call.is_whole()


def _extend(call: _ToolCallDraft, fragment: Mapping[str, JSON], source: Mapping[str, JSON]) -> None:
    call.id = call.id or text_of(fragment.get("id"))
    call.name = call.name or text_of(source.get("name"))
    arguments = source.get("arguments")
    if isinstance(arguments, str):
        call.pieces.append(arguments)
    elif arguments is not None:
        call.value = arguments


# --- choices --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pieces:
    """The content collected from all `delta`s or all `message`s of a choice."""

    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    images: list[JSON] = field(default_factory=list)
    parts: list[JSON] = field(default_factory=list)
    others: list[JSON] = field(default_factory=list)
    tools: _ToolCalls = field(default_factory=_ToolCalls)

    def add(self, message: JSON, *, whole: bool = False) -> None:
        if isinstance(message, str):
            self.text.append(message)
        if not isinstance(message, dict):
            return
        self._add_content(message.get("content"))
        self.refusal.append(text_of(message.get("refusal")))
        images = message.get("images")
        self.images.extend(images if isinstance(images, list) else [])
        if whole and message.get("tool_calls"):
            self.tools = _ToolCalls()  # a later complete message repeats the calls of earlier ones
        self.tools.add(message.get("tool_calls"), whole=whole)
        if isinstance(old := message.get("function_call"), dict):
            self.tools.add([{"function": old}])
        self.others.extend(
            {name: value} for name, value in message.items() if value and name not in _KNOWN_MEMBERS
        )

    def _add_content(self, content: JSON) -> None:
        texts: list[str] = []
        for part in content if isinstance(content, list) else [content]:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, dict):  # the Assistants API's format: {"value": …}
                text = text.get("value")
            if isinstance(text, str) and not _is_thought(part):
                texts.append(text)
            elif isinstance(part, dict) and not _is_thought(part):
                self.parts.append(part)
        self.text.append("".join(texts))


def _is_thought(part: JSON) -> bool:
    return isinstance(part, dict) and text_of(part.get("type")).lower() in _THOUGHT_TYPES


_THOUGHT_TYPES = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_text"})


@dataclass(slots=True)
class ChoiceDraft:
    """One choice while its pieces arrive; a complete message is one piece.

    Some gateways add the text so far as `message` to every delta, or send the complete message
    after them: then the deltas count.
    """

    deltas: _Pieces = field(default_factory=_Pieces)
    messages: _Pieces = field(default_factory=_Pieces)
    images: list[JSON] = field(default_factory=list)  # beside the message
    finish: str | None = None
    error: JSON = None

    def add(self, item: Mapping[str, JSON]) -> None:
        self.finish = _finish_of(item) or self.finish
        self.deltas.add(text_of(item.get("text")))
        message, delta = item.get("message"), item.get("delta")
        self.images += _listed(item.get("images"))
        self.messages.add(message, whole=True)
        self.deltas.add(delta)
        for holder in (item, message, delta):
            if isinstance(holder, dict) and reports_error(holder.get("error")):
                self.error = holder["error"]

    def finished(self) -> CompletionChoice:
        deltas, messages = self.deltas, self.messages
        return CompletionChoice(
            text=_joined(deltas.text, 3) or _joined(messages.text, 2),
            refusal="".join(deltas.refusal) or _joined(messages.refusal, 2),
            finish=self.finish,
            tool_calls=tuple((deltas.tools if deltas.tools.calls else messages.tools).finished()),
            images=tuple(deltas.images or messages.images or self.images),
            parts=tuple(deltas.parts or messages.parts),
            others=tuple(deltas.others or messages.others),
            error=self.error,
        )


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _joined(pieces: Sequence[str], min_pieces: int) -> str:
    """The text of the pieces, even if they are cumulative or the last one repeats the full text."""
    texts = [piece for piece in pieces if piece]
    if len(texts) < min_pieces or len(texts[-1]) < MIN_REPEATED_CHARACTERS:
        return "".join(texts)
    pairs = pairwise(texts)
    if all(len(after) > len(before) and after.startswith(before) for before, after in pairs):
        return texts[-1]
    before = "".join(texts[:-1])
    return before if before == texts[-1] else before + texts[-1]


def drafted(item: Mapping[str, JSON]) -> CompletionChoice:
    """A choice that came in one piece."""
    if (text := _only_text(item)) is not None:
        return CompletionChoice(text=text, finish=_finish_of(item))
    draft = ChoiceDraft()
    draft.add(item)
    return draft.finished()


def _only_text(item: Mapping[str, JSON]) -> str | None:
    """The text of a choice with nothing else, as most are, else None: it needs no assembly."""
    message = item.get("message")
    if not isinstance(message, dict) or item.get("delta") or item.get("text") or item.get("error"):
        return None
    if item.get("images"):
        return None
    content = message.get("content")
    if not message.keys() <= _PLAIN_MEMBERS and any(
        value and name not in _PLAIN_MEMBERS for name, value in message.items()
    ):
        return None
    plain = isinstance(content, str) and message.get("function_call") is None
    return cast("str", content) if plain else None


def _finish_of(item: Mapping[str, JSON]) -> str | None:
    """The finish reason, or None. Protocol fact: DashScope sends the word "null" until the end."""
    finish = text_of(item.get("finish_reason"))
    return None if finish.lower() in ("", "null", "none") else finish


def text_of(value: JSON) -> str:
    """The value if it is a string, else an empty string."""
    return value if isinstance(value, str) else ""
