"""What is uploaded for provider batches is valid by the types of the official client libraries."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic.types.messages.batch_create_params import BatchCreateParams as MessageBatch
from openai.types.batch_create_params import BatchCreateParams
from pydantic import TypeAdapter, ValidationError

from runner.endpoints.registry import ENDPOINTS
from runner.lanes.batch_wire import BatchOrder, PackedLines, row_id
from runner.protocol.call import Call
from tests.runner.endpoints.test_conformance import cases, inputs_of
from tests.runner.endpoints.test_official_types import OWN_WAYS, checked, consume, without_own
from tests.runner.lanes.test_batch_forms import form

SOLD = {
    "chat": "openai",
    "responses": "openai",
    "embedding": "openai",
    "image": "openai",
    "messages": "anthropic",
    "gemini": "gemini",
}
"""Endpoints whose lines the libraries have types for; picture edits are only forms there."""


def every_case() -> Iterator[Any]:
    for name in SOLD:
        for case in cases(name):
            is_task = case["name"].startswith("async")  # asked after later: not sold in batches
            if f"{name}/{case['name']}" not in OWN_WAYS and not is_task:
                yield pytest.param(name, case.get("inputs", {}), id=f"{name}/{case['name']}")


def line_of(name: str, cells: dict[str, Any]) -> dict[str, Any]:
    endpoint = ENDPOINTS[name]
    call = endpoint.build(inputs_of(endpoint, {**endpoint.example, **cells}))
    packed = form(SOLD[name]).line(row_id(1), without_own(name, call, cells), "m-1")
    assert isinstance(packed, bytes)
    found: dict[str, Any] = json.loads(packed)
    return found


@pytest.mark.parametrize(("name", "cells"), [*every_case()])
def test_a_line_fits_the_official_types(name: str, cells: dict[str, Any]) -> None:
    line = line_of(name, cells)
    if name == "messages":
        adapter = TypeAdapter[Any](MessageBatch)
        consume(adapter.validate_python({"requests": [line]}, strict=True, extra="forbid"))
        return
    body = line["request"] if name == "gemini" else line["body"]
    checked(name, Call(path="", json=body))


def test_a_creation_fits_the_official_types() -> None:
    lines = PackedLines(path=Path("x"), size=1, rows=1, digest="ab" * 32)
    for url in form("openai").offer.urls.values():
        order = BatchOrder(lines=lines, model="m", url=url, input_file="file-1")
        adapter = TypeAdapter[Any](BatchCreateParams)
        adapter.validate_python(form("openai").create(order).json, strict=True, extra="forbid")


def test_the_types_tell_a_wrong_line() -> None:
    line = line_of("messages", {})
    line["params"]["stream"] = True
    adapter = TypeAdapter[Any](MessageBatch)
    found = adapter.validate_python({"requests": [line]}, strict=True, extra="forbid")
    with pytest.raises(ValidationError):
        consume(found)
