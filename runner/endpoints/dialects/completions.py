"""Puts the pieces of chat answers together, be it one whole message or a thousand deltas."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from jobs.job import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call of a tool; `arguments` is what came, JSON text as a rule."""

    id: str = ""
    name: str = ""
    arguments: JSON = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionChoice:
    """One answer of a completion."""

    text: str = ""
    refusal: str = ""
    finish: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[JSON, ...] = ()  # message.images, as OpenRouter sends them
    parts: tuple[JSON, ...] = ()  # the parts of a content list that are not text


@dataclass(slots=True)
class _ToolCallDraft:
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    value: JSON = None


@dataclass(slots=True)
class ChoiceDraft:
    """One choice while its pieces come in; a whole message is one piece."""

    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    images: list[JSON] = field(default_factory=list)
    parts: list[JSON] = field(default_factory=list)
    calls: dict[int, _ToolCallDraft] = field(default_factory=dict)
    finish: str | None = None

    def add(self, item: Mapping[str, JSON]) -> None:
        self.finish = text_of(item.get("finish_reason")) or self.finish
        self.text.append(text_of(item.get("text")))
        for message in (item.get("message"), item.get("delta")):
            if isinstance(message, str):
                self.text.append(message)
            elif isinstance(message, dict):
                self._add_message(message)

    def _add_message(self, message: Mapping[str, JSON]) -> None:
        content = message.get("content")
        for part in content if isinstance(content, list) else [content]:
            spoken = part.get("text") if isinstance(part, dict) else part
            if isinstance(spoken, str):
                self.text.append(spoken)
            elif isinstance(part, dict):
                self.parts.append(part)
        self.refusal.append(text_of(message.get("refusal")))
        images = message.get("images")
        self.images.extend(images if isinstance(images, list) else [])
        tools = message.get("tool_calls")
        for place, call in enumerate(tools if isinstance(tools, list) else []):
            if isinstance(call, dict):
                self._add_call(call, place)
        if isinstance(old := message.get("function_call"), dict):
            self._add_call({"function": old}, 0)

    def _add_call(self, fragment: Mapping[str, JSON], place: int) -> None:
        """Merges by index; without one by id; without either by position in the list."""
        function = fragment.get("function")
        told = function if isinstance(function, dict) else fragment
        call_id, name = text_of(fragment.get("id")), text_of(told.get("name"))
        slot = self._slot(fragment.get("index"), call_id, place)
        call = self.calls.setdefault(slot, _ToolCallDraft())
        if call.id and call_id and call.id != call_id and name:  # index 0 for every parallel call
            call = self.calls[len(self.calls) + 1000] = _ToolCallDraft()
        call.id, call.name = call.id or call_id, call.name or name
        arguments = told.get("arguments")
        if isinstance(arguments, str):
            call.pieces.append(arguments)
        elif arguments is not None:
            call.value = arguments

    def _slot(self, index: JSON, call_id: str, place: int) -> int:
        same = [slot for slot, call in self.calls.items() if call_id and call.id == call_id]
        if same:
            return same[-1]
        if isinstance(index, int) and not isinstance(index, bool):
            return index
        return len(self.calls) if call_id else place

    def finished(self) -> CompletionChoice:
        return CompletionChoice(
            text="".join(self.text),
            refusal="".join(self.refusal),
            finish=self.finish,
            tool_calls=tuple(self._tool_calls()),
            images=tuple(self.images),
            parts=tuple(self.parts),
        )

    def _tool_calls(self) -> Iterator[ToolCall]:
        for call in self.calls.values():
            arguments = "".join(call.pieces) if call.value is None else call.value
            yield ToolCall(id=call.id, name=call.name, arguments=arguments)


def drafted(item: Mapping[str, JSON]) -> CompletionChoice:
    """A choice that came whole."""
    if (text := _only_text(item)) is not None:
        return CompletionChoice(text=text, finish=text_of(item.get("finish_reason")) or None)
    draft = ChoiceDraft()
    draft.add(item)
    return draft.finished()


def _only_text(item: Mapping[str, JSON]) -> str | None:
    """The text of a choice that holds nothing else, as most do: it needs no putting together."""
    message = item.get("message")
    if not isinstance(message, dict) or item.get("delta") or item.get("text"):
        return None
    content = message.get("content")
    if message.get("refusal") or message.get("images") or message.get("tool_calls"):
        return None
    plain = isinstance(content, str) and message.get("function_call") is None
    return cast("str", content) if plain else None


def text_of(value: JSON) -> str:
    """The text, or none where something else stands in its place."""
    return value if isinstance(value, str) else ""
