"""Extracts the error from a reply, in any of the shapes that providers use."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON
from runner.protocol.call import Reply
from runner.protocol.json_text import Undecodable, decode

_KEY = re.compile(r"\b(?:sk|rk|pk)-[\w*.\-]{6,}|\bAIza[\w-]{20,}|(?<=Bearer )[\w.\-]{8,}")
_HTML_TITLE = re.compile(r"<title[^>]*>([^<]{0,300})", re.IGNORECASE)
_CLOUDFLARE_RAY = re.compile(r"\b[0-9a-f]{16}\b")
_MESSAGE_NAMES = (
    *("message", "msg", "error_msg", "error_message", "errmsg", "err_msg", "err", "Message"),
    *("description", "error_description", "detail", "details", "reason"),
)
_DETAIL_LIST_NAMES = ("validation", "issues", "validation_errors")
_CODE_NAMES = ("code", "error_code", "errcode", "err_code", "Code", "errorCode")
_SUCCESS_CODES = frozenset({"0", "200", "success", "ok", "none"})
_NO_ERROR_CODES = _SUCCESS_CODES | {"", "1", "21", "22"}
_NO_ERROR_WORDS = _SUCCESS_CODES | {"", "null", "false", "no error", "no_error"}
_RETRY_IN_PHRASE = re.compile(
    r"(?:retry|try again|retrying) (?:in|after) (\d{1,6}(?:\.\d{1,6})?) ?"
    r"(ms|s|secs?|seconds?|m|mins?|minutes?)\b",
    re.IGNORECASE,
)
_DURATION_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
_SECONDS_BY_UNIT = {"ms": 1e-3, "mi": 60.0, "s": 1.0, "se": 1.0, "m": 60.0}
MAX_QUOTED_CHARACTERS = 20_000
_GATEWAY_TYPES = frozenset({"new_api_error", "one_api_error", "upstream_error", "openai_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderError:
    """An error as a provider sent it: `number` is its numeric code, `message` one masked line."""

    code: str = ""
    type: str = ""
    message: str = ""
    number: int | None = None
    is_html: bool = False
    from_gateway: bool = False  # New API family: it may be about the operator's upstream account
    is_midjourney: bool = False
    retry_after: float | None = None  # seconds to wait, if the body names them

    @property
    def searchable_text(self) -> str:
        """The text that the phrase table is matched against; empty for an HTML page."""
        return "" if self.is_html else f"{self.code} {self.type} {self.message}"


def one_line(text: str, limit: int = 500) -> str:
    """The text as one line of at most `limit` characters, without control characters or keys."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    masked = _KEY.sub("sk-***", line)
    return masked if len(masked) <= limit else f"{masked[: limit - 1]}…"


def error_of(reply: Reply) -> ProviderError:
    """The error that a refused reply reports; an empty ProviderError if it reports none."""
    value = decode(reply.text)
    if isinstance(value, Undecodable) and value.reason == "not_json":
        value = _behind_pings(reply.text, value)
    from_gateway = "x-oneapi-request-id" in reply.headers or "x-new-api-version" in reply.headers
    if isinstance(value, Undecodable):
        return _page(value, reply.headers, from_gateway=from_gateway)
    return error_in(value, from_gateway=from_gateway)


def _behind_pings(body: bytes, plain: Undecodable) -> JSON | Undecodable:
    """The JSON after `: PING` lines, which New API may send before it knows of the error."""
    found = decode(b"\n".join(part for part in body.splitlines() if not part.startswith(b":")))
    if isinstance(found, Undecodable) and b"data:" in body:
        for line in body.splitlines():
            if line.startswith(b"data:"):
                found = decode(line[5:])
                break
    return plain if isinstance(found, Undecodable) else found


