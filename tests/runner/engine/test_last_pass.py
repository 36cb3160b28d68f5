"""When nothing else is left, suspects of crashes go on, and failed rows get one second pass."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from jobs.job import State
from jobs.outcome import GiveUp
from jobs.store import Store
from jobs.store.log import open_run
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.order import AFTER_ALL
from jobs.store.schema import jobs
from jobs.store.writer import TableWriter
from runner.engine.last_pass import FinalPass
from tests.support.loading import asking, load
from tests.support.working import FAILURE, ME, close, job_rows, take

LATER = 4e9  # after the time of day that the passes write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three rows, of which the first two failed for a passing reason in this run."""
    made = Store.open(tmp_path / "jobs.db")
    load(made, asking("a", "b", "c"))
    with made.write() as tx:
        open_run(tx, ME, program="test", options={}, now=1000.0)
    for job in take(made, 2):
        close(made, job, GiveUp(failure=FAILURE))
    yield made
    made.close()


@pytest.fixture
async def writer(store: Store) -> AsyncIterator[TableWriter]:
    """The writer of these rows."""
    opened = TableWriter(store, ME)
    opened.start()
    yield opened
    await opened.close()


def states(store: Store) -> list[str]:
    return [row.state for row in job_rows(store)]


async def test_failed_rows_are_put_back_once(writer: TableWriter, store: Store) -> None:
    last = FinalPass(writer)
    assert await last.second_pass([])
    assert states(store) == [State.READY] * 3
    for job in take(store, now=LATER):
        close(store, job, GiveUp(failure=FAILURE))
    assert not await last.second_pass([])
    assert states(store) == [State.FAILED] * 3


async def test_rows_of_a_blocked_model_stay_failed(writer: TableWriter, store: Store) -> None:
    endpoint, model = job_rows(store)[0].endpoint, job_rows(store)[0].model
    blocked = [Block(endpoint=endpoint, model=model)]
    assert not await FinalPass(writer).second_pass(blocked)
    assert states(store)[:2] == [State.FAILED] * 2


async def test_suspects_go_on_as_often_as_there_are_any(writer: TableWriter, store: Store) -> None:
    last = FinalPass(writer)
    assert not await last.retry_suspects()
    for _ in range(2):
        with store.write() as tx:
            tx.execute(update(jobs).where(jobs.c.state == State.READY).values(not_before=AFTER_ALL))
        assert take(store, now=LATER) == []
        assert await last.retry_suspects()
    assert [job.fields["prompt"] for job in take(store, now=LATER)] == ["c"]
