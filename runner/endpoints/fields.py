"""The columns of an endpoint, as its inputs dataclass declares them."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin

from jobs.job import JSON
from runner.protocol.pictures import Attachment

BODY_PREFIX = "body."
"""A column `body.NAME` sets NAME in the request body."""
PARAMS_COLUMN = "params"
"""The column whose JSON object is merged over the request body."""


class FieldKind(StrEnum):
    """The type of a column's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"
    PICTURES = "pictures"
    FILES = "files"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of an endpoint. `shape` is the kind of JSON: any, object or list.

    For pictures and files, `low` and `high` bound their number.
    """

    name: str
    kind: FieldKind
    required: bool = False
    default: Any = None
    help: str = ""
    example: JSON = None
    low: float | None = None
    high: float | None = None
    identity: bool = True  # part of the request's digest
    choices: tuple[str, ...] = ()
    shape: str = "any"
    addresses: bool = True  # pictures may be given as URLs that the provider fetches
    accepts: tuple[str, ...] = ()  # of files: the beginnings of their media types


class InputError(Exception):
    """A cell that cannot become a request field."""

    def __init__(self, field: str, *, expected: str, found: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {found}")
        self.field = field
        self.expected = expected
        self.found = found


def column(
    help: str,  # noqa: A002 - the word users know for it
    *,
    example: JSON = None,
    default: Any = MISSING,
    low: float | None = None,
    high: float | None = None,
    identity: bool = True,
) -> Any:
    """A dataclass field for a column of the sheet; required if it has no default."""
    parts = {"help": help, "example": example, "low": low, "high": high, "identity": identity}
    return field(default=default, metadata={"column": parts})


def enclosed_pictures(
    help: str,  # noqa: A002 - the word users know for it
    *,
    default: Any = MISSING,
    example: JSON = None,
    low: int | None = None,
    high: int | None = None,
) -> Any:
    """A column of pictures that are sent inside the request: files and data URIs, not URLs."""
    parts = {"help": help, "example": example, "low": low, "high": high, "addresses": False}
    return field(default=default, metadata={"column": parts})


def attached_files(
    help: str,  # noqa: A002 - the word users know for it
    *,
    accepts: tuple[str, ...] = ("application/pdf", "audio/", "video/"),
    default: Any = MISSING,
    example: JSON = None,
    high: int | None = None,
    addresses: bool = True,
) -> Any:
    """A column of files that are no pictures; `accepts` are beginnings of media types."""
    parts = {"help": help, "example": example, "high": high}
    return field(
        default=default, metadata={"column": {**parts, "accepts": accepts, "addresses": addresses}}
    )


def body_column() -> Any:
    """The field that collects `params` and the `body.NAME` columns."""
    return field(default_factory=dict)


def describe(cls: type[Any]) -> tuple[Field, ...]:
    """The columns of an inputs class in their order; its `body` field becomes `params`."""
    if cls not in _FIELDS_BY_CLASS:
        _FIELDS_BY_CLASS[cls] = tuple(
            PARAMS_FIELD if item.name == "body" else _described(item)
            for item in dataclasses.fields(cls)
        )
    return _FIELDS_BY_CLASS[cls]


def field_named(cls: type[Any], name: str) -> Field | None:
    """The column of that name, including `body.NAME`; None if the endpoint has no such column."""
    if name.startswith(BODY_PREFIX) and len(name) > len(BODY_PREFIX):
        return Field(name=name, kind=FieldKind.JSON, help="laid into the request body")
    return next((item for item in describe(cls) if item.name == name), None)


ATTACHED = frozenset({FieldKind.PICTURES, FieldKind.FILES})
"""The kinds of columns whose cells name files."""
_FIELDS_BY_CLASS: dict[type[Any], tuple[Field, ...]] = {}
PARAMS_FIELD = Field(
    name=PARAMS_COLUMN,
    kind=FieldKind.JSON,
    help="a JSON object laid over the request body: any option of the provider",
    example={"top_k": 40},
    shape="object",
)
_KIND_BY_TYPE: dict[Any, FieldKind] = {
    str: FieldKind.TEXT,
    int: FieldKind.INTEGER,
    float: FieldKind.NUMBER,
    bool: FieldKind.BOOLEAN,
    tuple[Attachment, ...]: FieldKind.PICTURES,
}


def _described(item: "dataclasses.Field[Any]") -> Field:
    kind, choices, shape = _kind(item.type)
    if "accepts" in item.metadata["column"]:
        kind = FieldKind.FILES
    return Field(
        name=item.name,
        kind=kind,
        required=item.default is MISSING,
        default=None if item.default is MISSING else item.default,
        choices=choices,
        shape=shape,
        **item.metadata["column"],
    )


def _kind(annotation: Any) -> tuple[FieldKind, tuple[str, ...], str]:
    if annotation == JSON:
        return FieldKind.JSON, (), "any"
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        if len(rest) == 1:
            return _kind(rest[0])
    if annotation in _KIND_BY_TYPE:
        return _KIND_BY_TYPE[annotation], (), "any"
    origin = get_origin(annotation)
    if origin is Literal:
        return FieldKind.CHOICE, get_args(annotation), "any"
    if origin in (dict, Mapping):
        return FieldKind.JSON, (), "object"
    if origin is list:
        return FieldKind.JSON, (), "list"
    raise TypeError(f"{annotation!r} cannot be a column")
