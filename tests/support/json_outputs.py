"""Holds everything that `--json` prints in a test against the schema of its command."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from runner.console.snapshot import PROGRESS_LINES
from runner.settings.json_schema import closed, schema_of
from runner.views.records import OUTPUTS


@cache
def validator(name: str) -> Draft202012Validator:
    """The validator of one output; a member that the schema does not name is an error."""
    schema: Any = closed(schema_of(name, *{**OUTPUTS, **PROGRESS_LINES}[name]))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check_outputs(words: Sequence[str], out: str, err: str) -> None:
    """Fail where a command line's JSON does not fit its schema."""
    command = next((word for word in words if word in OUTPUTS), None)
    if command is not None and "--json" in words:
        for record in _documents(out):
            validator(command).validate(record)
    for line in err.splitlines():
        if line.startswith('{"schema": 1, "type": '):
            validator("progress").validate(json.loads(line))


def _documents(text: str) -> Iterator[Any]:
    """The one object, or one in each line (`status --watch`); nothing where a command refused."""
    if not text:
        return
    try:
        yield json.loads(text)
    except ValueError:
        yield from map(json.loads, text.splitlines())
