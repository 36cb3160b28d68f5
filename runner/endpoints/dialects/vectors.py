"""Parses the vectors of an answer, and divides its usage among the rows of the call."""

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Usage
from runner.endpoints.dialects.open_reply import Reader, open_answer, unusable
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Rejected
from runner.protocol.errors import is_error
from runner.protocol.json_text import decode
from runner.protocol.verdict import classify_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """The vectors of an answer in the order of the texts, each a failure if it is unusable."""

    found: tuple["array[float] | Failure", ...]
    model: str | None = None
    usage: Usage | None = None


def read_vectors(body: bytes, *, wanted: int) -> Vectors | Rejected:
    """The `wanted` vectors of an answer, placed by their `index`, as numbers or base64.

    Protocol fact: some gateways ignore `encoding_format`, so the type of the value decides.
    """
    reader: Reader[Vectors] = Reader(
        stream=lambda _: None,  # no service streams vectors
        whole=lambda value: _vectors(value, wanted),
        error=_error,
        cut=Vectors(found=()),
    )
    opened = open_answer(body, reader)
    if isinstance(opened, Rejected) and isinstance(listed := decode(body), list):
        opened = opened if is_error(listed) else _vectors({"data": listed}, wanted)
    if isinstance(opened, Vectors) and not opened.found:
        return unusable("empty_answer", "")
    return opened


def _error(value: JSON) -> Rejected:
    failure = classify_error(value).failure
    return Rejected(failure=failure or Failure(kind=FailureClass.SERVER, cause="unknown"))


def _vectors(value: Mapping[str, JSON], wanted: int) -> Vectors | Rejected:
    items = _items(value)
    if not items:
        return _no_vectors("no_vector", f"0 of {wanted} vectors came")
    places = _places(items, wanted)
    if places is None:
        return _no_vectors("vector_count", _count_detail(items, wanted))
    found: list[array[float] | Failure] = [_MISSING_VECTOR] * wanted
    for place, item in zip(places, items, strict=True):
        found[place] = _vector(item.get("embedding"))
    model = value.get("model")
    return Vectors(
        found=tuple(_with_usual_length(found)),
        model=model if isinstance(model, str) else None,
        usage=read_usage(value.get("usage")),
    )


def _items(value: Mapping[str, JSON]) -> list[Mapping[str, JSON]]:
    """The vectors with their indexes, in OpenAI's form or from the forms of other services."""
    output = value.get("output")
    holder = output if isinstance(output, dict) else value
    found = holder.get("data") or holder.get("embeddings") or holder.get("embedding")
    if isinstance(found, dict):  # by type, or the only one
        found = found.get("float") or found.get("values")
    if not isinstance(found, list) or not found:
        return []
    if isinstance(found[0], int | float):
        return [{"embedding": found}]
    return [_item(one) for one in found if isinstance(one, dict | list)]


def _item(found: JSON) -> Mapping[str, JSON]:
    if not isinstance(found, dict):
        return {"embedding": found}
    vector = next((found[name] for name in _VECTOR_NAMES if found.get(name) is not None), None)
    if isinstance(vector, dict):
        vector = vector.get("float") or vector.get("values")
    index = found.get("text_index") if found.get("index") is None else found.get("index")
    return {"embedding": vector, "index": index}


_VECTOR_NAMES = ("embedding", "vector", "values", "float")


def _places(items: Sequence[Mapping[str, JSON]], wanted: int) -> list[int] | None:
    """The index of the text that each vector belongs to; None if that is uncertain, since a vector
    in the wrong row is worse than none.

    Indexes count as long as they are distinct. Servers without indexes keep the order, which is
    only reliable if all vectors came. Some servers leave out the index 0; some count from 1, which
    is accepted if the order agrees.
    """
    if wanted == len(items) == 1:
        return [0]
    given = [item.get("index") for item in items]
    if all(index is None for index in given):
        return list(range(wanted)) if len(items) == wanted else None
    places = [0 if index is None else _whole(index) for index in given]
    if places == list(range(1, wanted + 1)):
        return list(range(wanted))
    sure = [place for place in places if type(place) is int and 0 <= place < wanted]
    return sure if len(set(sure)) == len(places) else None


def _whole(index: JSON) -> JSON:
    """The index as a whole number, if it is one in another spelling."""
    if isinstance(index, str) and index.isascii() and index.isdecimal() and len(index) < 6:
        return int(index)
    return int(index) if isinstance(index, float) and index.is_integer() else index


def _count_detail(items: Sequence[Mapping[str, JSON]], wanted: int) -> str:
    shown = ", ".join(str(item.get("index"))[:10] for item in items[:5])
    return f"{len(items)} vectors came for {wanted} texts, with the indexes {shown}"


_MISSING_VECTOR = Failure(kind=FailureClass.NO_RESULT, cause="no_vector")


def _no_vectors(cause: str, detail: str) -> Rejected:
    return Rejected(failure=Failure(kind=FailureClass.NO_RESULT, cause=cause, detail=detail))


def _vector(value: JSON) -> "array[float] | Failure":
    """The vector as 32-bit floats, from a list or base64 (little-endian); all must be finite."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # a list of one vector
    try:
        found = _unpacked(value) if isinstance(value, str) else _listed(value)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return _MISSING_VECTOR
    if not found or not all(map(math.isfinite, found)):
        return _MISSING_VECTOR
    return found


def _unpacked(text: str) -> "array[float]":
    found = array("f", base64.b64decode(text, validate=True))
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _listed(value: JSON) -> "array[float]":
    if not isinstance(value, list) or any(isinstance(one, bool) for one in value):
        raise TypeError("no list of numbers")
    return array("f", value)  # type: ignore[arg-type]  # anything but a number raises TypeError


def _with_usual_length(found: Sequence["array[float] | Failure"]) -> list["array[float] | Failure"]:
    """The vectors, with those of an unusual length as failures: a model's are all the same."""
    lengths = [len(one) for one in found if isinstance(one, array)]
    usual = max(set(lengths), key=lengths.count, default=0)
    return [
        wrong_length(one, usual) if isinstance(one, array) and len(one) != usual else one
        for one in found
    ]


def wrong_length(found: "array[float]", wanted: int) -> Failure:
    """The failure of a vector with the wrong length."""
    detail = f"{len(found)} numbers instead of {wanted}"
    return Failure(kind=FailureClass.NO_RESULT, cause="vector_length", detail=detail)


def split_usage(usage: Usage | None, weights: Sequence[int]) -> list[Usage | None]:
    """The usage of each row, in proportion to its weight; the parts add up to the call's usage."""
    if usage is None or len(weights) == 1:
        return [usage] * len(weights)
    prompt = _proportional(usage.prompt_tokens, weights)
    completion = _proportional(usage.completion_tokens, weights)
    total = _proportional(usage.total_tokens, weights)
    raw = {**usage.raw, "rows": len(weights)}  # the provider's counts are for the entire call
    return [
        Usage(
            raw=raw,
            prompt_tokens=prompt[number],
            completion_tokens=completion[number],
            total_tokens=total[number],
        )
        for number in range(len(weights))
    ]


def _proportional(count: int | None, weights: Sequence[int]) -> list[int | None]:
    """A count divided by weight into whole numbers that add up to it."""
    if count is None:
        return [None] * len(weights)
    total, seen, given, parts = sum(weights), 0, 0, []
    for weight in weights:
        seen += weight
        until = count * seen // total
        parts.append(until - given)
        given = until
    return list(parts)
