"""Reads JSON that strangers wrote, whatever is wrong with it."""

import json
import re
from dataclasses import dataclass
from typing import NoReturn, cast

from jobs.job import JSON

MAX_JSON_DEPTH = (
    200  # levels; what nests deeper is an attack or an accident, and breaks others later
)
_BIG_EXPONENT = re.compile(r"[eE]\+?\d{3}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HTML = re.compile(r"<(?:!doctype|html|head|body|center|title|h1|\?xml)\b|<\?xml", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """A body that holds no JSON: `empty`, `html`, `not_json` or `too_deep`, with its text."""

    reason: str
    text: str = ""


def decode(body: bytes | str) -> JSON | Undecodable:
    """The JSON in a body. Never raises.

    NaN and numbers out of range become null and lone surrogates U+FFFD, because a paid answer must
    not be lost for one bad number. Of two glued objects the first counts (New API's rate limiter
    forgets a return and writes two).
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = text.strip().lstrip("\ufeff").lstrip()
    if not text:
        return Undecodable(reason="empty")
    if _HTML.match(text):
        return Undecodable(reason="html", text=text)
    try:
        value = _parse(text)
        if text.count("[") + text.count("{") > MAX_JSON_DEPTH and is_deep(value):
            return Undecodable(reason="too_deep", text=text[:500])
        return _mended(value) if _SURROGATE.search(text) else value
    except RecursionError:
        return Undecodable(reason="too_deep", text=text[:500])
    except ValueError:
        return Undecodable(reason="not_json", text=text)


def is_deep(value: JSON) -> bool:
    """Does it nest deeper than anything we would store? Walks without recursion."""
    level: list[JSON] = [value]
    for _ in range(MAX_JSON_DEPTH):
        below: list[JSON] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return False
        level = below
    return True


def _parse(text: str) -> JSON:
    try:
        value, end = _decoder(text).raw_decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with more digits than Python converts
        value, end = _GUARDED.raw_decode(text)
    if rest := text[end:].lstrip():
        if not isinstance(value, dict) or not rest.startswith("{"):
            raise ValueError("something follows the JSON")
        _GUARDED.decode(rest)
    return cast("JSON", value)


def _decoder(text: str) -> json.JSONDecoder:
    return _GUARDED if _BIG_EXPONENT.search(text) else _PLAIN


def _nothing(_: str) -> None:
    return None


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) != float("inf") else None


def _small(digits: str) -> int | None:
    return int(digits) if len(digits) < 100 else None


# strict=False: raw line breaks inside strings are a common fault of gateways
_PLAIN = json.JSONDecoder(parse_constant=_nothing, strict=False)
_GUARDED = json.JSONDecoder(
    parse_constant=_nothing, parse_float=_finite, parse_int=_small, strict=False
)


def _mended(value: JSON) -> JSON:
    """The same value without lone surrogates, which no database and no file can store."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {cast("str", _mended(key)): _mended(item) for key, item in value.items()}
    return value


def parse_strict(text: str) -> JSON:
    """JSON that a user wrote, where a mistake is an error.

    Raises ValueError.
    """

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    def finite(digits: str) -> float:
        value = float(digits)
        if abs(value) == float("inf"):
            raise ValueError(f"{digits} is out of range")
        return value

    try:
        value = cast("JSON", json.loads(text, parse_constant=refuse, parse_float=finite))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if is_deep(value):
        raise ValueError("nested too deeply")
    return _mended(value) if _SURROGATE.search(text) else value
