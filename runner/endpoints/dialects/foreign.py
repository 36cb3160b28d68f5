"""Reads answers that came in another service's form: some gateways pass on what they got.

Such an answer is paid for; asking again brings the same form. Only forms are read whose ending can
be told, so that half a text is never taken for a whole one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from jobs.job import JSON
from jobs.result import Usage
from runner.endpoints.dialects.chat import Completion, read_completion
from runner.endpoints.dialects.completions import CompletionChoice, text_of
from runner.endpoints.dialects.usage import count_of, read_usage
from runner.endpoints.endpoint import Rejected
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.sse import looks_like_events, payloads

MISFIT_CAUSES = frozenset({"not_json", "no_choices"})
"""Of a rejected answer: it may be in another form."""


def read_any(body: bytes, own: Callable[[bytes], Completion | Rejected]) -> Completion | Rejected:
    """The completion in a body of the endpoint's own form, or else of another service's."""
    found = own(body)
    if isinstance(found, Rejected):
        if found.failure.cause not in MISFIT_CAUSES:
            return found
    elif found.choices or found.data is not None or found.error is not None:
        return found
    return _read_foreign(body) or found


def _read_foreign(body: bytes) -> Completion | Rejected | None:
    """The completion in a body of a known foreign form; None for any other."""
    value = _first_value(body)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _read_gemini(body) if "candidates" in value[0] else _read_generated(value)
    if not isinstance(value, dict):
        return None
    read = _reader_of(value)
    return _read_small_form(value) if read is None else read(body)


def _reader_of(value: Mapping[str, JSON]) -> Callable[[bytes], Completion | Rejected] | None:
    """What reads bodies that begin with this value; None if their form has few members."""
    kind = text_of(value.get("type"))
    if kind in ("message", "message_start"):
        return _read_message
    if "candidates" in value or "promptFeedback" in value:
        return _read_gemini
    if value.get("object") == "response" or kind.startswith("response."):
        return _read_response
    if "choices" in value:
        return read_completion
    return _read_ollama if "done" in value else None


def _first_value(body: bytes) -> JSON:
    if looks_like_events(body):
        return next((one for _, one in payloads(body) if isinstance(one, dict)), None)
    value = decode(body)
    return None if isinstance(value, Undecodable) else value


# --- forms that have an endpoint; imported only when such an answer comes -------------------------


def _read_message(body: bytes) -> Completion | Rejected:
    from runner.endpoints.dialects.messages import read_message  # noqa: PLC0415 - see above

    return read_message(body)


def _read_gemini(body: bytes) -> Completion | Rejected:
    from runner.endpoints.dialects.gemini import read_gemini  # noqa: PLC0415 - see above

    found = read_gemini(body)
    if isinstance(found, Rejected):
        return found
    if found.blocked:
        refused = CompletionChoice(refusal=f"the prompt was blocked: {found.blocked}")
        return replace(found.completion, choices=(refused,))
    return _with_pictures(found.completion, found.images)


def _read_response(body: bytes) -> Completion | Rejected:
    from runner.endpoints.dialects.responses import (  # noqa: PLC0415 - see above
        read_response,
        status_failure,
    )

    found = read_response(body)
    if isinstance(found, Rejected):
        return found
    if failure := status_failure(found):
        return Rejected(failure=failure)
    return _with_pictures(found.completion, found.images)


def _with_pictures(completion: Completion, addresses: Sequence[str]) -> Completion:
    """The completion with these pictures in its first choice."""
    if not addresses or not completion.choices:
        return completion
    first, *others = completion.choices
    pictures: tuple[JSON, ...] = tuple(addresses)
    return replace(completion, choices=(replace(first, images=pictures), *others))


# --- forms without an endpoint --------------------------------------------------------------------


def _read_ollama(body: bytes) -> Completion:
    """Ollama's answer to a chat or to a prompt: one object, or one a line, the last one done."""
    values = [value for line in body.splitlines() if isinstance(value := decode(line), dict)]
    last = values[-1] if values and values[-1].get("done") is True else decode(body)
    if not isinstance(last, dict):  # pragma: no cover - the caller saw an object
        return Completion(cut=True)
    values = values if values and last is values[-1] else [last]
    texts = [_ollama_text(value) for value in values]
    finish = text_of(last.get("done_reason")) or "stop"
    return Completion(
        choices=(CompletionChoice(text="".join(texts), finish=finish),),
        usage=_counted(last, last.get("prompt_eval_count"), last.get("eval_count")),
        model=text_of(last.get("model")) or None,
        cut=last.get("done") is not True,
    )


def _ollama_text(value: Mapping[str, JSON]) -> str:
    message = value.get("message")
    content = message.get("content") if isinstance(message, dict) else value.get("response")
    return text_of(content)


def _counted(raw: Mapping[str, JSON], prompt: JSON, out: JSON) -> Usage | None:
    known = (count_of(prompt), count_of(out))
    if known == (None, None):
        return None
    counts = {name: raw[name] for name in ("prompt_eval_count", "eval_count") if name in raw}
    total = sum(count or 0 for count in known)
    return Usage(raw=counts, prompt_tokens=known[0], completion_tokens=known[1], total_tokens=total)


def _read_small_form(value: Mapping[str, JSON]) -> Completion | None:
    """Cohere's, DashScope's, Baidu's and Cloudflare's text, each with how it ended."""
    inner = value.get("output")
    holder = inner if isinstance(inner, dict) else value
    finish = text_of(holder.get("finish_reason"))
    text = text_of(holder.get("text")) or _message_text(holder.get("message"))
    if not (text and finish):
        finish, text = _without_ending(value)
    if not text:
        return None
    choice = CompletionChoice(text=text, finish=finish)
    model = text_of(value.get("model")) or None
    return Completion(choices=(choice,), usage=read_usage(value.get("usage")), model=model)


def _message_text(message: JSON) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return text_of(content)
    return "".join(text_of(part.get("text")) for part in content if isinstance(part, dict))


def _without_ending(value: Mapping[str, JSON]) -> tuple[str, str]:
    """Ending and text of services that tell success in another way than by a finish reason."""
    found = value.get("result")
    if isinstance(found, str) and isinstance(cut := value.get("is_truncated"), bool):
        return ("length" if cut else "stop"), found
    if isinstance(found, dict) and value.get("success") is True:
        return "stop", text_of(found.get("response"))
    return "", ""


def _read_generated(values: Sequence[JSON]) -> Completion | None:
    """The texts of a text-generation server, which answers only with whole ones."""
    texts = [text_of(value.get("generated_text")) for value in values if isinstance(value, dict)]
    choices = tuple(CompletionChoice(text=text, finish="stop") for text in texts if text)
    return Completion(choices=choices) if choices else None
