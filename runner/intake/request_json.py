"""The JSON of requests: read from cells, written in one canonical form."""

import json
from collections.abc import Callable, Mapping
from functools import partial

from jobs.job import JSON
from jobs.sheet.block import cell_json
from runner.endpoints.fields import InputError
from runner.protocol.json_text import is_deep, parse_strict

EXPECTED_JSON = "a value that JSON can hold: finite numbers, not nested too deeply"
MAX_FOUND_LENGTH = 80  # characters of a cell that an error shows
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
).encode


def body_converter(name: str) -> Callable[[JSON], JSON]:
    """The converter of a `body.NAME` column: text that is JSON becomes its value.

    It raises InputError for what no request body can hold: NaN, 1e999, hundreds of levels.
    """
    return partial(_body_value, name)


def _body_value(name: str, cell: JSON) -> JSON:
    if not isinstance(cell, str):
        if isinstance(cell, list | dict) and is_deep(cell):
            raise _unfit(name, cell)
        return cell
    try:
        return parse_strict(cell)
    except ValueError as error:
        if _is_json(cell):
            raise _unfit(name, cell) from error
        return cell  # ordinary text


def _is_json(text: str) -> bool:
    """True if Python reads the text as JSON, or gives up only because it nests too deeply."""
    try:
        json.loads(text)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def json_of(name: str, value: JSON) -> str:
    """The value of a field as JSON, the names of objects sorted. Raises InputError for NaN."""
    if type(value) is str:
        return cell_json(value)
    try:
        return _encode(value)
    except ValueError as error:
        raise _unfit(name, value) from error


def canonical(fields: Mapping[str, JSON]) -> str:
    """JSON with sorted names. Nearly all values are texts, which `json_of` encodes fastest."""
    return (
        "{"
        + ",".join([f'"{name}":{json_of(name, value)}' for name, value in sorted(fields.items())])
        + "}"
    )


def only_blanks(cell: JSON) -> bool:
    """True for a text without a visible character."""
    return isinstance(cell, str) and not cell.strip()


def _unfit(name: str, cell: JSON) -> InputError:
    found = cell if isinstance(cell, str) else repr(cell)
    shown = found if len(found) <= MAX_FOUND_LENGTH else f"{found[: MAX_FOUND_LENGTH - 1]}…"
    return InputError(name, expected=EXPECTED_JSON, found=shown)
