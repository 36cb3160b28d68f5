"""Converts cells into the checked inputs of an endpoint."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from jobs.job import JSON
from runner.endpoints.fields import (
    ATTACHED,
    BODY_PREFIX,
    PARAMS_COLUMN,
    PARAMS_FIELD,
    Field,
    FieldKind,
    InputError,
    describe,
)
from runner.protocol.json_text import parse_strict
from runner.protocol.pictures import Attachment

Converter: TypeAlias = Callable[[JSON], JSON]
T = TypeVar("T")

# --- cells to canonical values ----------------------------------------------------------------


def converter(field: Field) -> Converter:
    """The function from a cell (text or typed JSON) to the canonical value of this column.

    It raises InputError. Null becomes None (not given), and so does a blank cell unless the column
    holds text.
    """
    return partial(_CONVERTERS[field.kind], field)


_INTEGER_TEXT = re.compile(r"[+-]?\d{1,20}(?:\.0*)?")  # seeds may use all 64 bits, unsigned
_NUMBER_TEXT = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_TRUE_WORDS = frozenset({"true", "yes", "1", "是"})
_FALSE_WORDS = frozenset({"false", "no", "0", "否"})


def _blank(cell: JSON) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _shown(cell: JSON) -> str:
    text = repr(cell) if isinstance(cell, str) else str(cell)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _input_error(field: Field, cell: JSON, expected: str) -> InputError:
    return InputError(field.name, expected=expected, found=_shown(cell))


def _text(field: Field, cell: JSON) -> JSON:
    if cell is None or type(cell) is str:
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, dict | list):
        raise _input_error(field, cell, "text")
    return str(cell)


def _integer(field: Field, cell: JSON) -> JSON:
    if _blank(cell):
        return None
    if isinstance(cell, str) and _INTEGER_TEXT.fullmatch(cell.strip()):
        return _in_range(field, _of_64_bits(field, int(cell.strip().partition(".")[0])))
    if isinstance(cell, int | float) and not isinstance(cell, bool) and cell == cell // 1:
        return _in_range(field, _of_64_bits(field, int(cell)))
    raise _input_error(field, cell, "a whole number")


def _of_64_bits(field: Field, number: int) -> int:
    """The number. Raises InputError if it does not fit a signed or unsigned 64-bit integer."""
    if -(2**63) <= number < 2**64:
        return number
    raise _input_error(field, number, "a whole number of 64 bits")


def _number(field: Field, cell: JSON) -> JSON:
    if _blank(cell):
        return None
    if isinstance(cell, str) and _NUMBER_TEXT.fullmatch(cell.strip()):
        value = float(cell.strip())
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        value = cell
    else:
        raise _input_error(field, cell, "a number")
    if not abs(value) < 1e300:
        raise _input_error(field, cell, "a number")
    # 1 and 1.0 are the same request, and must have the same digest
    whole = value == value // 1 and abs(value) < 2**53
    return _in_range(field, int(value) if whole else value)


def _in_range(field: Field, value: float) -> float:
    if (field.low is not None and value < field.low) or (
        field.high is not None and value > field.high
    ):
        raise _input_error(field, value, _range(field))
    return value


def _range(field: Field) -> str:
    if field.low is None:
        return f"at most {field.high:g}"
    if field.high is None:
        return f"at least {field.low:g}"
    return f"{field.low:g} to {field.high:g}"


def _boolean(field: Field, cell: JSON) -> JSON:
    if _blank(cell):
        return None
    if isinstance(cell, bool):
        return cell
    word = f"{cell:g}" if isinstance(cell, int | float) else str(cell).strip().lower()
    if word in _TRUE_WORDS:
        return True
    if word in _FALSE_WORDS:
        return False
    raise _input_error(field, cell, "true or false (or yes, no, 1, 0, 是, 否)")


def _choice(field: Field, cell: JSON) -> JSON:
    if _blank(cell):
        return None
    word = str(cell).strip().lower()
    for choice in field.choices:
        if choice.lower() == word:
            return choice
    raise _input_error(field, cell, " or ".join(field.choices))


def _json(field: Field, cell: JSON) -> JSON:
    """Parses text as JSON; if any JSON is allowed, other text is a value itself."""
    if _blank(cell):
        return None
    value = cell
    if isinstance(cell, str):
        try:
            value = parse_strict(cell)
        except ValueError as error:
            if field.shape != "any" or _meant_as_object(cell):
                raise _input_error(field, cell, f"{_SHAPE_WORDS[field.shape]} ({error})") from error
    return _in_shape(field, value)


_SHAPE_WORDS = {"any": "JSON", "object": "a JSON object {…}", "list": "a JSON list […]"}


def _meant_as_object(text: str) -> bool:
    return text.lstrip().startswith("{") and text.rstrip().endswith("}")


def _in_shape(field: Field, value: JSON) -> JSON:
    if (field.shape == "object" and not isinstance(value, dict)) or (
        field.shape == "list" and not isinstance(value, list)
    ):
        raise _input_error(field, value, _SHAPE_WORDS[field.shape])
    return value


_CONVERTERS: dict[FieldKind, Callable[[Field, JSON], JSON]] = {
    FieldKind.TEXT: _text,
    FieldKind.INTEGER: _integer,
    FieldKind.NUMBER: _number,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.JSON: _json,
    FieldKind.CHOICE: _choice,
    FieldKind.PICTURES: lambda _, cell: cell,  # paths and URLs are read where files are
    FieldKind.FILES: lambda _, cell: cell,
}


# --- canonical values to inputs -----------------------------------------------------------------


def parse(
    cls: type[T],
    fields: Mapping[str, JSON],
    pictures: Mapping[str, tuple[Attachment, ...]],
) -> T:
    """The inputs of one row from canonical values, as `converter` returns them.

    Names that are not columns are ignored. Raises InputError for missing or invalid values.
    """
    plan = _plan(cls)
    values: dict[str, Any] = {}
    for name, given in fields.items():
        item = plan.columns.get(name)
        value: Any = None if item is None else _checked(item, given)
        if value is not None and value != "":
            values[name] = value
    for name, item in plan.pictures.items():
        if found := pictures.get(name):
            check_pictures(item, [one.url for one in found if one.url], count=len(found))
            values[name] = found
    if plan.has_body:
        values["body"] = _body(fields)
    for name in plan.required:
        if name not in values:
            raise InputError(name, expected="a value", found="nothing")
    return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The fields of an inputs class by how they are filled; cached, since each sent row uses it."""

    columns: Mapping[str, Field]
    pictures: Mapping[str, Field]
    required: tuple[str, ...]
    has_body: bool


