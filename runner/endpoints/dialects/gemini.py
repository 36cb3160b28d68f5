"""Builds Gemini's own requests and parses their answers, as JSON or event stream."""

import base64
import mimetypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Result, Usage
from runner.endpoints.dialects.chat import (
    Completion,
    ending_failure,
    rejected_error,
    result_of,
    text_failure,
)
from runner.endpoints.dialects.completions import CompletionChoice, ToolCall, text_of
from runner.endpoints.dialects.open_reply import Payloads, Reader, open_answer
from runner.endpoints.dialects.pictures import distinct, picture_of
from runner.endpoints.dialects.usage import count_of
from runner.endpoints.endpoint import Rejected
from runner.protocol.call import KEY_PLACE, Call
from runner.protocol.errors import is_error, one_line
from runner.protocol.file_types import file_type
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.pictures import Attachment, media_type

KEY_HEADER = "x-goog-api-key"
"""Protocol fact: Google refuses its keys in `Authorization`; New API takes them in this header."""
MAX_KEPT_SOURCES = 100  # of web search, in `result_data`
_TOOL_BY_WORD = {
    **dict.fromkeys(("web_search", "google_search", "googlesearch"), "googleSearch"),
    **dict.fromkeys(("url_context", "urlcontext"), "urlContext"),
    **dict.fromkeys(("code_execution", "codeexecution"), "codeExecution"),
}
_MODE_BY_WORD = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY"}

# --- requests ---------------------------------------------------------------------------------


def gemini_call(
    model: str,
    body: Mapping[str, JSON],
    overrides: Mapping[str, JSON],
    *,
    stream: bool,
    timeout: float,
) -> Call:
    """POST to the model's own path with the values that are not None; `overrides` come last."""
    sent = {name: value for name, value in body.items() if value is not None} | dict(overrides)
    name = quote(model.removeprefix("models/"), safe="")
    action = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Call(
        path=f"/v1beta/models/{name}:{action}",
        json=sent,
        headers={KEY_HEADER: KEY_PLACE},
        stream=stream,
        timeout=timeout,
    )


def contents_of(prompt: str, attached: Sequence[Attachment]) -> list[JSON]:
    """One user turn: what is attached, then the prompt."""
    parts: list[JSON] = [*map(_attached, attached), {"text": prompt}]
    return [{"role": "user", "parts": parts}]


def _attached(item: Attachment) -> JSON:
    if item.data is None:
        address = item.url or ""
        guessed = mimetypes.guess_type(urlsplit(address).path)[0]
        return {"fileData": {"mimeType": guessed or "image/jpeg", "fileUri": address}}
    head = item.data[:16]
    kind = media_type(head) or file_type(head) or item.media_type or "image/png"
    return {"inlineData": {"mimeType": kind, "data": base64.b64encode(item.data).decode("ascii")}}


def tools_of(tools: Sequence[JSON] | None) -> list[JSON] | None:
    """The tools in Gemini's form, from its own, from words, and from OpenAI's functions."""
    if tools is None:
        return None
    found: list[JSON] = []
    functions: list[JSON] = []
    for tool in tools:
        function = _function(tool)
        if function is not None:
            functions.append(function)
        elif isinstance(tool, str):
            found.append({_TOOL_BY_WORD.get(tool.lower(), tool): {}})
        else:
            found.append(tool)
    return [*found, {"functionDeclarations": functions}] if functions else found


def _function(tool: JSON) -> JSON:
    """The declaration of an OpenAI function, nested or flat; None for anything else."""
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return None
    nested = tool.get("function")
    function = nested if isinstance(nested, dict) else tool
    made: dict[str, JSON] = {"name": function.get("name")}
    if function.get("description"):
        made["description"] = function["description"]
    if function.get("parameters"):
        made["parametersJsonSchema"] = function["parameters"]
    return made


def tool_config_of(choice: JSON) -> JSON:
    """`toolConfig` from a word, a tool's name, OpenAI's object, or Gemini's own."""
    named = choice.get("function", choice) if isinstance(choice, dict) else None
    if isinstance(named, dict) and isinstance(name := named.get("name"), str):
        return _only(name)
    if not isinstance(choice, str):
        return choice
    mode = _MODE_BY_WORD.get(choice.strip().lower())
    return {"functionCallingConfig": {"mode": mode}} if mode else _only(choice.strip())


