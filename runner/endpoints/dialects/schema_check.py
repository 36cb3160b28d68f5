"""Checks values against the users' JSON schemas in bounded time.

The schema comes from a cell and the value from an answer, so neither may stop the run: patterns are
matched without backtracking, all steps are counted, and nothing is ever fetched.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jobs.job import JSON
from runner.endpoints.dialects.bounded_patterns import (
    StepBudget,
    TooManyStepsError,
    UnsupportedPatternError,
    compiled,
)
from runner.protocol.errors import one_line

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MIN_STEPS = 300_000
STEPS_PER_CHARACTER = 20
"""The budget of one check: a constant plus a share for each character of the answer."""
STEPS_PER_KEYWORD = 20  # a keyword takes as long as this many states of a pattern
_budget = threading.local()


def schema_error(schema: str) -> str | None:
    """The error in a schema, which is given as sorted JSON; None if it is valid."""
    import jsonschema  # noqa: PLC0415 - slow to import, and few sheets have a schema

    value = json.loads(schema)
    try:
        if any(not reference.startswith("#") for reference in _members_named(value, "$ref")):
            return "a $ref must point into the schema itself"
        for pattern in _patterns(value):
            compiled(pattern)
        _validator(schema).check_schema(value)
    except jsonschema.SchemaError as error:
        return one_line(error.message, 200)
    except UnsupportedPatternError as error:
        return one_line(f"a pattern cannot be checked: {error}", 200)
    except (RecursionError, OverflowError):
        return "it nests too deeply"
    return None


def _members_named(value: JSON, name: str) -> Iterator[str]:
    for item in _objects(value):
        if isinstance(text := item.get(name), str):
            yield text


def _patterns(value: JSON) -> Iterator[str]:
    yield from _members_named(value, "pattern")
    for item in _objects(value):
        named = item.get("patternProperties")
        yield from named if isinstance(named, dict) else ()


def _objects(value: JSON) -> Iterator[Mapping[str, JSON]]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def mismatch(value: JSON, schema: str, *, size: int) -> str | None:
    """Where and why a value does not match; None if it does. `size`: characters of the answer."""
    import jsonschema  # noqa: PLC0415 - as above
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as above

    _budget.steps = StepBudget(MIN_STEPS + STEPS_PER_CHARACTER * size)
    try:
        error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(value))
    except TooManyStepsError:
        return "the answer takes too long to be checked against the schema"
    except (Unresolvable, RecursionError, OverflowError, re.error, UnsupportedPatternError) as why:
        return one_line(f"the schema cannot be applied: {why}", 300)
    return one_line(f"{error.json_path}: {error.message}", 300) if error else None


@lru_cache(maxsize=64)
def _validator(schema: str) -> "Validator":
    import jsonschema  # noqa: PLC0415 - as above
    from referencing import Registry  # noqa: PLC0415 - as above

    value = json.loads(schema)
    cls = jsonschema.validators.validator_for(value, default=jsonschema.Draft202012Validator)
    registry: Any = Registry()  # empty, so that nothing is ever fetched from the network
    validator: Validator = _bounded(cls)(value, registry=registry)
    return validator


@lru_cache(maxsize=8)
def _bounded(cls: Any) -> Any:
    """The validator class with every keyword counted and patterns matched in bounded time."""
    import jsonschema  # noqa: PLC0415 - as above

    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    keywords = {name: _counted(own.get(name, check)) for name, check in cls.VALIDATORS.items()}
    extend: Any = jsonschema.validators.extend  # it has no type hints
    return extend(cls, keywords)


def _counted(check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def counted(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
        _budget.steps.take(STEPS_PER_KEYWORD)
        yield from check(validator, rule, instance, schema) or ()

    return counted


def _matches(pattern: str, text: str) -> bool:
    return compiled(pattern).search(text, _budget.steps)


def _pattern(_: Any, rule: Any, instance: Any, __: Any) -> Iterator[Any]:
    import jsonschema  # noqa: PLC0415 - as above

    if isinstance(instance, str) and not _matches(rule, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {rule!r}")


def _pattern_properties(validator: Any, rule: Any, instance: Any, _: Any) -> Iterator[Any]:
    for pattern, inner in rule.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
    import jsonschema  # noqa: PLC0415 - as above

    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties") or {}
    named = schema.get("properties") or {}
    extra = [
        name
        for name in instance
        if name not in named and not any(_matches(pattern, name) for pattern in patterns)
    ]
    if isinstance(rule, dict):
        for name in extra:
            yield from validator.descend(instance[name], rule, path=name)
    elif rule is False and extra:
        shown = ", ".join(map(repr, extra[:5]))
        yield jsonschema.ValidationError(f"Additional properties are not allowed ({shown})")


def _unique_items(_: Any, rule: Any, instance: Any, __: Any) -> Iterator[Any]:
    import jsonschema  # noqa: PLC0415 - as above

    if rule and isinstance(instance, list):
        _budget.steps.take(len(instance))
        seen = {json.dumps(_numbered(item), sort_keys=True) for item in instance}
        if len(seen) < len(instance):
            yield jsonschema.ValidationError("the list has non-unique elements")


def _numbered(item: JSON) -> JSON:
    """The item with whole floats as integers, since 1 and 1.0 are equal in JSON Schema."""
    return int(item) if isinstance(item, float) and item.is_integer() else item
