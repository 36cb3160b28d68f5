"""Decodes JSON from servers and users, tolerating the faults that occur in practice."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, cast

from jobs.job import JSON

MAX_JSON_DEPTH = 200
"""Levels. Deeper nesting is an attack or an accident, and breaks other programs later."""
_BIG_EXPONENT = re.compile(r"[eE]\+?\d{3}")
BIG_EXPONENT_LENGTH = 5  # of its longest match
SEARCHED_AT_ONCE = 1 << 18  # characters; about a millisecond
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_HTML_START = re.compile(
    r"<(?:!doctype|html|head|body|center|title|h1|\?xml)\b|<\?xml", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """A body that is not JSON. `reason`: `empty`, `html`, `not_json` or `too_deep`."""

    reason: str
    text: str = ""


def decode(body: bytes | str) -> JSON | Undecodable:
    """The JSON value of a body. Never raises.

    NaN and out-of-range numbers become null and lone surrogates U+FFFD, because a billed answer
    must not be lost to one bad number. Anything after a complete object or list of objects is
    ignored: New API's rate limiter writes a second object, proxies add a comment or a NUL.
    """
    return _decoded(body, _object_first)


def decode_alone(text: str) -> JSON | Undecodable:
    """As `decode`, but text after the JSON value makes it Undecodable. Never raises."""
    return _decoded(text, _single_value)


def decode_with_halves(text: str) -> JSON | Undecodable:
    """As `decode`, but keeps lone surrogates: the other half of the pair comes in the next event.
    `with_whole_characters` joins them afterwards.
    """
    return _decoded(text, _object_first, mend=_unchanged)


def _decoded(
    body: bytes | str,
    parse: Callable[[str], JSON],
    *,
    mend: Callable[[JSON], JSON] | None = None,
) -> JSON | Undecodable:
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = text.strip().lstrip("\ufeff").lstrip()
    if not text:
        return Undecodable(reason="empty")
    if _HTML_START.match(text):
        return Undecodable(reason="html", text=text)
    try:
        value = parse(text)
        if text.count("[") + text.count("{") > MAX_JSON_DEPTH and is_deep(value):
            return Undecodable(reason="too_deep", text=text[:500])
        return (mend or with_whole_characters)(value) if _has_surrogate(text) else value
    except RecursionError:
        return Undecodable(reason="too_deep", text=text[:500])
    except ValueError:
        return Undecodable(reason="not_json", text=text)


def _has_surrogate(text: str) -> bool:
    return "\\u" in text and _SURROGATE_ESCAPE.search(text) is not None  # `in` is ten times as fast


def _unchanged(value: JSON) -> JSON:
    return value


def is_deep(value: JSON) -> bool:
    """True if a value nests deeper than MAX_JSON_DEPTH. Does not recurse."""
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


def _object_first(text: str) -> JSON:
    value, end = _parsed(text)
    if not isinstance(value, dict) and not _is_list_of_objects(value) and text[end:].strip():
        raise ValueError("something follows the JSON")
    return value


def _is_list_of_objects(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _single_value(text: str) -> JSON:
    value, end = _parsed(text)
    if text[end:].strip():
        raise ValueError("something follows the JSON")
    return value


def _parsed(text: str) -> tuple[JSON, int]:
    """The first JSON value of a text, and the offset of its end."""
    try:
        value, end = _decoder(text).raw_decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with more digits than Python converts
        value, end = _GUARDED_DECODER.raw_decode(text)
    return cast("JSON", value), end


def _decoder(text: str) -> json.JSONDecoder:
    return _GUARDED_DECODER if _may_be_infinite(text) else _PLAIN_DECODER


def _may_be_infinite(text: str) -> bool:
    """True if a number in it may be too large. A search holds up all threads, so each is short."""
    if len(text) <= SEARCHED_AT_ONCE:
        return _BIG_EXPONENT.search(text) is not None
    slices = range(0, len(text), SEARCHED_AT_ONCE)
    return any(
        _BIG_EXPONENT.search(text, start, start + SEARCHED_AT_ONCE + BIG_EXPONENT_LENGTH)
        for start in slices
    )


def _no_constant(_: str) -> None:
    return None


def _finite_number(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) != float("inf") else None


def _short_integer(digits: str) -> int | None:
    return int(digits) if len(digits) < 100 else None


# strict=False: gateways often send raw line breaks inside strings
_PLAIN_DECODER = json.JSONDecoder(parse_constant=_no_constant, strict=False)
_GUARDED_DECODER = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=_finite_number, parse_int=_short_integer, strict=False
)


def with_whole_characters(value: JSON) -> JSON:
    """The value with surrogate pairs joined; lone ones, which cannot be stored, become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [with_whole_characters(item) for item in value]
    if isinstance(value, dict):
        pairs = ((with_whole_characters(key), item) for key, item in value.items())
        return {cast("str", key): with_whole_characters(item) for key, item in pairs}
    return value


def parse_strict(text: str) -> JSON:
    """The JSON value of a user's text. Raises ValueError for any mistake in it."""

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
    return with_whole_characters(value) if _has_surrogate(text) else value