def _only(name: str) -> JSON:
    return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}


def thinking_of(thinking: JSON) -> JSON:
    """`thinkingConfig` from a budget in tokens, a level (low, high) or an object."""
    if isinstance(thinking, int) and not isinstance(thinking, bool):
        return {"thinkingBudget": thinking}
    return {"thinkingLevel": thinking.upper()} if isinstance(thinking, str) else thinking


# --- answers ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiAnswer:
    """An answer in our own format. `blocked` is why the prompt was refused, if it was."""

    completion: Completion
    blocked: str = ""
    images: tuple[str, ...] = field(default=(), repr=False)
    sources: tuple[JSON, ...] = ()


def read_gemini(body: bytes) -> GeminiAnswer | Rejected:
    """The answer in a body of any format."""
    if (
        body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    ):  # protocol fact: a stream without alt=sse is one list
        listed = decode(body)
        if isinstance(listed, list) and not is_error(listed):
            return _read_stream(("", value) for value in listed) or _READER.cut
    return open_answer(body, _READER)


def gemini_result(answer: GeminiAnswer) -> Result:
    """The result that an answer contains, whether or not it is what was requested."""
    found = result_of(answer.completion)
    data = dict(found.data)
    if answer.sources:
        data["sources"] = list(answer.sources)
    return Result(
        text=found.text,
        finish=found.finish,
        model=found.model,
        usage=found.usage,
        pictures=distinct(one for image in answer.images if (one := picture_of(image))),
        data=data,
    )


def gemini_failure(answer: GeminiAnswer, result: Result) -> Failure | None:
    """Why an answer is not a valid one, by its block or its ending; None if it is."""
    if answer.blocked:
        detail = one_line(f"the prompt was blocked: {answer.blocked}")
        return Failure(kind=FailureClass.REFUSED, cause="content_filter", detail=detail)
    if not answer.completion.choices:
        return Failure(kind=FailureClass.NO_RESULT, cause="no_choices")
    first = answer.completion.first
    if (first.finish or "").upper() == "NO_IMAGE":
        detail = one_line(first.text) or "it ended as 'NO_IMAGE'"
        return Failure(kind=FailureClass.NO_RESULT, cause="no_image", detail=detail)
    if result.pictures:
        return ending_failure(first)
    return text_failure(answer.completion, result)


# --- from chunks to an answer ---------------------------------------------------------------------


@dataclass(slots=True)
class _CandidateDraft:
    """One candidate while its chunks arrive; a whole answer is one chunk."""

    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    sources: list[JSON] = field(default_factory=list)
    finish: str = ""

    def add(self, candidate: Mapping[str, JSON]) -> None:
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict) and part.get("thought") is not True:
                self._add_part(part)  # protocol fact: thoughts may hold draft pictures
        self.finish = text_of(candidate.get("finishReason")) or self.finish
        self.sources += _sources(candidate.get("groundingMetadata"))

    def _add_part(self, part: Mapping[str, JSON]) -> None:
        self.texts.append(text_of(part.get("text")))
        call = part.get("functionCall")
        if isinstance(call, dict):
            arguments = call.get("args")
            self.calls.append(
                ToolCall(
                    id=text_of(call.get("id")),
                    name=text_of(call.get("name")),
                    arguments={} if arguments is None else arguments,
                )
            )
        self.images += _image(part.get("inlineData") or part.get("inline_data"))
        self.images += _linked(part.get("fileData") or part.get("file_data"))

    def choice(self) -> CompletionChoice:
        return CompletionChoice(
            text="".join(self.texts), finish=self.finish or None, tool_calls=tuple(self.calls)
        )


def _image(inline: JSON) -> Iterator[str]:
    if isinstance(inline, dict) and _is_image(inline) and (data := text_of(inline.get("data"))):
        yield data if data[:5].lower() == "data:" else f"base64://{data}"


def _linked(linked: JSON) -> Iterator[str]:
    if isinstance(linked, dict) and _is_image(linked):
        yield text_of(linked.get("fileUri") or linked.get("file_uri"))


def _is_image(part: Mapping[str, JSON]) -> bool:
    return text_of(part.get("mimeType") or part.get("mime_type")).startswith("image/")


