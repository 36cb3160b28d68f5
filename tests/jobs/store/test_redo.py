"""A new generation of a done row can be taken back until it is sent, and leaves no trace then."""

import pytest
from sqlalchemy import select

from jobs.outcome import Finished, GiveUp, Released
from jobs.result import Result
from jobs.store import Store
from jobs.store.queries.results import ResultRow, results
from jobs.store.queue.choices import RowChoice
from jobs.store.queue.redo import generate_again, take_back
from jobs.store.schema import jobs
from tests.support.loading import asking, load
from tests.support.working import FAILURE, close, take

ALL = RowChoice()


@pytest.fixture
def two(store: Store) -> Store:
    """Two rows: one done, one failed."""
    load(store, asking("a", "b"))
    first, second = take(store, 2)
    close(store, first, Finished(result=Result(text="here")))
    close(store, second, GiveUp(failure=FAILURE))
    return store


def rows_of(store: Store) -> list[ResultRow]:
    with store.read() as tx:
        return list(results(tx, 1))


def again(store: Store) -> list[int]:
    with store.write() as tx:
        return list(generate_again(tx, 1, ALL, now=900.0))


def back(store: Store) -> list[int]:
    with store.write() as tx:
        return list(take_back(tx, 1, ALL))


def test_only_done_rows_are_generated_again(two: Store) -> None:
    assert again(two) == [2]
    assert [row.status for row in rows_of(two)] == ["pending", "failed"]
    assert again(two) == []


def test_what_was_not_sent_is_taken_back_without_a_trace(two: Store) -> None:
    before = rows_of(two)
    again(two)
    assert back(two) == [2]
    assert [row._replace(finished_at=None) for row in rows_of(two)] == [
        row._replace(finished_at=None) for row in before
    ]
    with two.read() as tx:
        assert set(tx.execute(select(jobs.c.version)).scalars()) == {1}
    assert take(two, 5, now=5000.0) == []
    assert back(two) == []


def test_what_was_sent_is_not_taken_back(two: Store) -> None:
    again(two)
    (job,) = take(two, 1, now=5000.0)
    assert back(two) == []  # it is in flight
    close(two, job, Released(delay=0.0))
    assert back(two) == []  # it may have been billed
    (job,) = take(two, 1, now=9_000_000_000.0)
    close(two, job, Finished(result=Result(text="newer")))
    assert back(two) == []
    assert rows_of(two)[0].text == "newer"


def test_a_row_that_waits_for_its_first_result_is_left_alone(store: Store) -> None:
    load(store, asking("a"))
    assert back(store) == []
