"""The single writer commits all queued work together, and awaited work is durable."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from jobs.claimed import Claimed
from jobs.job import Step
from jobs.outcome import Finished, Held, Released
from jobs.result import Result
from jobs.store import Store, Transaction
from jobs.store import writer as writer_module
from jobs.store.log import open_run, run_events
from jobs.store.queue.claims import ClaimRequest
from jobs.store.writer import TableWriter
from tests.support.loading import asking, load
from tests.support.working import FAILURE, ME, close, settlement, take, the_job

DONE = Finished(result=Result(text="yes"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store.open(path)
    load(made, asking(*(f"w{number}" for number in range(40))))
    yield made
    made.close()


@pytest.fixture
async def table_writer(store: Store) -> AsyncIterator[TableWriter]:
    opened = TableWriter(store, ME)
    opened.start()
    yield opened
    await opened.close()


async def claimed(table_writer: TableWriter, *, limit: int) -> list[Claimed]:
    """Claim jobs to send, with no outcomes to record."""
    found = await table_writer.exchange([], [ClaimRequest(step=Step.SEND, limit=limit)])
    return found.taken[0].jobs


def states(path: Path) -> list[str]:
    """The states that another program reads in the file."""
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT state FROM jobs ORDER BY id").fetchall()
    connection.close()
    return [state for (state,) in found]


def commits(store: Store) -> list[float]:
    """A number that grows with every commit of the writer."""
    seen: list[float] = []
    event.listen(store._writer, "commit", lambda _: seen.append(time.monotonic()))
    return seen


async def test_a_settle_is_durable_when_it_returns(table_writer: TableWriter, path: Path) -> None:
    (job,) = await claimed(table_writer, limit=1)
    assert states(path)[0] == "running"
    await table_writer.settle(settlement(job, DONE, body=b"paid"))
    assert states(path)[0] == "done"


async def test_what_gathers_during_a_commit_is_committed_together(
    table_writer: TableWriter, store: Store, path: Path
) -> None:
    jobs = await claimed(table_writer, limit=40)
    seen = commits(store)
    await asyncio.gather(*(table_writer.settle(settlement(job, DONE)) for job in jobs))
    assert len(seen) < 10
    assert set(states(path)) == {"done"}


async def test_outcomes_and_the_jobs_that_follow_are_one_commit(
    table_writer: TableWriter, store: Store, path: Path
) -> None:
    jobs = await claimed(table_writer, limit=3)
    seen = commits(store)
    found = await table_writer.exchange(
        [settlement(job, DONE) for job in jobs], [ClaimRequest(step=Step.SEND, limit=5)]
    )
    assert len(seen) == 1
    assert not found.errors
    assert len(found.taken[0].jobs) == 5
    assert states(path)[:9] == ["done"] * 3 + ["running"] * 5 + ["ready"]


async def test_a_caller_that_got_less_than_it_asked_for_learns_when_there_is_more(
    table_writer: TableWriter,
) -> None:
    jobs = await claimed(table_writer, limit=40)
    found = await table_writer.exchange(
        [settlement(jobs[0], Released(delay=1000.0))], [ClaimRequest(step=Step.SEND, limit=1)]
    )
    (taken,) = found.taken
    assert taken.jobs == []
    assert taken.due is not None
    assert 900 < taken.due - time.time() <= 1000


async def test_an_outcome_that_cannot_be_written_is_named_by_its_place(
    table_writer: TableWriter,
) -> None:
    jobs = await claimed(table_writer, limit=2)
    wrong = settlement(replace(jobs[1], step=Step.FETCH), Held(failure=FAILURE))
    found = await table_writer.exchange([settlement(jobs[0], DONE), wrong], [])
    assert list(found.errors) == [1]
    assert isinstance(found.errors[1], KeyError)


def returning(number: int, *, into: list[int] | None = None) -> Callable[[Transaction], int]:
    """A write that returns a number, and may also append it to a list."""

    def work(_: Transaction) -> int:
        if into is not None:
            into.append(number)
        return number

    return work


async def test_work_is_done_in_the_order_it_was_given(table_writer: TableWriter) -> None:
    done: list[int] = []
    await asyncio.gather(*(table_writer.do(returning(number, into=done)) for number in range(50)))
    assert done == list(range(50))


async def test_the_result_of_work_goes_to_its_caller(table_writer: TableWriter) -> None:
    found = await asyncio.gather(*(table_writer.do(returning(k * k)) for k in range(30)))
    assert found == [k * k for k in range(30)]


def spoil(tx: Transaction) -> None:
    """Write something, then fail."""
    tx.execute(text("UPDATE jobs SET state = 'spoiled'"))
    tx.execute(text("INSERT INTO runs (id) VALUES (1)"))


def fail_outside(_: Transaction) -> None:
    """Fail for a reason outside the database."""
    raise ZeroDivisionError


async def test_failing_work_fails_alone_and_undoes_only_itself(
    table_writer: TableWriter, path: Path
) -> None:
    jobs = await claimed(table_writer, limit=3)
    together = await asyncio.gather(
        table_writer.settle(settlement(jobs[0], DONE)),
        table_writer.do(spoil),
        table_writer.settle(settlement(jobs[1], DONE)),
        table_writer.do(fail_outside),
        table_writer.settle(settlement(jobs[2], DONE)),
        return_exceptions=True,
    )
    assert isinstance(together[1], IntegrityError)
    assert isinstance(together[3], ZeroDivisionError)
    assert [together[0], together[2], together[4]] == [None, None, None]
    assert states(path)[:4] == ["done", "done", "done", "ready"]


async def test_a_settle_that_cannot_be_written_fails_alone(
    table_writer: TableWriter, path: Path
) -> None:
    jobs = await claimed(table_writer, limit=2)
    wrong = settlement(replace(jobs[0], step=Step.FETCH), Held(failure=FAILURE))
    together = await asyncio.gather(
        table_writer.settle(wrong),
        table_writer.settle(settlement(jobs[1], DONE)),
        return_exceptions=True,
    )
    assert isinstance(together[0], KeyError)
    assert together[1] is None
    assert states(path)[:2] == ["running", "done"]


async def test_a_late_settle_is_no_error(table_writer: TableWriter, store: Store) -> None:
    (job,) = await claimed(table_writer, limit=1)
    close(store, job, DONE)
    await table_writer.settle(settlement(job, Held(failure=FAILURE)))
    assert the_job(store, job.id).state == "done"


def blocking(path: Path, seconds: float) -> "subprocess.Popen[str]":
    """Another process that locks the whole file for a while."""
    program = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "print('mine', flush=True)\n"
        "time.sleep(float(sys.argv[2]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, path, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    return process


async def test_a_busy_table_is_waited_for(table_writer: TableWriter, path: Path) -> None:
    (job,) = await claimed(table_writer, limit=1)
    with blocking(path, 1.0):
        started = time.monotonic()
        await table_writer.settle(settlement(job, DONE))
        assert time.monotonic() - started > 0.5
    assert states(path)[0] == "done"


async def test_a_table_that_is_away_longer_than_the_driver_waits_is_tried_again(
    table_writer: TableWriter, store: Store, path: Path
) -> None:
    (job,) = await claimed(table_writer, limit=1)
    event.listen(
        store._writer, "checkout", lambda dbapi, *_: dbapi.execute("PRAGMA busy_timeout=10")
    )
    with blocking(path, 1.0):
        await table_writer.settle(settlement(job, DONE))
    assert states(path)[0] == "done"


async def test_work_that_meets_a_busy_table_inside_is_tried_again(
    table_writer: TableWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "BUSY_RETRY_DELAYS", (0.01,))
    tries: list[int] = []

    def work(_: Transaction) -> str:
        tries.append(len(tries))
        if len(tries) == 1:
            raise OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))
        return "written"

    assert await table_writer.do(work) == "written"
    assert tries == [0, 1]


async def test_work_that_never_gets_the_table_is_told_so_and_the_writer_lives_on(
    table_writer: TableWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "BUSY_RETRY_DELAYS", (0.01,))
    with pytest.raises(OperationalError, match="no such table"):
        await table_writer.do(lambda tx: tx.execute(text("SELECT * FROM nowhere")))
    assert await table_writer.do(lambda _: "still here") == "still here"


async def test_work_against_a_missing_table_does_not_fail_a_settle(
    table_writer: TableWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "BUSY_RETRY_DELAYS", (0.01,))
    (job,) = await claimed(table_writer, limit=1)
    together = await asyncio.gather(
        table_writer.do(lambda tx: tx.execute(text("SELECT * FROM nowhere"))),
        table_writer.settle(settlement(job, DONE)),
        return_exceptions=True,
    )
    assert isinstance(together[0], OperationalError)
    assert together[1] is None
    assert states(path)[0] == "done"


async def test_a_waiter_that_gives_up_does_not_undo_its_work(
    table_writer: TableWriter, path: Path
) -> None:
    (job,) = await claimed(table_writer, limit=1)
    waiter = asyncio.create_task(table_writer.settle(settlement(job, DONE)))
    await asyncio.sleep(0)
    waiter.cancel()
    await table_writer.do(lambda _: None)
    assert waiter.cancelled() or waiter.cancelling()
    assert states(path)[0] == "done"


async def test_closing_writes_what_is_left(store: Store, path: Path) -> None:
    table_writer = TableWriter(store, ME)
    jobs = take(store, 5)
    table_writer.start()
    settles = [asyncio.create_task(table_writer.settle(settlement(job, DONE))) for job in jobs]
    await asyncio.sleep(0)
    await table_writer.close()
    await asyncio.gather(*settles)
    assert states(path)[:5] == ["done"] * 5


async def test_closing_ends_the_writer_even_when_the_last_commit_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_writer = TableWriter(store, ME)
    monkeypatch.setattr(writer_module, "BUSY_RETRY_DELAYS", ())
    doomed = asyncio.create_task(table_writer.do(lambda tx: tx.invalidate()))
    await asyncio.sleep(0)
    closing = asyncio.create_task(table_writer.close())
    table_writer._thread.start()
    await asyncio.wait_for(closing, 5)
    await asyncio.gather(doomed, return_exceptions=True)
    assert not table_writer._thread.is_alive()


async def test_an_event_is_kept_with_its_run(table_writer: TableWriter, store: Store) -> None:
    await table_writer.do(lambda tx: open_run(tx, ME, program="1", options={}, now=1.0))
    await table_writer.note("pause", {"why": "慢"})
    with store.read() as tx:
        ((_, kind, data),) = run_events(tx, ME.run_id)
    assert (kind, data) == ("pause", {"why": "慢"})
