"""Parses structured output and checks it against the requested schema."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from jobs.job import JSON, Failure, FailureClass
from runner.endpoints.fields import InputError
from runner.protocol.errors import one_line
from runner.protocol.json_text import Undecodable, decode

_CODE_FENCE = re.compile(r"```[\w-]{0,20}[ \t]*\n(.*?)```", re.DOTALL)
MAX_CHECKED_VALUES = 20
_SCHEMA_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured:
    """The checked value of an answer's text."""

    value: JSON


def response_format(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """`response_format` for a bare schema or for {name, schema, strict}."""
    if not _is_wrapped(schema):
        schema = {"name": "answer", "schema": dict(schema), "strict": _is_closed(dict(schema))}
    wrapped = {"name": "answer", **schema}
    return {"type": "json_schema", "json_schema": wrapped}


def schema_in(schema: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The schema itself, bare or wrapped."""
    inner = schema.get("schema")
    return inner if _is_wrapped(schema) and isinstance(inner, dict) else schema


def _is_wrapped(schema: Mapping[str, JSON]) -> bool:
    return isinstance(schema.get("schema"), dict) and not {"type", "properties"} & schema.keys()


def _is_closed(schema: JSON) -> bool:
    """True if `strict` is possible: every object is closed and requires all its properties."""
    if isinstance(schema, list):
        return all(_is_closed(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) or schema.get("type") == "object":
        required = schema.get("required")
        names = set(properties) if isinstance(properties, dict) else set()
        listed = (
            {name for name in required if isinstance(name, str)}
            if isinstance(required, list)
            else set()
        )
        if schema.get("additionalProperties") is not False or listed != names:
            return False
    return all(_is_closed(item) for item in schema.values())


def schema_problem(schema: Mapping[str, JSON]) -> str | None:
    """The error in a schema, found before anything is billed; None if it is valid."""
    name = schema.get("name", "answer")
    if _is_wrapped(schema) and not (isinstance(name, str) and _SCHEMA_NAME.fullmatch(name)):
        return "its name must be 1 to 64 of a-z A-Z 0-9 _ -"
    return _known_error(json.dumps(schema_in(schema), sort_keys=True))


@lru_cache(maxsize=64)
def _known_error(schema: str) -> str | None:
    from runner.endpoints.dialects.schema_check import schema_error  # noqa: PLC0415 - few have one

    return schema_error(schema)


def check_schema(fields: Mapping[str, JSON]) -> None:
    """Checks a row's `schema` and the fields that conflict with it. Raises InputError."""
    schema = fields["schema"]
    if isinstance(schema, dict) and (fault := schema_problem(schema)):
        raise InputError("schema", expected="a valid JSON schema", found=fault)
    if fields.get("response_format") is not None:
        raise InputError(
            "response_format", expected="nothing beside `schema`", found="a value in both"
        )


def read_structured(text: str, schema: Mapping[str, JSON] | None) -> Structured | Failure:
    """The JSON in a text, fenced or inside prose; with a schema, the first value that matches."""
    faults = []
    checked = json.dumps(schema, sort_keys=True) if schema is not None else None
    for candidate in _candidates(_without_thoughts(text)):
        value = decode(candidate)
        if isinstance(value, Undecodable) or (
            checked is None and not isinstance(value, dict | list)
        ):
            continue
        fault = _mismatch(value, checked, size=len(text)) if checked is not None else None
        if fault is None:
            return Structured(value=value)
        faults.append(fault)
        if len(faults) >= MAX_CHECKED_VALUES:
            break
    if faults:
        return Failure(kind=FailureClass.SCHEMA, cause="mismatch", detail=faults[0])
    return Failure(kind=FailureClass.SCHEMA, cause="not_json", detail=one_line(text, 200))


def _mismatch(value: JSON, schema: str, *, size: int) -> str | None:
    """As `schema_check.mismatch`, which only answers with a schema need."""
    from runner.endpoints.dialects.schema_check import mismatch  # noqa: PLC0415 - see above

    return mismatch(value, schema, size=size)


def _without_thoughts(text: str) -> str:
    """The text without its `<think>` section; some templates leave out the opening tag."""
    start, end = text.find("<think>"), text.find("</think>")
    if end < 0:
        return text.strip()
    before = text[:start].rstrip() if 0 <= start < end else ""
    return (before + text[end + len("</think>") :]).strip()


def _candidates(text: str) -> Iterator[str]:
    yield text
    for fence in _CODE_FENCE.finditer(text):
        yield fence[1]
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            yield text[start : end + 1]
