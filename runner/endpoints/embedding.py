"""Embeddings: one vector per row; many rows share one call."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jobs.job import JSON, Failure
from jobs.result import Result, Usage
from runner.endpoints.dialects.lane import LANE_HELP, Lane, check_lane
from runner.endpoints.dialects.vectors import Vectors, read_vectors, split_usage, wrong_length
from runner.endpoints.endpoint import Endpoint, Reading, Rejected, SharedRequest
from runner.endpoints.fields import PARAMS_COLUMN, body_column, column
from runner.protocol.call import Call, Reply

MAX_ROWS_PER_CALL = 2048
MAX_TOKENS_PER_CALL = 300_000
"""Estimated: only the provider counts tokens. Protocol fact: a text may have 8,192 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of an embedding row."""

    model: str = column(
        "the model's name as the provider writes it", example="text-embedding-3-small"
    )
    prompt: str = column("the text to be embedded", example="Oak dining table, seats six")
    dimensions: int | None = column(
        "length of the vector, where the model can shorten it", default=None, low=1, example=256
    )
    encoding_format: Literal["base64", "float", "none"] | None = column(
        "how vectors travel; base64 is a quarter of the bytes, and is asked for by itself; "
        "none: the request does not say",
        default=None,
        identity=False,
    )
    user: str | None = column("a name for your end user, passed on", default=None)
    rows_per_call: int | None = column(
        f"most rows that may share one request; {MAX_ROWS_PER_CALL} where nothing is given",
        default=None,
        low=1,
        high=MAX_ROWS_PER_CALL,
        identity=False,
    )
    lane: Lane | None = column(LANE_HELP, default=None, identity=False)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/embeddings for one row."""
    return build_together([inputs])


def build_together(rows: Sequence[Inputs]) -> Call:
    """POST /v1/embeddings for rows that differ only in their text."""
    first = rows[0]
    body: dict[str, JSON] = {
        "model": first.model,
        "input": [row.prompt for row in rows],
        "encoding_format": _encoding(first),
        "dimensions": first.dimensions,
        "user": first.user,
    }
    given = {name: value for name, value in body.items() if value is not None}
    return Call(path="/v1/embeddings", json=given | dict(first.body), timeout=60.0)


def _encoding(inputs: Inputs) -> str | None:
    return None if inputs.encoding_format == "none" else inputs.encoding_format or "base64"


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The length and index of one row's vector; its numbers stay in the stored answer."""
    return read_together([inputs], reply)[0]


def read_together(rows: Sequence[Inputs], reply: Reply) -> Sequence[Reading]:
    """One reading per row. An answer whose vectors cannot be matched to the rows fails all."""
    answer = read_vectors(reply.text, wanted=len(rows))
    if isinstance(answer, Rejected):
        return [answer] * len(rows)
    used = split_usage(_with_output_count(answer.usage), [len(row.prompt.encode()) for row in rows])
    return [
        _reading(row, number, answer, usage)
        for number, (row, usage) in enumerate(zip(rows, used, strict=True))
    ]


def _with_output_count(usage: Usage | None) -> Usage | None:
    """The usage with 0 completion tokens if it names none: an embedding has no output tokens."""
    if usage is None or usage.prompt_tokens is None:
        return usage
    return replace(usage, completion_tokens=usage.completion_tokens or 0)


def _reading(row: Inputs, number: int, answer: Vectors, usage: Usage | None) -> Reading:
    found = answer.found[number]
    if isinstance(found, array) and len(found) != (row.dimensions or len(found)):
        found = wrong_length(found, row.dimensions or 0)
    if isinstance(found, Failure):
        return Rejected(failure=found, result=Result(model=answer.model, usage=usage))
    place: dict[str, JSON] = {"dimensions": len(found), "index": number}
    return Result(model=answer.model, usage=usage, data=place)


def max_rows(fields: Mapping[str, JSON]) -> int:
    """How many rows may share this row's call; 1 if a column overrides `input`."""
    params = fields.get(PARAMS_COLUMN)
    if "body.input" in fields or (isinstance(params, dict) and "input" in params):
        return 1
    asked = fields.get("rows_per_call")
    return asked if isinstance(asked, int) else MAX_ROWS_PER_CALL


def token_bound(fields: Mapping[str, JSON]) -> int:
    """An upper bound of the text's tokens in most languages: half of its bytes."""
    return len(str(fields.get("prompt")).encode("utf-8", "replace")) // 2 + 1


ENDPOINT = Endpoint(
    name="embedding",
    summary="a vector for each text, in vectors.parquet beside the results",
    inputs=Inputs,
    build=build,
    read=read,
    rules={"lane": check_lane},
    answer_limit=lambda _: 0,
    usual_seconds=(0.5, 5.0),
    sharing=SharedRequest(
        own_field="prompt",
        max_rows=max_rows,
        weigh=token_bound,
        max_weight=MAX_TOKENS_PER_CALL,
        build=build_together,
        read=read_together,
    ),
    example={
        "model": "text-embedding-3-small",
        "prompt": "Oak dining table, seats six",
        "dimensions": 256,
    },
)