_PLAN_BY_CLASS: dict[type[Any], _Plan] = {}


def _plan(cls: type[Any]) -> _Plan:
    plan = _PLAN_BY_CLASS.get(cls)
    if plan is None:
        items = describe(cls)
        pictures = {item.name: item for item in items if item.kind in ATTACHED}
        plan = _PLAN_BY_CLASS[cls] = _Plan(
            columns={
                item.name: item for item in items if item.name not in {PARAMS_COLUMN, *pictures}
            },
            pictures=pictures,
            required=tuple(item.name for item in items if item.required),
            has_body=any(item.name == PARAMS_COLUMN for item in items),
        )
    return plan


def picture_columns(cls: type[Any]) -> tuple[str, ...]:
    """The names of the columns of an inputs class whose cells name pictures or other files."""
    return tuple(_plan(cls).pictures)


def check_pictures(field: Field, addresses: Sequence[str], *, count: int) -> None:
    """Raises InputError for a wrong number of pictures, or for URLs that cannot be sent."""
    word = "picture" if field.kind is FieldKind.PICTURES else "file"
    if addresses and not field.addresses:
        expected = f"a file or a data URI: save the {word} beside the sheet and give its path"
        raise InputError(field.name, expected=expected, found=f"the address {addresses[0][:200]}")
    if (field.low is not None and count < field.low) or (
        field.high is not None and count > field.high
    ):
        raise InputError(field.name, expected=f"{_range(field)} {word}s", found=str(count))


def _checked(item: Field, value: JSON) -> JSON:
    if item.kind is FieldKind.JSON:
        # already parsed: parsing "5" again would turn a text into a number
        return None if value is None else _in_shape(item, value)
    return _CONVERTERS[item.kind](item, value)


def _body(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    params = fields.get(PARAMS_COLUMN)
    if params is not None and not isinstance(params, dict):
        raise _input_error(PARAMS_FIELD, params, _SHAPE_WORDS["object"])
    named = {
        name[len(BODY_PREFIX) :]: value
        for name, value in fields.items()
        if name.startswith(BODY_PREFIX) and len(name) > len(BODY_PREFIX) and value is not None
    }
    return {**(params or {}), **named}
