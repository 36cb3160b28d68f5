"""`rowmill endpoints`: lists the kinds of request, each with its columns."""

import json
import shutil
import sys

from rich.cells import cell_len, set_cell_size

from runner.catalogue import say, translated
from runner.catalogue.safe_text import plain
from runner.console import options
from runner.console.screen import folded_beside, print_data, print_message
from runner.endpoints import registry
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.fields import Field, describe
from runner.exits import Refusal
from runner.views.preflight_records import ColumnRecord, EndpointRecord, EndpointsRecord


@options.argument("endpoint", required=False)
def _endpoints(endpoint: str | None) -> None:
    as_json = options.settings().json
    if endpoint is None:
        _all(as_json=as_json)
        return
    found = registry.endpoint(endpoint)
    if isinstance(found, registry.UnknownEndpoint):
        if found.likely:
            raise Refusal(say("endpoints.near", name=endpoint, near=found.likely))
        raise Refusal(say("endpoints.unknown", name=endpoint, known=", ".join(found.names)))
    if as_json:
        _give_json({"schema": 1, "endpoint": _record(found)})
    else:
        _one(found)


def _give_json(record: EndpointsRecord) -> None:
    print_data(json.dumps(record, ensure_ascii=False, indent=2))


def _all(*, as_json: bool) -> None:
    if as_json:
        records = [_record(one) for one in registry.ENDPOINTS.values()]
        _give_json({"schema": 1, "endpoints": records})
        return
    width = max(map(len, registry.ENDPOINTS))
    for one in registry.ENDPOINTS.values():
        _give(f"{one.name:<{width}}  ", translated(one.summary))
    print_message(say("endpoints.more", name=next(iter(registry.ENDPOINTS))))


def _one(endpoint: AnyEndpoint) -> None:
    print_data(f"{endpoint.name}: {translated(endpoint.summary)}\n")
    fields = describe(endpoint.inputs)
    rows = [(one.name, _kind(one), _default(one), translated(one.help)) for one in fields]
    head = (say("endpoints.column"), say("endpoints.kind"), say("endpoints.default"), "")
    widths = [max(cell_len(row[place]) for row in (head, *rows)) for place in range(3)]
    for row in (head, *rows):
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=False)]
        _give("".join(f"{cell}  " for cell in cells), row[3])
    if endpoint.example:
        print_data(
            f"\n{say('endpoints.example')}\n{json.dumps(endpoint.example, ensure_ascii=False)}"
        )


def _give(label: str, text: str) -> None:
    """Print a line, folded on a terminal only."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    print_data(f"{label}{folded_beside(label, text, width)}".rstrip())


def _kind(field: Field) -> str:
    return " | ".join(field.choices) if field.choices else str(field.kind)


def _default(field: Field) -> str:
    if field.required:
        return say("endpoints.needed")
    return "" if field.default in (None, (), {}) else plain(str(field.default), 40)


def _record(endpoint: AnyEndpoint) -> EndpointRecord:
    return {
        "name": endpoint.name,
        "summary": endpoint.summary,
        "columns": [_column(one) for one in describe(endpoint.inputs)],
        "example": dict(endpoint.example),
    }


def _column(field: Field) -> ColumnRecord:
    default = field.default
    return {
        "name": field.name,
        "kind": str(field.kind),
        "required": field.required,
        "default": default if isinstance(default, str | int | float | bool) else None,
        "choices": list(field.choices),
        "help": field.help,
        "example": field.example,
    }


command = options.command(
    "endpoints",
    examples=("rowmill endpoints", "rowmill endpoints chat-image", "rowmill endpoints chat --json"),
)(_endpoints)
