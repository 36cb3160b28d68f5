"""A first sheet is written straight into the table, with the same outcome as a staged load."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, select

from jobs.store import Store
from jobs.store.schema import jobs, rows
from jobs.store.staging import FirstLoad, Staging, is_empty
from tests.support.loading import Line, asking, load, load_straight, staged
from tests.support.working import finish_all

WORDS = st.sampled_from(["a", "b", "c", "it's 100% ?", "名"])
PROBLEMS = st.sampled_from([None, None, None, '{"column": "size"}'])
MODELS = st.sampled_from(["m", "n"])
BY_REQUEST = st.lists(
    st.builds(Line, asks=WORDS, problem=PROBLEMS, model=MODELS), min_size=1, max_size=12
)
BY_ID = st.dictionaries(
    st.text("uvwxyz", min_size=1, max_size=3),
    st.tuples(WORDS, PROBLEMS),
    min_size=1,
    max_size=12,
).map(lambda found: [Line(key=key, asks=asks, problem=bad) for key, (asks, bad) in found.items()])


class Undo(Exception):  # noqa: N818 - what a caller raises to undo a load
    """An exception that stops a load."""


def everything(store: Store) -> list[Any]:
    """All columns of jobs and rows, and the existing indexes."""
    with store.read() as tx:
        found: list[Any] = [
            tx.execute(select(table).order_by(table.c.id)).all() for table in (jobs, rows)
        ]
        names = [
            sorted(str(one["name"]) for one in inspect(tx).get_indexes(t)) for t in ("jobs", "rows")
        ]
    return [*found, names]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.one_of(BY_REQUEST, BY_ID), then=BY_REQUEST)
def test_a_first_load_leaves_what_staging_and_applying_leaves(
    fresh_store: Callable[[], Store], lines: Sequence[Line], then: Sequence[Line]
) -> None:
    seen = []
    for lay_in in (load, load_straight):
        store = fresh_store()
        plans = [lay_in(store, lines)]
        before = everything(store)
        finish_all(store)
        if lines[0].key is None:
            plans.append(load(store, then))
        seen.append((plans, before, everything(store)[1:]))
    assert seen[0] == seen[1]


def test_more_rows_than_one_statement_takes_are_all_there(store: Store) -> None:
    load_straight(store, asking(*(f"w{number}" for number in range(1234))))
    with store.read() as tx:
        assert [row.position for row in tx.execute(select(rows).order_by(rows.c.id))] == list(
            range(2, 1236)
        )


def test_repeated_ids_are_named_with_their_rows(store: Store) -> None:
    lines = [Line(key=key, asks=str(place)) for place, key in enumerate("xyxzx")]
    with pytest.raises(Undo), store.first_load() as tx:  # noqa: PT012 - the block ends by raising
        landing = FirstLoad(tx, sheet_id=1, by_request=False, now=1.0)
        landing.add(staged(lines))
        assert landing.repeated_keys() == [("x", [2, 4, 6])]
        raise Undo
    with store.read() as tx:
        assert is_empty(tx)
    assert load_straight(store, lines[:2]).new == 2


def test_bad_rows_and_first_requests_are_told_as_staging_tells_them(store: Store) -> None:
    lines = [Line(asks="a"), Line(asks="b", problem="{}"), Line(asks="c", model="n")]
    told = []
    for make in (
        lambda tx: Staging(tx, sheet_id=1, by_request=True),
        lambda tx: FirstLoad(tx, sheet_id=1, by_request=True, now=1.0),
    ):
        with store.first_load() as tx:
            landing = make(tx)
            landing.add(staged(lines))
            landing.number()
            digests = staged(lines).digests
            told.append(
                (
                    landing.problems(),
                    landing.models(),
                    landing.first(1),
                    landing.answered_in(iter(digests)),
                )
            )
    assert told[0] == told[1]
    assert told[0][0] == [(3, "{}")]


def test_the_table_has_its_usual_journal_after_a_first_load_and_after_one_that_failed(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path / "jobs.db")
    with store.read() as tx:
        assert is_empty(tx)
    modes = []
    with pytest.raises(Undo), store.first_load() as tx:  # noqa: PT012 - the block ends by raising
        modes.append(tx.exec_driver_sql("PRAGMA journal_mode").scalar())
        raise Undo
    load_straight(store, asking("a"))
    store.close()
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as raw:
        modes.append(raw.execute("PRAGMA journal_mode").fetchone()[0])
    assert modes == ["delete", "wal"]


def test_a_first_load_works_while_somebody_looks_at_the_table(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "jobs.db")
    looker = Store.look(tmp_path / "jobs.db")
    with looker.read() as tx:
        assert is_empty(tx)
        assert load_straight(store, asking("a", "b")).new == 2
        assert is_empty(tx), "one consistent look"
    with looker.read() as tx:
        assert not is_empty(tx)
    looker.close()
    store.close()
