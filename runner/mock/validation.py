"""Errors in a request, and the checks that all kinds of request share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from jobs.job import JSON
from runner.mock.schema_values import example

Fields: TypeAlias = Mapping[str, Any]  # parsed JSON, not yet checked

_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRequest:
    """An error in a request, with the fields of OpenAI's error body."""

    message: str
    param: str | None = None
    code: str | None = None


class InvalidRequestError(Exception):
    """Stops reading a request; always caught by the reader."""

    def __init__(self, problem: InvalidRequest) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parsed(body: bytes) -> dict[str, Any]:
    """The object in a JSON body, without nulls. Raises InvalidRequestError."""
    try:
        fields = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        wrong("We could not parse the JSON body of your request.")
    if not isinstance(fields, dict):
        wrong("The JSON body must be an object.")
    return {name: value for name, value in fields.items() if value is not None}


def check_type(name: str, value: Any, types: tuple[type, ...]) -> None:
    """Check the JSON type; true is not an integer."""
    if type(value) not in types:
        wanted = " or ".join(_NAMES.get(kind, "a number") for kind in types)
        wrong(f"Invalid type for '{name}': expected {wanted}.", name, "invalid_type")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Check that a number is within its limits."""
    if not low <= value <= high:
        wrong(f"Invalid '{name}': {value} is not from {low} to {high}.", name)


def check_one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Check that a word is known."""
    if value not in known:
        listed = ", ".join(f"'{word}'" for word in known)
        wrong(f"Invalid value: {value!r}. Supported values are: {listed}.", name, "invalid_value")


def checked_schema(name: str, schema: Any) -> Mapping[str, JSON]:
    """Check that a value can be built for a schema."""
    check_type(name, schema, (dict,))
    try:
        example(schema, "")
    except (TypeError, ValueError, AttributeError, KeyError):
        wrong(f"Invalid schema for '{name}'.", name, "invalid_json_schema")
    checked: Mapping[str, JSON] = schema
    return checked


def wrong(message: str, param: str | None = None, code: str | None = None) -> NoReturn:
    """Raise InvalidRequestError."""
    raise InvalidRequestError(InvalidRequest(message=message, param=param, code=code))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
