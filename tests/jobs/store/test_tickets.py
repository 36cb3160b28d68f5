"""Tickets belong to calls: who is asked after, and what a late success does, on both databases."""

from dataclasses import replace

import pytest

from jobs.claimed import Claimed
from jobs.job import Failure, FailureClass, State, Step
from jobs.outcome import Answered, Finished, GiveUp, Submitted
from jobs.result import Picture, Result
from jobs.store import Store
from jobs.store.queue.choices import RowChoice, again, retry_named, skip
from jobs.store.queue.settles import SavedFile, Settlement, keep_success, settle
from jobs.store.queue.tickets import TruePrice, count_late, late_tickets, take_over
from tests.support.loading import asking, load
from tests.support.working import ME, call_rows, close, take, the_job

KEPT = 9000.0
FAILED = GiveUp(failure=Failure(kind=FailureClass.SERVER, cause="task_failed"))
RESULT = Result(pictures=(Picture(url="https://e.x/1.mp4"),), data={"taken_over": True})
FILE = SavedFile(number=1, name="1.mp4", size=1, sha256=b"", media_type="video/mp4")


def given_up(store: Store) -> Claimed:
    """One job whose task failed."""
    load(store, asking("a"))
    (job,) = take(store, 1)
    close(store, job, Submitted(ticket="t1", delay=1.0, deadline=5000.0, asked_until=KEPT))
    (job,) = take(store, 1, step=Step.POLL, now=1100.0)
    close(store, job, FAILED, now=1100.0)
    return job


def late(store: Store, *, now: float = 2000.0, to_be_sent: bool = False) -> list[Claimed]:
    with store.read() as tx:
        found = late_tickets(tx, 1, now=now, to_be_sent=to_be_sent)
        assert to_be_sent or count_late(tx, 1, now=now) == len(found)
    return found


def succeed(store: Store, job: Claimed) -> str | None:
    """A late success of this ticket is taken over."""
    found = Settlement(job=job, outcome=Answered(result=RESULT), files=[FILE])
    with store.write() as tx:
        taken = take_over(tx, ME, job, now=2000.0)
        if taken is not None:
            keep_success(tx, found, now=2000.0)
    return taken


def test_a_failed_task_is_asked_after_until_its_provider_forgets_it(store: Store) -> None:
    job = given_up(store)
    (found,) = late(store)
    assert (found.id, found.call_id, found.ticket, found.step) == (
        *(job.id, job.call_id, "t1"),
        Step.POLL,
    )
    assert late(store, to_be_sent=True) == []
    assert late(store, now=KEPT + 1) == []


def test_a_late_success_ends_the_row_and_the_questions(store: Store) -> None:
    given_up(store)
    assert succeed(store, late(store)[0]) == "result"
    row = the_job(store)
    assert (row.state, row.step, row.kind, row.owner) == ("done", "fetch", None, None)
    assert late(store) == []


def test_a_ticket_that_a_job_waits_for_is_left_to_it(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store, 1)
    close(store, job, Submitted(ticket="t1", delay=1.0, deadline=5000.0, asked_until=KEPT))
    assert late(store) == []
    (job,) = take(store, 1, step=Step.POLL, now=1100.0)
    assert late(store) == []
    close(store, job, Finished(result=Result(text="x")), now=1100.0)
    assert late(store) == []


def test_a_row_that_was_put_back_is_asked_for_first(store: Store) -> None:
    given_up(store)
    with store.write() as tx:
        assert retry_named(tx, 1, RowChoice(), now=1500.0) == 1
    assert the_job(store).step == Step.SEND
    (found,) = late(store, to_be_sent=True)
    assert succeed(store, found) == "result"
    assert take(store, 1, now=2500.0) == []


def test_a_job_at_work_keeps_its_own_and_is_asked_for_later(store: Store) -> None:
    given_up(store)
    (old,) = late(store)
    with store.write() as tx:
        retry_named(tx, 1, RowChoice(), now=1500.0)
    (job,) = take(store, 1, now=1600.0)
    assert succeed(store, old) is None
    assert late(store) == []
    close(store, job, Submitted(ticket="t2", delay=1.0, asked_until=KEPT), now=1700.0)
    assert [one.ticket for one in late(store)] == ["t1"]
    assert succeed(store, late(store)[0]) == "result"
    assert the_job(store).call_id == old.call_id
    assert [one.ticket for one in late(store)] == ["t2"], "the new task may still bring a version"
    assert succeed(store, late(store)[0]) == "version"
    assert the_job(store).call_id == old.call_id


@pytest.mark.parametrize("decide", [skip, again])
def test_a_row_that_a_person_decided_on_otherwise_gets_a_version(
    store: Store, decide: object
) -> None:
    given_up(store)
    (old,) = late(store)
    with store.write() as tx:
        decide(tx, 1, RowChoice(), now=1500.0)  # type: ignore[operator]  # both are called so
    before = the_job(store).state
    assert succeed(store, old) == "version"
    assert the_job(store).state == before != State.DONE


def test_the_true_price_of_a_task_is_that_of_its_call(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store, 1)
    close(store, job, Submitted(ticket="t1", delay=1.0, asked_until=KEPT))
    (job,) = take(store, 1, step=Step.POLL, now=1100.0)
    price = TruePrice(amount=0.2, currency="USD", before=0.25)
    with store.write() as tx:
        done = Settlement(job=replace(job), outcome=Answered(result=RESULT), price=price)
        assert not settle(tx, ME, [done], now=1200.0)
    (call,) = call_rows(store)
    assert (call.cost, call.currency, call.asked_until) == (0.2, "USD", None)
    assert price.more == pytest.approx(-0.05)
