"""Understands the lines of a provider's batch file as rows: one request each."""

import json
from collections.abc import Mapping

from jobs.job import JSON

_ENDPOINTS = {"/chat/completions": "chat", "/embeddings": "embedding"}
"""By the end of the path: Azure leaves out the version, Zhipu has another, and some name a host."""


def batch_row(record: Mapping[str, JSON]) -> dict[str, JSON] | None:
    """The row for a line of a batch file; None for any other record.

    OpenAI's form has custom_id, method, url and body, Anthropic's custom_id and params, Gemini's
    key and request, without a model. Each part of the request becomes a column: model and prompt by
    their names, all else as `body.<name>`, so that exactly this request is sent. Raises ValueError
    for a request that no row can be.
    """
    contents = record.get("request")
    if isinstance(contents, dict) and record.keys() == {"key", "request"}:
        return _gemini(record["key"], contents)
    body = record.get("body")
    params = record.get("params")
    if isinstance(body, dict) and {"custom_id", "url"} <= record.keys():
        endpoint, request = _endpoint_of(str(record["url"])), body
    elif isinstance(params, dict) and record.keys() == {"custom_id", "params"}:
        endpoint, request = "messages", params
    else:
        return None
    if endpoint is None:
        raise ValueError(f"no endpoint for {record['url']}")
    head = {name: value for name, value in record.items() if value is not request}
    return {**head, "endpoint": endpoint, **_fields(request)}


def _endpoint_of(url: str) -> str | None:
    path = url.partition("?")[0].rstrip("/")
    return next((name for end, name in _ENDPOINTS.items() if path.endswith(end)), None)


def _fields(request: Mapping[str, JSON]) -> dict[str, JSON]:
    fields: dict[str, JSON] = {}
    for name, value in request.items():
        match name, value:
            case "model", _:
                fields["model"] = value
            case "messages", list():
                fields["prompt"] = _last_words(value)
                fields["body.messages"] = value
            case "input", str():
                fields["prompt"] = value
            case "stream", _:
                fields["stream"] = value
            case _:
                fields[f"body.{name}"] = _literal(value)
    return fields


def _gemini(key: JSON, request: Mapping[str, JSON]) -> dict[str, JSON] | None:
    contents = request.get("contents")
    if not isinstance(contents, list):
        return None
    last = contents[-1] if contents else None
    parts = last.get("parts") if isinstance(last, dict) else None
    members = {f"body.{name}": _literal(value) for name, value in request.items()}
    return {"key": key, "endpoint": "gemini", "prompt": _texts(parts, "(contents)"), **members}


def _literal(value: JSON) -> JSON:
    """A value that is read as itself: a text that looks like JSON would be read as that."""
    if not isinstance(value, str):
        return value
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return value
    return json.dumps(value, ensure_ascii=False)


def _last_words(messages: list[JSON]) -> str:
    """What the last message says, which names the row for people."""
    content = messages[-1].get("content") if messages and isinstance(messages[-1], dict) else None
    if isinstance(content, str):
        return content
    return _texts(content, "(messages)")


def _texts(parts: JSON, otherwise: str) -> str:
    pieces = parts if isinstance(parts, list) else []
    texts = [str(one["text"]) for one in pieces if isinstance(one, dict) and "text" in one]
    return " ".join(texts) or otherwise
