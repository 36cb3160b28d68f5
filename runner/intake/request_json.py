"""The JSON of requests: read from cells, written in one canonical form."""

import json
from collections.abc import Mapping

from jobs.job import JSON
from jobs.sheet.block import cell_json

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def json_where_it_parses(cell: JSON) -> JSON:
    """The value of a text that is JSON; any other cell as it is."""
    if not isinstance(cell, str):
        return cell
    try:
        parsed: JSON = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return parsed


def json_of(value: JSON) -> str:
    """One value as JSON, the names of objects sorted."""
    return cell_json(value) if type(value) is str else _encode(value)


def canonical(fields: Mapping[str, JSON]) -> str:
    """JSON with sorted names. Nearly all values are texts, and those are encoded fastest so."""
    return (
        "{"
        + ",".join([f'"{name}":{json_of(value)}' for name, value in sorted(fields.items())])
        + "}"
    )


def only_blanks(cell: JSON) -> bool:
    """True for a text without a visible character."""
    return isinstance(cell, str) and not cell.strip()
