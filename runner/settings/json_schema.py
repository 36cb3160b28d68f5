"""Makes the JSON schema of a type: of a TypedDict, a dataclass, and what they are made of."""

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from jobs.job import JSON

Schema: TypeAlias = dict[str, JSON]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def schema_of(title: str, *kinds: Any) -> Schema:
    """The schema of a value of one of these types; members that it does not name may be there."""
    definitions: Schema = {}
    found = [_schema(kind, definitions) for kind in kinds]
    shape: Schema = found[0] if len(found) == 1 else {"anyOf": list(found)}
    return {"$schema": DIALECT, "title": title, **shape, "$defs": definitions}


def closed(schema: JSON) -> JSON:
    """The same schema, in which no member may be there that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    return {**found, "additionalProperties": False} if "properties" in schema else found


def _schema(kind: Any, definitions: Schema) -> Schema:
    if kind is Any or kind is object:
        return {}
    if kind in PLAIN_TYPES:
        return {"type": PLAIN_TYPES[kind]}
    if typing.is_typeddict(kind) or dataclasses.is_dataclass(kind):
        return _defined(kind, definitions)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    return _generic(get_origin(kind), get_args(kind), definitions)


def _generic(origin: Any, args: tuple[Any, ...], definitions: Schema) -> Schema:
    match origin:
        case typing.Literal:
            return {"const": args[0]} if len(args) == 1 else {"enum": list(args)}
        case typing.NotRequired | typing.Required:
            return _schema(args[0], definitions)
        case typing.Union | types.UnionType:
            return {"anyOf": [_schema(one, definitions) for one in args]}
    if issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(args[1], definitions)}
    assert issubclass(origin, Sequence | frozenset)
    return {"type": "array", "items": _schema(args[0], definitions)}


def _defined(kind: type, definitions: Schema) -> Schema:
    """A reference to the definition of a record, which is made once."""
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # a record may hold its own kind
        hints = get_type_hints(kind)
        definitions[name] = {
            "type": "object",
            **_description(kind),
            "properties": {one: _schema(hint, definitions) for one, hint in hints.items()},
            "required": _required(kind, hints),
        }
    return {"$ref": f"#/$defs/{name}"}


def _description(kind: type) -> Schema:
    # Both kinds of class get a docstring of Python's own where they have none.
    text = kind.__doc__ or ""
    return (
        {}
        if not text or text.startswith((f"{kind.__name__}(", "dict("))
        else {"description": text.split("\n\n")[0]}
    )


def _required(kind: Any, hints: Mapping[str, Any]) -> list[JSON]:
    if typing.is_typeddict(kind):
        return sorted(kind.__required_keys__)
    return list(hints)