def _page(page: Undecodable, headers: Mapping[str, str], *, from_gateway: bool) -> ProviderError:
    if page.reason != "html":
        return ProviderError(message=one_line(page.text), from_gateway=from_gateway)
    title = _HTML_TITLE.search(page.text[:20_000])
    ray = headers.get("cf-ray", "")
    if (
        not ray
        and "cf-error" in page.text[:100_000]
        and (found := _CLOUDFLARE_RAY.search(page.text[:100_000]))
    ):
        ray = found[0]
    description = title[1] if title else "an HTML page"
    return ProviderError(
        message=one_line(f"{description} (ray {ray})" if ray else description),
        is_html=True,
        from_gateway=from_gateway,
    )


def error_in(value: JSON, *, from_gateway: bool = False) -> ProviderError:
    """The error that a JSON body reports, in any provider's format."""
    if isinstance(value, list):  # Gemini wraps its error in a list
        value = value[0] if value else None
    if not isinstance(value, dict):
        return ProviderError(message=one_line(_flat_message(value)), from_gateway=from_gateway)
    if _minimax_status(value):
        return _minimax_error(value)
    error = _error_member(value)
    source: Mapping[str, JSON] = error if isinstance(error, dict) else value
    message = (
        _flat_message(error) if error and not isinstance(error, dict | bool) else _message(source)
    )
    cause = _cause(source, message)
    code = _code(source) or cause.code
    if cause.code and code.isdecimal():
        code = cause.code
    kind = str(source.get("type") or "").lower()
    own_code = _code(source)
    wait, by_day = _quota_details(source)
    return ProviderError(
        code=code,
        type=cause.type if kind in ("", "error") else kind,
        message=one_line(_with_cause(message, cause.message) or own_code or code),
        number=int(own_code) if own_code.isdecimal() and len(own_code) < 6 else None,
        from_gateway=from_gateway or kind in _GATEWAY_TYPES or "(request id:" in message.lower(),
        is_midjourney=source is value and own_code.isdecimal() and "description" in value,
        retry_after=None if by_day else wait if wait is not None else _retry_in(message),
    )


def _error_member(value: Mapping[str, JSON]) -> JSON:
    """The value of `error`, or of one of the other names that providers use for it."""
    for holder in (value, value.get("Response"), value.get("header")):
        if not isinstance(holder, dict):
            continue
        for name in ("error", "Error", "errors"):
            found: JSON = holder.get(name)
            if isinstance(found, list) and found and isinstance(found[0], dict):
                found = found[0]
            if isinstance(found, dict) and isinstance(found.get("error"), dict):
                found = found["error"]
            if found:
                return found
    header = value.get("header")
    return header if isinstance(header, dict) and _code(header) not in _NO_ERROR_CODES else None


def _cause(source: Mapping[str, JSON], message: str) -> ProviderError:
    """The upstream error that a gateway quotes: in `metadata.raw`, or as JSON in its message."""
    metadata = source.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not raw and "{" in message:
        start = message.index("{")
        raw = message[start : start + MAX_QUOTED_CHARACTERS]
    found = decode(raw) if isinstance(raw, str) else raw
    if isinstance(found, dict) and (found.get("error") or found.get("message")):
        return error_in(found)
    return ProviderError()


def _with_cause(message: str, cause: str) -> str:
    return f"{message}: {cause}" if cause and cause not in message else message


def _minimax_status(value: Mapping[str, JSON]) -> str:
    """MiniMax's own error code, sent with HTTP 200; empty on success or if there is none."""
    answer = value.get("base_resp")
    code = answer.get("status_code") if isinstance(answer, dict) else None
    return "" if code in (None, 0, "0", "") else str(code).strip()


def _minimax_error(value: Mapping[str, JSON]) -> ProviderError:
    answer = value.get("base_resp")
    message = _flat_message(answer.get("status_msg")) if isinstance(answer, dict) else ""
    code = _minimax_status(value)
    return ProviderError(code=code, type="base_resp", message=one_line(message or code))


