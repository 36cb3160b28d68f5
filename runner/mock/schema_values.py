"""Builds a JSON value that matches a simple JSON schema."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from jobs.job import JSON
from runner.mock.chance import chance

_DEPTH = 12  # stops a schema that refers to itself
_DATES = {"date": "2026-01-02", "date-time": "2026-01-02T03:04:05Z", "email": "ann@example.com"}

Schema: TypeAlias = Mapping[str, Any]  # foreign JSON; unknown keywords are ignored


def example(schema: Schema, words: str, *, sha: str = "") -> JSON:
    """A value for the schema; strings come from `words`, numbers depend on `sha`."""
    return _value(schema, _Source(schema, words, sha), "$", _DEPTH)


class _Source:
    """The material for the values."""

    def __init__(self, root: Schema, words: str, sha: str) -> None:
        self.root = root
        self.words = words.split() or ["mock"]
        self.sha = sha

    def luck(self, place: str) -> float:
        return chance(0, self.sha, place)

    def referred(self, schema: Schema) -> Schema:
        """The target of a local `$ref`, else the schema itself."""
        found: Any = self.root
        for name in str(schema.get("$ref", "")).removeprefix("#").strip("/").split("/"):
            if name:
                found = found.get(name) if isinstance(found, dict) else None
        return found if "$ref" in schema and isinstance(found, dict) else schema


def _value(schema: Any, source: _Source, place: str, depth: int) -> JSON:
    if not isinstance(schema, dict) or depth == 0:
        return None
    schema = source.referred(schema)
    for name in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(name), list) and schema[name]:
            return _value(schema[name][0], source, place, depth - 1)
    if "const" in schema:
        fixed: JSON = schema["const"]
        return fixed
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        chosen: JSON = choices[int(source.luck(place) * len(choices))]
        return chosen
    return _typed(schema, source, place, depth)


def _typed(schema: Schema, source: _Source, place: str, depth: int) -> JSON:
    match _kind(schema):
        case "object":
            return {
                name: _value(inner, source, f"{place}.{name}", depth - 1)
                for name, inner in _properties(schema).items()
            }
        case "array":
            count = min(max(int(schema.get("minItems", 2)), 0), int(schema.get("maxItems", 100)))
            inner = schema.get("items", {"type": "string"})
            return [_value(inner, source, f"{place}[{n}]", depth - 1) for n in range(count)]
        case "integer" | "number" as kind:
            return _number(schema, source.luck(place), whole=kind == "integer")
        case "boolean":
            return source.luck(place) < 0.5
        case "null":
            return None
        case _:
            return _string(schema, source, place)


def _kind(schema: Schema) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return str(kind[0]) if isinstance(kind, list) and kind else str(kind)


def _properties(schema: Schema) -> dict[str, Any]:
    """All described properties, and required ones without a description."""
    described: dict[str, Any] = schema.get("properties", {})
    return {name: {"type": "string"} for name in schema.get("required", [])} | described


def _number(schema: Schema, luck: float, *, whole: bool) -> float:
    low: float | None = schema.get("minimum", schema.get("exclusiveMinimum"))
    high: float | None = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = min(0, high - 10) if high is not None else 0
    if high is None:
        high = low + 10
    number = low + (high - low) * (0.1 + 0.8 * luck)
    if whole:
        return max(math.ceil(low), min(round(number), math.floor(high)))
    return round(number, 3) if high - low > 0.1 else float(number)


def _string(schema: Schema, source: _Source, place: str) -> str:
    if schema.get("format") in _DATES:
        return _DATES[schema["format"]]
    words = source.words
    text = words[int(source.luck(place) * len(words))].strip('.,;:!?"') or "mock"
    text = text.ljust(int(schema.get("minLength", 0)), "x")
    return text[: int(schema.get("maxLength", 200))]
