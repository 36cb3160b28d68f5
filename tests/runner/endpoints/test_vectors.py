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
        (("3", "1", "0"), [3.0, 2.0, None, 1.0]),
        ((1.0, 0.0, 2.0, 3.0), [2.0, 1.0, 3.0, 4.0]),
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
        (0.5, 1, 2, 3),
        (0, 1, 2, 3, 0),
    ],
)
def test_a_vector_whose_place_is_not_sure_is_given_to_no_row(indexes: tuple[Any, ...]) -> None:
    found = read_vectors(answer(*indexes), wanted=4)
    assert isinstance(found, Rejected)
    assert found.failure.cause == "vector_count"


@pytest.mark.parametrize(
    "body",
    [
        {"data": [[1, 0], [2, 0]]},
        {"embeddings": [[1, 0], [2, 0]]},
        {"embeddings": [{"values": [1, 0]}, {"values": [2, 0]}]},
        {"embeddings": {"float": [[1, 0], [2, 0]]}},
        {"data": [{"vector": [2, 0], "index": 1}, {"vector": [1, 0], "index": 0}]},
        {
            "output": {
                "embeddings": [
                    {"text_index": 1, "embedding": [2, 0]},
                    {"text_index": 0, "embedding": [1, 0]},
                ]
            }
        },
        [[1, 0], [2, 0]],
    ],
)
def test_vectors_in_other_services_forms_are_placed_too(body: Any) -> None:
    found = read_vectors(json.dumps(body).encode(), wanted=2)
    assert isinstance(found, Vectors)
    assert [one[0] for one in found.found if isinstance(one, array)] == [1.0, 2.0]


@pytest.mark.parametrize("body", [{"embedding": [1, 0]}, {"embedding": {"values": [1, 0]}}])
def test_a_lone_vector_in_another_form_is_found(body: Any) -> None:
    found = read_vectors(json.dumps(body).encode(), wanted=1)
    assert isinstance(found, Vectors)
    assert found.found == (array("f", [1.0, 0.0]),)
    assert isinstance(read_vectors(json.dumps(body).encode(), wanted=2), Rejected)
