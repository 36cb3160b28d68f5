"""Reads the vectors of an answer, and shares what they cost among the rows that asked."""

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
from runner.protocol.verdict import classify_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """The vectors of an answer in the order of what was asked; what is none is a failure."""

    found: tuple["array[float] | Failure", ...]
    model: str | None = None
    usage: Usage | None = None


def read_vectors(body: bytes, *, wanted: int) -> Vectors | Rejected:
    """As many vectors as were asked for, by their `index`, in whichever form they came.

    Protocol fact: some gateways ignore `encoding_format`, so the type of the value decides.
    """
    reader: Reader[Vectors] = Reader(
        stream=lambda _: None,  # nobody streams vectors
        whole=lambda value: _whole(value, wanted),
        error=_error,
        cut=Vectors(found=()),
    )
    opened = open_answer(body, reader)
    if isinstance(opened, Vectors) and not opened.found:
        return unusable("empty_answer", "")
    return opened


def _error(value: JSON) -> Rejected:
    failure = classify_error(value).failure
    return Rejected(failure=failure or Failure(kind=FailureClass.SERVER, cause="unknown"))


def _whole(value: Mapping[str, JSON], wanted: int) -> Vectors | Rejected:
    data = value.get("data")
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    if not items:
        return _none("no_vector", f"0 of {wanted} vectors came")
    places = _places(items, wanted)
    if places is None:
        return _none("vector_count", _odd(items, wanted))
    found: list[array[float] | Failure] = [_missing] * wanted
    for place, item in zip(places, items, strict=True):
        found[place] = _vector(item.get("embedding"))
    model = value.get("model")
    return Vectors(
        found=tuple(_of_one_length(found)),
        model=model if isinstance(model, str) else None,
        usage=read_usage(value.get("usage")),
    )


def _places(items: Sequence[Mapping[str, JSON]], wanted: int) -> list[int] | None:
    """Which text each vector belongs to; None where that is not sure, since a vector in the wrong
    row is worse than none.

    Indexes place their vectors as long as no two are the same. Servers that give none keep the
    order, which says nothing unless all vectors came; some leave out the index 0, some count from
    1, which is believed where the order says the same.
    """
    if wanted == len(items) == 1:
        return [0]
    given = [item.get("index") for item in items]
    if all(index is None for index in given):
        return list(range(wanted)) if len(items) == wanted else None
    places = [0 if index is None else index for index in given]
    if places == list(range(1, wanted + 1)):
        return list(range(wanted))
    sure = [place for place in places if type(place) is int and 0 <= place < wanted]
    return sure if len(set(sure)) == len(places) else None


def _odd(items: Sequence[Mapping[str, JSON]], wanted: int) -> str:
    shown = ", ".join(str(item.get("index"))[:10] for item in items[:5])
    return f"{len(items)} vectors came for {wanted} texts, with the indexes {shown}"


_missing = Failure(kind=FailureClass.NO_RESULT, cause="no_vector")


def _none(cause: str, detail: str) -> Rejected:
    return Rejected(failure=Failure(kind=FailureClass.NO_RESULT, cause=cause, detail=detail))


def _vector(value: JSON) -> "array[float] | Failure":
    """Finite numbers as 32-bit floats, from a list or from base64 (little-endian)."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # a list of one vector
    try:
        found = _unpacked(value) if isinstance(value, str) else _listed(value)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return _missing
    if not found or not all(map(math.isfinite, found)):
        return _missing
    return found


def _unpacked(text: str) -> "array[float]":
    found = array("f", base64.b64decode(text, validate=True))
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _listed(value: JSON) -> "array[float]":
    if not isinstance(value, list) or any(isinstance(one, bool) for one in value):
        raise TypeError("no list of numbers")
    return array("f", value)  # type: ignore[arg-type]  # what is no number raises TypeError


def _of_one_length(found: Sequence["array[float] | Failure"]) -> list["array[float] | Failure"]:
    """One model answers with vectors of one length; those of another are not to be trusted."""
    lengths = [len(one) for one in found if isinstance(one, array)]
    usual = max(set(lengths), key=lengths.count, default=0)
    return [
        wrong_length(one, usual) if isinstance(one, array) and len(one) != usual else one
        for one in found
    ]


def wrong_length(found: "array[float]", wanted: int) -> Failure:
    """A vector that has another length than it should."""
    detail = f"{len(found)} numbers instead of {wanted}"
    return Failure(kind=FailureClass.NO_RESULT, cause="vector_length", detail=detail)


def split_usage(usage: Usage | None, weights: Sequence[int]) -> list[Usage | None]:
    """The usage of a call by rows, in proportion to their texts; the sum is that of the call."""
    if usage is None or len(weights) == 1:
        return [usage] * len(weights)
    prompt = _proportional(usage.prompt_tokens, weights)
    completion = _proportional(usage.completion_tokens, weights)
    total = _proportional(usage.total_tokens, weights)
    raw = {**usage.raw, "rows": len(weights)}  # the provider's own count is of the whole call
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
    """Whole parts of a number, by weight; each begins where the one before has ended."""
    if count is None:
        return [None] * len(weights)
    total, seen, given, parts = sum(weights), 0, 0, []
    for weight in weights:
        seen += weight
        until = count * seen // total
        parts.append(until - given)
        given = until
    return list(parts)
