"""Vectors are matched to their texts with any kind of indexes."""

import json
from array import array
from typing import Any

import pytest

from runner.endpoints.dialects.vectors import Vectors, read_vectors
from runner.endpoints.endpoint import Rejected


def answer(*indexes: Any, left_out: str = "-") -> bytes:
    """An answer with the vectors [1], [2] …; those in `left_out` have no index."""
    data = [
        {"embedding": [float(number)], **({} if index == left_out else {"index": index})}
        for number, index in enumerate(indexes, start=1)
    ]
    return json.dumps({"data": data}).encode()


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [
        ((0, 1, 3), [1.0, 2.0, None, 3.0]),  # one vector is missing, the others keep their rows
        ((3, 1, 0), [3.0, 2.0, None, 1.0]),
        ((2, 1, 0, 3), [3.0, 2.0, 1.0, 4.0]),
        (("-", 1, 2, 3), [1.0, 2.0, 3.0, 4.0]),  # 0 is left out, as in protobuf
        (("-", "-", "-", "-"), [1.0, 2.0, 3.0, 4.0]),
        ((1, 2, 3, 4), [1.0, 2.0, 3.0, 4.0]),  # counted from 1, in order
    ],
)
def test_a_vector_has_its_place_by_its_index(
    indexes: tuple[Any, ...], expected: list[float | None]
) -> None:
    found = read_vectors(answer(*indexes), wanted=4)
    assert isinstance(found, Vectors)
    assert [one[0] if isinstance(one, array) else None for one in found.found] == expected


@pytest.mark.parametrize(
    "indexes",
    [
        (0, 0, 0, 0),
        ("-", "-", "-"),
        (1, 2, 3, 5),
        (4, 3, 2, 1),  # counted from 1 in another order: a guess
        (-1, 0, 1, 2),
        ("0", "1", "2", "3"),
        (0, 1, 2, 3, 0),
    ],
)
def test_a_vector_whose_place_is_not_sure_is_given_to_no_row(indexes: tuple[Any, ...]) -> None:
    found = read_vectors(answer(*indexes), wanted=4)
    assert isinstance(found, Rejected)
    assert found.failure.cause == "vector_count"
