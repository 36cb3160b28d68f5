"""A missing or unlabelled vector never gives a row another row's vector, or charges it twice."""

import json
from collections.abc import Sequence

import pyarrow.parquet as pq
import pytest

from tests.support.deciding import deciding
from tests.support.trap_server import Asked, Injected
from tests.support.world import World

ROWS = 6
COMMAND = ("-e", "embedding", "-m", "m", "-y")


def texts_of(asked: Asked) -> list[str]:
    """The texts of one request."""
    given = asked.json["input"]
    return [given] if isinstance(given, str) else given


def vectors(texts: Sequence[str], indexes: Sequence[int]) -> Injected:
    """An answer in which each text's vector is the number at the text's end."""
    data = [
        {"index": index, "embedding": [float(text.split()[-1]), 1.0]}
        for text, index in zip(texts, indexes, strict=True)
    ]
    return Injected(body=json.dumps({"data": data}).encode())


def all_zero(asked: Asked) -> Injected:
    texts = texts_of(asked)
    return vectors(texts, [0] * len(texts))


def without_the_third(asked: Asked) -> Injected:
    texts = texts_of(asked)
    kept = [n for n, _ in enumerate(texts) if len(texts) == 1 or n != 2]
    return vectors([texts[n] for n in kept], kept)


def nothing_in_base64(asked: Asked) -> Injected:
    texts = texts_of(asked)
    if "encoding_format" in asked.json:
        return Injected(body=b'{"data": []}')
    return vectors(texts, range(len(texts)))


def no_encoding_format(asked: Asked) -> Injected:
    texts = texts_of(asked)
    if "encoding_format" in asked.json:
        body = b'{"error": {"message": "Unsupported parameter: encoding_format"}}'
        return Injected(status=400, body=body, free=True)
    return vectors(texts, range(len(texts)))


@pytest.mark.parametrize(
    ("decide", "posts"),
    [
        (all_zero, 1 + ROWS),  # one text for each request from then on
        (without_the_third, 2),  # its row is sent alone
        (nothing_in_base64, 2),
        (no_encoding_format, 3),  # refused for all, therefore sent in smaller calls
    ],
)
def test_every_row_ends_with_its_own_vector(world: World, decide: object, posts: int) -> None:
    sheet = world.sheet("a.csv", ["sku", "prompt"], *([f"k{n}", f"text {n}"] for n in range(ROWS)))
    with deciding(world, decide) as server:  # type: ignore[arg-type]  # one of the above
        done = world.run("run", sheet, *COMMAND)
    assert done.code == 0, done.err
    table = pq.read_table(world.workspace(sheet).folder / "vectors.parquet").to_pydict()
    found = {key: vector[0] for key, vector in zip(table["key"], table["vector"], strict=True)}
    assert found == {f"k{n}": float(n) for n in range(ROWS)}
    assert len(server.asked) <= posts
