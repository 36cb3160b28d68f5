"""The public views of a table are complete and readable with any SQL tool."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from jobs.outcome import Finished
from jobs.store import Store
from jobs.store.sql_views import VIEWS
from tests.support.loading import asking, load
from tests.support.working import close, take
from tests.support.world import World

PRICE = '[prices."mock-text"]\ncall = 0.002\n[prices."mock-embed"]\ncall = 0.004\n'
SAME = (
    *("row", "key", "status", "text", "error", "error_class", "finish", "prompt_tokens"),
    *("completion_tokens", "total_tokens", "cost", "seconds", "attempts", "model", "request_id"),
)


def rows_of(table: Path, view: str) -> list[dict[str, object]]:
    with closing(sqlite3.connect(table)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {view}")]


def alike(cell: object, value: object) -> bool:
    if isinstance(value, float):
        return abs(float(str(cell)) - value) < 5e-4
    return cell == ("" if value is None else str(value))


def test_the_views_say_what_the_results_say(world: World) -> None:
    world.settings(PRICE)
    world.mock({"wolf": ["empty_choices"] * 2, "dog": ["cut", "cut"], "cow": ["empty_choices"]})
    cells = [["chat", "mock-text", one] for one in ("a fox", "a dog", "a wolf", "a cow")]
    cells += [["embedding", "mock-embed", one] for one in ("here", "there", "where")]
    sheet = world.sheet("a.csv", ["endpoint", "model", "prompt"], *cells)
    assert world.run("run", sheet, "-y").code == 4
    world.sheet("a.csv", ["endpoint", "model", "prompt"], *cells[:-1], ["chat", "mock-text", "x"])
    world.run("run", sheet, "-y", "--rows", "2")
    table = world.workspace(sheet).table
    seen = {row["result_row"]: row for row in rows_of(table, "results") if row["batch"] == 1}
    assert [one["result_status"] for one in rows_of(table, "results")].count("parked") == 1
    for result in world.results(sheet):
        if result["result_status"] == "pending":
            continue  # the parked row has the same row number
        row: Mapping[str, object] = seen[int(result["result_row"])]
        told = {name: row[f"result_{name}"] for name in SAME}
        wrong = [name for name in SAME if not alike(result[f"result_{name}"], told[name])]
        assert not wrong, (result, row)
    failed = {(one["error_class"], one["failed"]) for one in rows_of(table, "failures")}
    assert failed == {("no_result", 1), ("in_doubt", 1)}
    spent = {one["model"]: one for one in rows_of(table, "spending")}
    assert (spent["mock-embed"]["calls"], spent["mock-embed"]["cost"]) == (1, 0.004)
    assert spent["mock-text"]["in_doubt"] == 2
    assert json.loads(str(seen[2]["fields"]))["prompt"] == "a fox"


def test_every_view_can_be_read_in_every_kind_of_table(store: Store) -> None:
    load(store, asking("a", "b"))
    close(store, take(store, 1)[0], Finished())
    with store.read() as tx:
        for name, wanted in zip(VIEWS, (2, 0, 0), strict=True):
            assert len(tx.execute(text(f"SELECT * FROM {name}")).all()) == wanted, name
