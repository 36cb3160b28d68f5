"""The same bytes mean the same live, from the spool and in other wrapping; half mean nothing."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from jobs.claimed import Claimed
from jobs.job import JSON
from jobs.outcome import Answered, Finished, Submitted
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.fields import FieldKind, describe
from runner.endpoints.inputs import picture_columns
from runner.endpoints.registry import ENDPOINTS
from runner.protocol.call import Lost, Reply
from runner.protocol.wholeness import is_whole, looks_like_json
from runner.steps.job_inputs import inputs_to_read
from runner.steps.resolution import JobContext, Resolution, Rules
from runner.steps.resolve import resolve
from runner.steps.salvage import salvaged
from tests.runner.endpoints.test_conformance import inputs_of
from tests.runner.test_fuzz import job_of, samples

SAMPLES = list(samples())
JSON_SAMPLES = [
    one
    for one in SAMPLES
    if looks_like_json(one[2])
    and is_whole(one[2])
    and b"}\n{" not in one[2]  # one value, not lines
]
STREAMS = [one for one in SAMPLES if one[3]]
GOOD = Finished | Answered | Submitted


def context_of(name: str, inputs: object) -> JobContext:
    """A job of this endpoint with these inputs, on its first attempt."""
    return JobContext(
        job=replace(job_of(name), attempts=0),
        endpoint=ENDPOINTS[name],
        rules=Rules(),
        inputs=inputs,
    )


def resolved(name: str, inputs: object, body: bytes) -> Resolution:
    """The resolution of a complete reply."""
    (found,) = resolve([context_of(name, inputs)], Reply(status=200, headers={}, body=body))
    return found


def stored_job(kind: AnyEndpoint, cells: Mapping[str, Any]) -> Claimed:
    """The job as the table stores it: JSON as values, and pictures as references."""
    fields: dict[str, JSON] = dict(cells)
    for column in describe(kind.inputs):
        cell = cells.get(column.name)
        if column.kind is FieldKind.JSON and isinstance(cell, str) and cell[:1] in ("{", "["):
            fields[column.name] = json.loads(cell)
    for name in picture_columns(kind.inputs):
        value = cells.get(name)
        given = value if isinstance(value, list) else [] if value is None else [value]
        if given:
            fields[name] = [reference_to(str(one)) for one in given]
    return replace(job_of(kind.name), fields=fields)


def reference_to(cell: str) -> JSON:
    """The stored reference for a picture's cell."""
    if cell.startswith("http"):
        return {"kind": "url", "value": cell}
    if cell.startswith("data:"):
        return {"kind": "data", "value": cell}
    return {"kind": "file", "value": cell, "digest": "0" * 32}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one[0])
def test_an_answer_reads_the_same_live_and_from_the_spool(sample: tuple[Any, ...]) -> None:
    name, cells, body, _ = sample
    kind = ENDPOINTS[name]
    live = resolved(name, inputs_of(kind, cells), body)
    replayed = resolved(name, inputs_to_read(stored_job(kind, cells), kind), body)
    assert replayed == live


@pytest.mark.parametrize("sample", JSON_SAMPLES, ids=lambda one: one[0])
def test_wrapping_does_not_change_a_json_answer(sample: tuple[Any, ...]) -> None:
    name, cells, body, _ = sample
    inputs = inputs_of(ENDPOINTS[name], cells)
    plain = resolved(name, inputs, body)
    for wrapped in (
        b"\r\n \n" + body,
        b"\xef\xbb\xbf" + body,
        body + b"\n\n",
        body + b"\0",
        body + b"\n<!-- served by x -->",
    ):
        assert is_whole(wrapped)
        assert resolved(name, inputs, wrapped) == plain, wrapped[-30:]


@pytest.mark.parametrize("sample", JSON_SAMPLES, ids=lambda one: one[0])
def test_no_part_of_a_json_answer_is_whole(sample: tuple[Any, ...]) -> None:
    _, _, body, _ = sample
    closing = max(body.rfind(b"}"), body.rfind(b"]"))
    for end in range(1, closing, closing // 200 + 1):
        assert not is_whole(body[:end]), body[:end][-30:]


@pytest.mark.parametrize("sample", STREAMS, ids=lambda one: one[0])
def test_a_stream_cut_anywhere_is_the_same_answer_or_none(sample: tuple[Any, ...]) -> None:
    name, cells, body, _ = sample
    inputs = inputs_of(ENDPOINTS[name], cells)
    if name == "chat" and inputs.n is None and b'"index": 1' in body:
        inputs = replace(inputs, n=2)  # a second answer that was not requested is not waited for
    context = context_of(name, inputs)
    whole = resolved(name, inputs, body).outcome
    for end in {*range(0, len(body), len(body) // 1000 + 1), *range(len(body))[-300:]}:
        lost = Lost(cause="cut", status=200, body=body[:end])
        reply = salvaged([context], lost)
        if reply is None:
            continue
        (found,) = resolve([context], reply)
        if isinstance(found.outcome, GOOD):
            assert isinstance(whole, GOOD), (end, found.outcome)
            assert result_of(found.outcome) == result_of(whole), (end, body[max(end - 60, 0) : end])


def result_of(outcome: Finished | Answered | Submitted) -> object:
    """What a row gets from an answer, without counts and notes."""
    if outcome.result is None:
        return None
    result = outcome.result
    data = {name: value for name, value in result.data.items() if name != "notes"}
    return result.text, result.pictures, data