def _quota_details(source: Mapping[str, JSON]) -> tuple[float | None, bool]:
    """From Google's `details`: seconds to wait, and whether a daily limit is used up."""
    details = source.get("details")
    wait, by_day = None, False
    for item in details if isinstance(details, list) else []:
        if not isinstance(item, dict):
            continue
        found = _DURATION_SECONDS.fullmatch(str(item.get("retryDelay") or ""))
        wait = float(found[1]) if found else wait
        by_day = by_day or "PerDay" in json.dumps(item.get("violations"))
    return wait, by_day


def _retry_in(message: str) -> float | None:
    """The seconds to wait that a message names: "Please try again in 1.2s"."""
    found = _RETRY_IN_PHRASE.search(message)
    return float(found[1]) * _SECONDS_BY_UNIT[found[2][:2].lower().strip()] if found else None


def _code(source: Mapping[str, JSON]) -> str:
    details = source.get("details")
    if isinstance(details, dict) and details.get("error_code"):  # Anthropic's spend limits
        return str(details["error_code"]).lower()
    for name in _CODE_NAMES:
        code = source.get(name)
        if code is not None and code != "" and not isinstance(code, dict | list | bool):
            return str(code).strip().lower()
    return ""


def _message(source: Mapping[str, JSON]) -> str:
    words = next((text for name in _MESSAGE_NAMES if (text := _flat_message(source.get(name)))), "")
    lists = "; ".join(
        text for name in _DETAIL_LIST_NAMES if (text := _flat_message(source.get(name)))
    )
    return f"{words}: {lists}" if words and lists else words or lists


def _flat_message(value: JSON) -> str:
    """The message in a string, a list of validation errors, or any other JSON value."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        return "; ".join(text for item in value[:20] if (text := _flat_message(item)))
    if isinstance(value, dict):
        text = next((str(value[name]) for name in _MESSAGE_NAMES if value.get(name)), "")
        where = value.get("loc")
        place = ".".join(str(step) for step in where) if isinstance(where, list) else ""
        return f"{place}: {text}" if place and text else text
    return str(value)


def is_error(value: JSON) -> bool:
    """True if the body of a 2xx reply is an error and contains no answer as well."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and bool(value[0].get("error"))
    if not isinstance(value, dict):
        return False
    if reports_error_beside(value):
        return not any(
            isinstance(value.get(name), list) and value[name] for name in _ANSWER_LIST_NAMES
        )
    if "error" in (value.get("object"), value.get("type")):
        return True
    if any(value.get(name) for name in (*_ANSWER_LIST_NAMES, "content", "result")):
        return False
    # Midjourney ({code, description}) and task APIs ({code, message}) have no `error` object
    has_message = "description" in value or bool(_message(value))
    bare = "id" not in value or bool(value.get("error_code"))
    return has_message and bare and _code(value) not in _NO_ERROR_CODES


_ANSWER_LIST_NAMES = ("choices", "data")
_REPORTING_NAMES = frozenset(
    {"error", "Error", "errors", "Response", "header", "success", "base_resp"}
)
"""The members in which a body can report an error beside an answer."""


def reports_error_beside(value: Mapping[str, JSON]) -> bool:
    """True if a body reports an error, even if it also contains an answer."""
    if _REPORTING_NAMES.isdisjoint(value):  # nearly every answer
        return False
    return (
        reports_error(value.get("error"))
        or str(value.get("success")).lower() == "false"
        or bool(_minimax_status(value))
        or reports_error(_error_member(value))
    )


def reports_error(error: JSON) -> bool:
    """True if the value of an `error` member reports an error.

    Some servers add an error object to every success: all its members are empty, or its code means
    success.
    """
    if isinstance(error, dict):
        return any(error.values()) and _code(error) not in _SUCCESS_CODES
    if isinstance(error, str):
        return error.strip().lower() not in _NO_ERROR_WORDS
    if isinstance(error, list):
        return any(map(reports_error, error))
    return bool(error)
