"""Rerank: how well each of a list of documents answers a query."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Result, Usage
from runner.endpoints.dialects.open_reply import unusable
from runner.endpoints.dialects.usage import count_of, read_usage
from runner.endpoints.endpoint import Endpoint, Measure, Reading, Rejected
from runner.endpoints.fields import InputError, body_column, column
from runner.protocol.call import Call, Reply
from runner.protocol.json_text import Undecodable, decode

_RESULT_NAMES = ("results", "data")
_SCORE_NAMES = ("relevance_score", "score")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a rerank row."""

    model: str = column("the model's name as the provider writes it", example="bge-reranker-v2-m3")
    prompt: str = column("the query", example="a lamp for a small desk")
    documents: list[JSON] = column(
        "the documents to be ranked, a JSON list of texts",
        example=["Clamp lamp, 30 cm arm", "Floor lamp with three bulbs"],
    )
    top_n: int | None = column(
        "how many of the best; all where nothing is given", default=None, low=1
    )
    body: Mapping[str, JSON] = body_column()


def check_documents(fields: Mapping[str, JSON]) -> None:
    """Checks that a row's documents are texts or objects. Raises InputError."""
    documents = fields["documents"]
    if not isinstance(documents, list) or not documents:
        raise InputError("documents", expected="a JSON list of texts", found="an empty one")
    wrong = next((one for one in documents if not isinstance(one, str | dict) or not one), None)
    if wrong is not None or "" in documents:
        raise InputError("documents", expected="texts in the list", found=repr(wrong)[:80])


def build(inputs: Inputs) -> Call:
    """POST /v1/rerank with the fields that are given; the `body` columns override them."""
    body: dict[str, JSON] = {
        "model": inputs.model,
        "query": inputs.prompt,
        "documents": inputs.documents,
        "top_n": inputs.top_n,
    }
    given = {name: value for name, value in body.items() if value is not None}
    return Call(path="/v1/rerank", json=given | dict(inputs.body), timeout=120.0)


def read(inputs: Inputs, reply: Reply) -> Reading:
    """The index, score and document of each result, best first.

    Protocol fact: an index points into the row's own list; scores of different models cannot be
    compared, and some services send them unsorted.
    """
    value = decode(reply.text)
    if isinstance(value, Undecodable):
        return unusable(value.reason, value.text)
    if not isinstance(value, dict):
        return unusable("not_json", str(value))
    inner = value.get("output")  # DashScope's own form
    holder = inner if isinstance(inner, dict) and "results" not in value else value
    listed = next(
        (holder[name] for name in _RESULT_NAMES if isinstance(holder.get(name), list)), None
    )
    usage = _usage(value)
    if not isinstance(listed, list) or not listed:
        return _rejected("the answer holds no results", usage)
    results: list[dict[str, JSON]] = []
    for item in listed:
        found = _scored(item, inputs.documents)
        if found is None:
            return _rejected(f"a result without index or score: {str(item)[:200]}", usage)
        results.append(found)
    if len({str(one["index"]) for one in results}) < len(results):
        return _rejected("two results name the same document", usage)
    results.sort(key=lambda one: -float(str(one["score"])))
    model = value.get("model")
    data: dict[str, JSON] = {"results": [*results]}
    return Result(model=model if isinstance(model, str) else None, usage=usage, data=data)


def _scored(item: JSON, documents: list[JSON]) -> dict[str, JSON] | None:
    """One result with the row's own document; None if it has no valid index or score."""
    if not isinstance(item, dict):
        return None
    index = item.get("index")
    score = next((item[name] for name in _SCORE_NAMES if name in item), None)
    number = isinstance(score, int | float) and not isinstance(score, bool)
    finite = number and abs(float(str(score))) < float("inf")
    if type(index) is not int or not 0 <= index < len(documents) or not finite:
        return None
    return {"index": index, "score": score, "document": documents[index]}


def _usage(value: Mapping[str, JSON]) -> Usage | None:
    """The usage, in Jina's form or in Cohere's, which counts searches."""
    usage, meta = value.get("usage"), value.get("meta")
    if isinstance(usage, dict) or not isinstance(meta, dict):
        return read_usage(usage)
    tokens = meta.get("tokens")
    counted = tokens.get("input_tokens") if isinstance(tokens, dict) else None
    return Usage(raw=meta, prompt_tokens=count_of(counted), completion_tokens=None)


def _rejected(detail: str, usage: Usage | None) -> Rejected:
    failure = Failure(kind=FailureClass.NO_RESULT, cause="no_scores", detail=detail)
    return Rejected(failure=failure, result=Result(usage=usage) if usage is not None else None)


def _searches(_: Mapping[str, JSON], result: Result) -> float:
    """How many searches were billed: one, unless the answer says otherwise."""
    billed = result.usage.raw.get("billed_units") if result.usage is not None else None
    found = billed.get("search_units") if isinstance(billed, dict) else None
    return float(found) if isinstance(found, int | float) else 1.0


def _count(fields: Mapping[str, JSON]) -> int:
    documents = fields.get("documents")
    return len(documents) if isinstance(documents, list) else 1


ENDPOINT = Endpoint(
    name="rerank",
    summary="a query against a list of documents: a score for each, best first",
    inputs=Inputs,
    build=build,
    read=read,
    answer_limit=lambda _: 0,
    usual_seconds=(0.5, 5.0),
    rules={"documents": check_documents},
    measured=Measure(
        name="searches",
        likely=lambda _: (1.0, 1.0),
        bound=lambda fields: float(max(1, -(-_count(fields) // 100))),
        taken=_searches,
    ),
    example={
        "model": "bge-reranker-v2-m3",
        "prompt": "a lamp for a small desk",
        "documents": ["Clamp lamp, 30 cm arm", "Floor lamp with three bulbs"],
        "top_n": 1,
    },
)
