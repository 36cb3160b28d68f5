"""Checks structured output against the schema that was asked for."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jobs.job import JSON, Failure, FailureClass
from runner.protocol.errors import one_line
from runner.protocol.json_text import Undecodable, decode

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_FENCE = re.compile(r"```[\w-]{0,20}[ \t]*\n(.*?)```", re.DOTALL)
_THINKING = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured:
    """A value that the answer's text gave, checked."""

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
    """May `strict` be asked for? Every object must be closed and require all its properties."""
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


def schema_fault(schema: Mapping[str, JSON]) -> str | None:
    """What is wrong with a schema, before it is paid for."""
    name = schema.get("name", "answer")
    if _is_wrapped(schema) and not (isinstance(name, str) and _NAME.fullmatch(name)):
        return "its name must be 1 to 64 of a-z A-Z 0-9 _ -"
    return _fault(json.dumps(schema_in(schema), sort_keys=True))


@lru_cache(maxsize=64)
def _fault(schema: str) -> str | None:
    import jsonschema  # noqa: PLC0415 - slow to import, and few sheets have a schema

    value = json.loads(schema)
    if any(not reference.startswith("#") for reference in _references(value)):
        return "a $ref must point into the schema itself"
    try:
        _validator(schema).check_schema(value)
    except jsonschema.SchemaError as error:
        return one_line(error.message, 200)
    except RecursionError:
        return "it nests too deeply"
    return None


def _references(value: JSON) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
    for item in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    ):
        yield from _references(item)


@lru_cache(maxsize=64)
def _validator(schema: str) -> "Validator":
    import jsonschema  # noqa: PLC0415 - as above
    from referencing import Registry  # noqa: PLC0415 - as above

    value = json.loads(schema)
    cls = jsonschema.validators.validator_for(value, default=jsonschema.Draft202012Validator)
    registry: Any = Registry()  # an empty one: nothing is ever fetched from the network
    return cls(value, registry=registry)


def read_structured(text: str, schema: Mapping[str, JSON] | None) -> Structured | Failure:
    """The JSON in a text, fenced or in prose; with a schema, the first that fits it."""
    faults = []
    for candidate in _candidates(_THINKING.sub("", text, count=1)):
        value = decode(candidate)
        if isinstance(value, Undecodable) or (
            schema is None and not isinstance(value, dict | list)
        ):
            continue
        fault = _mismatch(value, schema) if schema is not None else None
        if fault is None:
            return Structured(value=value)
        faults.append(fault)
    if faults:
        return Failure(kind=FailureClass.SCHEMA, cause="mismatch", detail=faults[0])
    return Failure(kind=FailureClass.SCHEMA, cause="not_json", detail=one_line(text, 200))


def _candidates(text: str) -> Iterator[str]:
    yield text
    for fence in _FENCE.finditer(text):
        yield fence[1]
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            yield text[start : end + 1]


def _mismatch(value: JSON, schema: Mapping[str, JSON]) -> str | None:
    import jsonschema  # noqa: PLC0415 - as above
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as above

    try:
        validator = _validator(json.dumps(schema, sort_keys=True))
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError, re.error) as fault:
        return one_line(f"the schema cannot be applied: {fault}", 300)
    return one_line(f"{error.json_path}: {error.message}", 300) if error else None
