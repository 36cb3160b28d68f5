"""Embedding rows share calls at the wire, and each gets its own vector, tokens and price."""

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest

from jobs.store.queries.gallery import page_rows
from runner.mock.endpoints.embeddings import EmbeddingsEndpoint
from tests.support.world import World

VECTORS = ("-e", "embedding", "-m", "mock-vector", "-y")


def asked(world: World) -> list[dict[str, object]]:
    """The embedding calls on the bill, refused ones included."""
    return [one for one in world.calls if one["endpoint"] == EmbeddingsEndpoint.path]


def test_rows_share_a_call_and_each_has_its_own_vector(world: World) -> None:
    world.mock()
    sheet = world.sheet(
        "a.csv", ["sku", "prompt"], *([f"k{n}", f"text {n % 50}"] for n in range(100))
    )
    done = world.run("run", sheet, *VECTORS)
    assert done.code == 0, done.err
    assert len(asked(world)) < 5
    rows = world.results(sheet)
    assert {row["result_status"] for row in rows} == {"done"}
    table = pq.read_table(world.workspace(sheet).folder / "vectors.parquet").to_pydict()
    found = dict(zip(table["key"], table["vector"], strict=True))
    assert set(found) == {f"k{n}" for n in range(100)}
    assert all(len(vector) == 8 for vector in found.values())
    assert found["k3"] == found["k53"]  # the same text
    assert found["k3"] != found["k4"]
    again = world.run("run", sheet, *VECTORS)
    assert again.posts == 0


def test_tokens_and_cost_of_a_call_are_shared_by_its_rows(world: World) -> None:
    world.settings('[prices."mock-vector"]\ninput = 10\ncurrency = "USD"\n')
    world.mock()
    texts = ["short", "a much longer text about tables and chairs", "middle sized", "桌子"]
    sheet = world.prompts("a.csv", *texts)
    assert world.run("run", sheet, *VECTORS).code == 0
    (call,) = asked(world)
    with world.store(sheet) as store, store.read() as tx:
        ((tokens, cost),) = tx.exec_driver_sql(
            "SELECT (SELECT sum(total_tokens) FROM attempts), (SELECT sum(cost) FROM calls)"
        ).all()
        shown = [one.cost or 0.0 for one in page_rows(tx, 1)]
    rows = world.results(sheet)
    assert sum(int(row["result_total_tokens"]) for row in rows) == tokens
    assert tokens == sum(len(text.encode()) // 4 + 1 for text in texts)
    assert sum(float(row["result_cost"]) for row in rows) == pytest.approx(cost)
    assert sum(shown) == pytest.approx(cost)  # the report agrees
    assert cost == pytest.approx(tokens * 10 / 1e6)
    assert call["billed"]


def test_a_bad_row_fails_alone(world: World) -> None:
    """The provider refuses a whole call because one text is too long."""
    world.mock()
    texts = [f"text {n}" for n in range(40)]
    texts[17] = "word " * 7000
    sheet = world.prompts("a.csv", *texts)
    done = world.run("run", sheet, *VECTORS)
    assert done.code == 4, done.err
    statuses = world.column(sheet)
    assert Counter(statuses) == {"done": 39, "failed": 1}
    assert statuses[17] == "failed"
    assert world.column(sheet, "result_error_class")[17] == "bad_input"
    assert set(world.column(sheet, "result_attempts")) != {"0"}


def test_a_vendors_limit_is_learned_from_its_refusal(world: World) -> None:
    world.mock(embedding_inputs=10)
    sheet = world.prompts("a.csv", *(f"text {n}" for n in range(95)))
    assert world.run("run", sheet, *VECTORS).code == 0
    billed = [one for one in asked(world) if one["billed"]]
    refused = [one for one in asked(world) if not one["billed"]]
    assert len(billed) == 10
    assert len(refused) <= 2


def test_a_setting_makes_calls_smaller(world: World) -> None:
    world.mock(embedding_inputs=10)
    sheet = world.prompts("a.csv", *(f"text {n}" for n in range(30)))
    assert world.run("run", sheet, *VECTORS, "--set", "rows_per_call=5").code == 0
    assert len(asked(world)) == 6


def test_rows_that_ask_for_another_length_do_not_share(world: World) -> None:
    world.mock()
    sheet = world.sheet(
        "a.csv", ["prompt", "dimensions"], *([f"t{n}", 4 + n % 2] for n in range(20))
    )
    assert world.run("run", sheet, *VECTORS).code == 0
    assert len(asked(world)) == 2
    told = [json.loads(one)["dimensions"] for one in world.column(sheet, "result_data")]
    assert told == [4 + n % 2 for n in range(20)]


def test_a_lost_call_is_one_call_in_doubt(world: World) -> None:
    world.mock({"text 7": ["reset_after"]})
    sheet = world.prompts("a.csv", *(f"text {n}" for n in range(60)))
    assert world.run("run", sheet, *VECTORS).code == 0
    assert set(world.column(sheet)) == {"done"}
    assert len(asked(world)) == 2
    with world.store(sheet) as store, store.read() as tx:
        doubts = tx.exec_driver_sql("SELECT count(*) FROM calls WHERE wire = 'D'").scalar_one()
    assert doubts == 1
