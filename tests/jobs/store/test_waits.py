"""Setting the clock, during a run or between two, makes no job wait longer and loses none."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.job import Step
from jobs.outcome import Released, Submitted
from jobs.store import Store
from jobs.store.queue.choices import ask_again
from jobs.store.queue.claims import ClaimRequest, open_calls
from jobs.store.queue.order import AFTER_ALL
from jobs.store.queue.waits import MAX_WAIT_SECONDS, move_waits, resume_waits
from jobs.store.writer import TableWriter
from tests.support.loading import asking, load
from tests.support.working import ME, close, settlement, take, the_job

HOURS_8 = 8 * 3600.0
NOW = 1_800_000_000.0


def waiting(store: Store, seconds: float, *, now: float = NOW) -> None:
    """One row that is to continue after so many seconds."""
    load(store, asking("a"))
    close(store, take(store, now=now)[0], Released(delay=seconds), now=now)


def test_a_wait_longer_than_any_wait_is_over(store: Store) -> None:
    waiting(store, 2.0, now=NOW + HOURS_8)
    assert len(take(store, now=NOW)) == 1


@pytest.mark.parametrize("seconds", [2.0, MAX_WAIT_SECONDS])
def test_a_wait_is_kept_to_its_end(store: Store, seconds: float) -> None:
    waiting(store, seconds)
    assert take(store, now=NOW + seconds - 1) == []
    assert len(take(store, now=NOW + seconds)) == 1


def test_what_waits_for_all_others_is_not_taken_for_a_wait_that_is_too_long(store: Store) -> None:
    load(store, asking("a"))
    close(store, take(store, now=NOW)[0], Released(delay=0.0, suspect=True), now=NOW)
    assert take(store, now=NOW) == []
    with store.write() as tx:
        move_waits(tx, 1, by=-HOURS_8)
        resume_waits(tx, 1, now=NOW - HOURS_8)
    assert the_job(store).not_before == AFTER_ALL


@pytest.mark.parametrize("by", [-600.0, HOURS_8])
def test_waits_and_deadlines_move_with_the_clock(store: Store, by: float) -> None:
    load(store, asking("a", "b"))
    first, second = take(store, now=NOW)
    close(store, first, Released(delay=60.0), now=NOW)
    close(store, second, Submitted(ticket="t", delay=12.0, deadline=NOW + 3900), now=NOW)
    with store.write() as tx:
        move_waits(tx, 1, by=by)
    assert the_job(store, first.id).not_before == NOW + 60.0 + by
    assert the_job(store, second.id).not_before == NOW + 12.0 + by
    assert the_job(store, second.id).deadline == NOW + 3900 + by


def test_a_run_after_one_whose_clock_was_ahead_waits_no_longer_than_was_meant(
    store: Store,
) -> None:
    load(store, asking("a", "b"))
    first, second = take(store, now=NOW + 600)
    close(store, first, Released(delay=60.0), now=NOW + 600)
    close(store, second, Submitted(ticket="t", delay=12.0, deadline=NOW + 4500), now=NOW + 600)
    with store.write() as tx:
        resume_waits(tx, 1, now=NOW)
    assert the_job(store, first.id).not_before == NOW + 60.0
    assert the_job(store, second.id).deadline == NOW + 3900


def test_a_task_whose_deadline_passed_between_two_runs_is_asked_after_once_more(
    store: Store,
) -> None:
    load(store, asking("a"))
    close(store, take(store)[0], Submitted(ticket="t", delay=0.0, deadline=1500.0))
    with store.write() as tx:
        resume_waits(tx, 1, now=9000.0)
        assert ask_again(tx, 1, now=9000.0) == 0
    (polled,) = take(store, step=Step.POLL, now=9000.0)
    assert polled.deadline is not None
    assert polled.deadline > 9000.0


async def test_a_clock_set_back_in_a_run_moves_the_waits_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "jobs.db")
    load(store, asking("a"))
    writer = TableWriter(store, ME)
    writer.start()
    order = ClaimRequest(step=Step.SEND, limit=1)
    (job,) = (await writer.exchange([], [order])).taken[0].jobs
    await writer.settle(settlement(job, Released(delay=20.0)))
    before = the_job(store).not_before
    wall = time.time
    monkeypatch.setattr(
        "jobs.clock.time",
        SimpleNamespace(
            time=lambda: wall() - 600.0,
            monotonic=time.monotonic,
            clock_gettime=time.clock_gettime,
            CLOCK_BOOTTIME=getattr(time, "CLOCK_BOOTTIME", 0),
        ),
    )
    await writer.exchange([], [])
    await writer.close()
    assert the_job(store).not_before == pytest.approx(before - 600.0, abs=0.5)
    store.close()


def test_calls_without_an_end_are_found(store: Store) -> None:
    load(store, asking("a", "b"))
    first, second = take(store)
    close(store, first, Released(delay=0.0))
    with store.read() as tx:
        assert open_calls(tx) == {second.call_id}