def _sources(grounding: JSON) -> Iterator[JSON]:
    chunks = grounding.get("groundingChunks") if isinstance(grounding, dict) else None
    for chunk in chunks if isinstance(chunks, list) else []:
        web = chunk.get("web") if isinstance(chunk, dict) else None
        if isinstance(web, dict) and (address := text_of(web.get("uri"))):
            yield {"url": address, "title": text_of(web.get("title"))}


@dataclass(slots=True)
class _AnswerDraft:
    candidates: dict[int, _CandidateDraft] = field(default_factory=dict)
    usage: JSON = None
    model: str = ""
    id: str = ""
    blocked: str = ""

    def add(self, value: Mapping[str, JSON]) -> None:
        listed = value.get("candidates")
        for place, one in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(one, dict):
                index = one.get("index")
                number = index if isinstance(index, int) else place
                self.candidates.setdefault(number, _CandidateDraft()).add(one)
        feedback = value.get("promptFeedback")
        if isinstance(feedback, dict):
            self.blocked = text_of(feedback.get("blockReason")) or self.blocked
        self.usage = value.get("usageMetadata") or self.usage
        self.model = text_of(value.get("modelVersion")) or self.model
        self.id = text_of(value.get("responseId")) or self.id

    @property
    def has_ended(self) -> bool:
        """True if every candidate has its finish reason, or the prompt was blocked."""
        ended = bool(self.candidates) and all(one.finish for one in self.candidates.values())
        return ended or bool(self.blocked)

    def finished(self, *, cut: bool = False) -> GeminiAnswer:
        drafts = [self.candidates[number] for number in sorted(self.candidates)]
        completion = Completion(
            choices=tuple(draft.choice() for draft in drafts),
            usage=gemini_usage(self.usage),
            model=self.model or None,
            id=self.id,
            cut=cut,
        )
        sources = [one for draft in drafts for one in draft.sources]
        unique = {str(one): one for one in sources}
        return GeminiAnswer(
            completion=completion,
            blocked="" if drafts else self.blocked,
            images=tuple(image for draft in drafts for image in draft.images),
            sources=tuple(unique.values())[:MAX_KEPT_SOURCES],
        )


def gemini_usage(raw: JSON) -> Usage | None:
    """The usage of one call. Thoughts are billed as output; cached input is inside the prompt."""
    if not isinstance(raw, dict) or not raw:
        return None
    prompt, out = count_of(raw.get("promptTokenCount")), count_of(raw.get("candidatesTokenCount"))
    thoughts = count_of(raw.get("thoughtsTokenCount"))
    total = count_of(raw.get("totalTokenCount"))
    if not prompt and not out and not total:
        return Usage(raw=raw)
    of_tools = count_of(raw.get("toolUsePromptTokenCount")) or 0
    output = None if out is None and thoughts is None else (out or 0) + (thoughts or 0)
    return Usage(
        raw=raw,
        prompt_tokens=prompt + of_tools if prompt else None,
        completion_tokens=output,
        total_tokens=total or None,
        cached_tokens=count_of(raw.get("cachedContentTokenCount")),
    )


def _read_whole(value: Mapping[str, JSON]) -> GeminiAnswer:
    draft = _AnswerDraft()
    draft.add(value)
    return draft.finished()


def _read_stream(events: Payloads | Iterable[tuple[str, JSON]]) -> GeminiAnswer | Rejected | None:
    """The answer that the chunks add up to; None if there were none.

    Protocol fact: there is no end mark, so a finish reason ends the stream.
    """
    draft, seen, broken = _AnswerDraft(), False, False
    for _, value in events:
        seen = True
        if isinstance(value, Undecodable) or not isinstance(value, dict):
            lost = isinstance(value, Undecodable) and value.text.lstrip().startswith("{")
            broken |= lost and not draft.has_ended
        elif is_error(value):
            return rejected_error(value, draft.finished().completion)
        else:
            draft.add(value)
    return draft.finished(cut=broken or not draft.has_ended) if seen else None


_READER: Reader[GeminiAnswer] = Reader(
    stream=_read_stream,
    whole=_read_whole,
    error=lambda value: rejected_error(value, Completion()),
    cut=GeminiAnswer(completion=Completion(cut=True)),
)
"""Assembles an answer from one JSON object or from the chunks of a stream."""
