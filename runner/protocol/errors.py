"""Finds the error in an answer, in whichever of the known shapes it comes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON
from runner.protocol.call import Reply
from runner.protocol.json_text import Undecodable, decode

_KEY = re.compile(r"\b(?:sk|rk|pk)-[\w*.\-]{6,}|\bAIza[\w-]{20,}|(?<=Bearer )[\w.\-]{8,}")
_TITLE = re.compile(r"<title[^>]*>([^<]{0,300})", re.IGNORECASE)
_RAY = re.compile(r"\b[0-9a-f]{16}\b")
_WORDS = ("message", "msg", "error_msg", "err", "description", "detail", "details", "reason")
_FINE = frozenset({"", "0", "1", "200", "success", "ok", "none", "21", "22"})
_GATEWAY_TYPES = frozenset({"new_api_error", "one_api_error", "upstream_error", "openai_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderError:
    """An error as a provider sent it: `number` is its numeric code, `message` one masked line."""

    code: str = ""
    type: str = ""
    message: str = ""
    number: int | None = None
    is_html: bool = False
    from_gateway: bool = (
        False  # a New API or One API gateway speaks, perhaps of somebody else's account
    )
    is_midjourney: bool = False

    @property
    def searchable_text(self) -> str:
        """What the tables look at: code, type and words; nothing of an HTML page."""
        return "" if self.is_html else f"{self.code} {self.type} {self.message}"


def one_line(text: str, limit: int = 500) -> str:
    """One line of a provider's words, without control characters and without keys."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    masked = _KEY.sub("sk-***", line)
    return masked if len(masked) <= limit else f"{masked[: limit - 1]}…"


def error_of(reply: Reply) -> ProviderError:
    """The fault that a refused reply tells of; empty where it says nothing."""
    value = decode(reply.body)
    if isinstance(value, Undecodable) and value.reason == "not_json":
        value = _behind_pings(reply.body, value)
    from_gateway = "x-oneapi-request-id" in reply.headers or "x-new-api-version" in reply.headers
    if isinstance(value, Undecodable):
        return _page(value, reply.headers, from_gateway=from_gateway)
    return error_in(value, from_gateway=from_gateway)


def _behind_pings(body: bytes, plain: Undecodable) -> JSON | Undecodable:
    """New API may have sent `: PING` lines before it knew of the error."""
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
    title = _TITLE.search(page.text[:20_000])
    ray = headers.get("cf-ray", "")
    if (
        not ray
        and "cf-error" in page.text[:100_000]
        and (found := _RAY.search(page.text[:100_000]))
    ):
        ray = found[0]
    told = title[1] if title else "an HTML page"
    return ProviderError(
        message=one_line(f"{told} (ray {ray})" if ray else told),
        is_html=True,
        from_gateway=from_gateway,
    )


def error_in(value: JSON, *, from_gateway: bool = False) -> ProviderError:
    """The fault that a JSON body tells of, whichever family it belongs to."""
    if isinstance(value, list):  # Gemini wraps its error in a list
        value = value[0] if value else None
    if not isinstance(value, dict):
        return ProviderError(message=one_line(_flat(value)), from_gateway=from_gateway)
    error = value.get("error")
    if isinstance(error, dict) and isinstance(error.get("error"), dict):
        error = error["error"]
    source: dict[str, JSON] = error if isinstance(error, dict) else value
    said = _flat(error) if error and not isinstance(error, dict | bool) else _said(source)
    code = _code(source)
    kind = str(source.get("type") or "").lower()
    return ProviderError(
        code=code,
        type="" if kind == "error" else kind,
        message=one_line(said or code),
        number=int(code) if code.isdecimal() and len(code) < 6 else None,
        from_gateway=from_gateway or kind in _GATEWAY_TYPES or "(request id:" in said.lower(),
        is_midjourney=source is value and code.isdecimal() and "description" in value,
    )


def _code(source: Mapping[str, JSON]) -> str:
    details = source.get("details")
    if isinstance(details, dict) and details.get("error_code"):  # Anthropic's spend limits
        return str(details["error_code"]).lower()
    code = source.get("code")
    return "" if code is None or isinstance(code, dict | list | bool) else str(code).strip().lower()


def _said(source: Mapping[str, JSON]) -> str:
    return next((said for name in _WORDS if (said := _flat(source.get(name)))), "")


def _flat(value: JSON) -> str:
    """Words out of a string, a list of validation errors, or whatever else came."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        return "; ".join(said for item in value[:20] if (said := _flat(item)))
    if isinstance(value, dict):
        said = next((str(value[name]) for name in _WORDS if value.get(name)), "")
        where = value.get("loc")
        place = ".".join(str(step) for step in where) if isinstance(where, list) else ""
        return f"{place}: {said}" if place and said else said
    return str(value)


def is_error(value: JSON) -> bool:
    """Is this body of a 2xx answer an error after all?"""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and bool(value[0].get("error"))
    if not isinstance(value, dict):
        return False
    if _tells(value.get("error")) or value.get("success") is False:
        return True
    if "error" in (value.get("object"), value.get("type")):
        return True
    if any(value.get(name) for name in ("choices", "data", "content", "result")):
        return False
    # Midjourney ({code, description}) and task APIs ({code, message}) have no `error` object
    told = "description" in value or bool(_flat(value.get("message")))
    return told and "id" not in value and _code(value) not in _FINE


def _tells(error: JSON) -> bool:
    """Some servers send an error object whose members are all empty with every success."""
    return any(error.values()) if isinstance(error, dict) else bool(error)
