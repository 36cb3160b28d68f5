"""Retry, again, skip and only change exactly the rows that a person chose."""

from collections.abc import Callable

import pytest

from jobs.job import PASSING, RETRIABLE, Failure, FailureClass, State, Step
from jobs.outcome import Answered, Finished, GiveUp, Held, Released, Repeat, Submitted
from jobs.result import Result
from jobs.store import Store
from jobs.store.queries.spending import to_send
from jobs.store.queue.choices import (
    ANSWERABLE,
    RowChoice,
    again,
    ask_again,
    candidates,
    one_more_pass,
    retry,
    retry_named,
    select_first,
    select_rows,
    skip,
    unselect,
)
from jobs.store.queue.waits import PATIENCE_SECONDS
from jobs.store.schema import jobs, rows
from tests.support.loading import Line, asking, load
from tests.support.working import (
    FAILURE,
    ME,
    OTHER,
    bring_to,
    call_rows,
    close,
    finish_all,
    job_rows,
    prompts,
    take,
    the_job,
)

ALL = RowChoice()
NOT_ALONE = {
    FailureClass.REFUSED,
    FailureClass.BAD_INPUT,
    FailureClass.TRUNCATED,
}


def failed_with(store: Store, *kinds: FailureClass, now: float = 1000.0) -> None:
    """One row for each failure class, failed with it."""
    load(store, asking(*kinds))
    for job, kind in zip(take(store), kinds, strict=True):
        close(store, job, GiveUp(failure=Failure(kind=kind, cause="c")), now=now)


def waiting(store: Store) -> list[object]:
    """The ready jobs, in sheet order."""
    return [row.position for row in job_rows(store) if row.state == State.READY]


def test_retry_puts_back_all_that_may_succeed_unchanged(store: Store) -> None:
    failed_with(store, *FailureClass)
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == len(RETRIABLE)
    left = {row.kind for row in job_rows(store) if row.state == State.FAILED}
    assert left == NOT_ALONE


def test_retry_of_a_class_takes_that_class_only(store: Store) -> None:
    failed_with(store, FailureClass.REFUSED, FailureClass.SERVER)
    choice = RowChoice(classes={FailureClass.REFUSED})
    with store.write() as tx:
        assert retry(tx, 1, choice, now=2000.0) == 1
    assert waiting(store) == [2]


def test_a_row_in_doubt_is_retried_only_when_named(store: Store) -> None:
    load(store, asking("a"))
    close(store, take(store)[0], Held(failure=FAILURE))
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == 0
        assert retry(tx, 1, RowChoice(in_doubt=True, classes=()), now=2000.0) == 1


def test_a_retried_row_starts_afresh_at_the_step_it_failed_at(store: Store) -> None:
    load(store, asking("a"))
    close(
        store,
        bring_to(store, Step.POLL),
        GiveUp(failure=Failure(kind=FailureClass.STUCK, cause="deadline")),
    )
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == 1
    found = the_job(store)
    assert (found.state, found.step, found.ticket) == ("ready", "poll", "t1")
    assert (found.attempts, found.deaths, found.kind, found.cause) == (0, 0, None, None)
    assert len(take(store, step=Step.POLL)) == 1
    assert len(call_rows(store)) == 1


def poll_failed(store: Store, kind: FailureClass) -> None:
    """One row whose poll failed; submitted at 1000, with a deadline of 900."""
    load(store, asking("a"))
    failure = Failure(kind=kind, cause="c")
    close(store, bring_to(store, Step.POLL), GiveUp(failure=failure))


@pytest.mark.parametrize("kind", ANSWERABLE)
def test_a_retry_asks_after_a_task_that_goes_on_with_new_patience(
    store: Store, kind: FailureClass
) -> None:
    poll_failed(store, kind)
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == 1
    found = the_job(store)
    assert (found.step, found.ticket, found.deadline) == ("poll", "t1", 2000.0 + PATIENCE_SECONDS)


def test_a_retry_resubmits_what_its_provider_gave_up(store: Store) -> None:
    poll_failed(store, FailureClass.SERVER)
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == 1
    found = the_job(store)
    assert (found.state, found.step, found.ticket, found.deadline) == ("ready", "send", None, None)
    assert prompts(take(store)) == ["a"]


def test_a_row_that_was_skipped_while_its_task_ran_keeps_its_ticket(store: Store) -> None:
    load(store, asking("a"))
    bad_moment = Failure(kind=FailureClass.NETWORK, cause="refused")
    close(store, bring_to(store, Step.POLL), Released(delay=5.0, failure=bad_moment))
    with store.write() as tx:
        assert skip(tx, 1, ALL, now=2000.0) == 1
        assert retry_named(tx, 1, ALL, now=2001.0) == 1
    found = the_job(store)
    assert (found.step, found.ticket) == ("poll", "t1")


def test_the_next_run_asks_after_stuck_tickets_only(store: Store) -> None:
    for kind in FailureClass:
        poll_failed(store, kind)
        with store.write() as tx:
            assert ask_again(tx, 1, now=2000.0) == (kind is FailureClass.STUCK)
            tx.execute(jobs.delete())
            tx.execute(rows.delete())


def test_a_stuck_ticket_keeps_its_own_deadline_for_longer_than_the_new_patience(
    store: Store,
) -> None:
    poll_failed(store, FailureClass.STUCK)
    with store.write() as tx:
        tx.execute(jobs.update().values(deadline=9000.0))
        ask_again(tx, 1, now=2000.0)
    assert the_job(store).deadline == 9000.0


def test_the_last_pass_submits_nothing_that_its_provider_gave_up(store: Store) -> None:
    poll_failed(store, FailureClass.SERVER)
    with store.write() as tx:
        assert one_more_pass(tx, ME, now=2000.0) == 0


def test_the_last_pass_asks_once_more_and_waits_no_longer(store: Store) -> None:
    poll_failed(store, FailureClass.STUCK)
    with store.write() as tx:
        assert one_more_pass(tx, ME, now=2000.0) == 1
    assert (the_job(store).step, the_job(store).deadline) == ("poll", 900.0)


def test_the_one_repeat_in_doubt_is_not_given_back_by_a_retry(store: Store) -> None:
    load(store, asking("a"))
    close(store, take(store)[0], Repeat(failure=FAILURE))
    close(store, take(store)[0], Held(failure=FAILURE))
    with store.write() as tx:
        retry_named(tx, 1, ALL, now=2000.0)
    (job,) = take(store)
    assert (job.repeats, job.attempts, job.rank) == (1, 0, 0)


def test_rows_are_chosen_by_number_and_by_key(store: Store) -> None:
    load(store, [Line(asks=word, key=f"k{word}") for word in "abcdef"])
    finish_all(store)
    choice = RowChoice(positions=[(3, 4), (7, 7)], keys={"ka"})
    with store.write() as tx:
        assert again(tx, 1, choice, now=2000.0) == 4
    assert waiting(store) == [2, 3, 4, 7]


def test_an_empty_list_of_rows_chooses_none(store: Store) -> None:
    failed_with(store, FailureClass.SERVER)
    with store.write() as tx:
        assert retry(tx, 1, RowChoice(positions=[]), now=2000.0) == 0


def test_retry_by_name_takes_whatever_is_closed_without_a_result(store: Store) -> None:
    load(store, asking("a", "b", "c", "d"))
    one, two, three, _ = take(store)
    close(store, one, GiveUp(failure=Failure(kind=FailureClass.REFUSED, cause="c")))
    close(store, two, Held(failure=FAILURE))
    close(store, three, Finished(result=Result()))
    with store.write() as tx:
        assert retry_named(tx, 1, RowChoice(positions=[(2, 99)]), now=2000.0) == 2
    assert waiting(store) == [2, 3]


def test_again_buys_a_new_version_of_a_done_row(store: Store) -> None:
    load(store, asking("a"))
    finish_all(store)
    with store.write() as tx:
        assert again(tx, 1, ALL, now=2000.0) == 1
    (job,) = take(store)
    assert (job.version, job.step, job.repeats) == (2, Step.SEND, 0)
    assert len(call_rows(store)) == 2


def test_again_by_class_leaves_done_rows_alone(store: Store) -> None:
    failed_with(store, FailureClass.REFUSED, FailureClass.SERVER)
    with store.write() as tx:
        again(tx, 1, RowChoice(classes={FailureClass.SERVER}), now=2000.0)
    (job,) = take(store)
    close(store, job, Finished(result=Result()))
    with store.write() as tx:
        assert again(tx, 1, RowChoice(classes={FailureClass.REFUSED}), now=2000.0) == 1
    assert waiting(store) == [2]


def test_again_forgets_the_ticket_of_the_old_version(store: Store) -> None:
    load(store, asking("a"))
    close(store, bring_to(store, Step.POLL), GiveUp(failure=FAILURE))
    with store.write() as tx:
        again(tx, 1, ALL, now=2000.0)
    found = the_job(store)
    assert (found.step, found.ticket, found.deadline, found.turn) == ("send", None, None, 2.0)


def test_a_running_row_is_left_in_its_worker_s_hands(store: Store) -> None:
    load(store, asking("a"))
    take(store)
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == 0
        assert retry_named(tx, 1, ALL, now=2000.0) == 0
        assert again(tx, 1, ALL, now=2000.0) == 0
        assert skip(tx, 1, ALL, now=2000.0) == 0
    assert the_job(store).state == State.RUNNING


def test_rows_that_left_the_sheet_are_not_put_back(store: Store) -> None:
    failed_with(store, FailureClass.SERVER, FailureClass.NETWORK)
    load(store, asking(FailureClass.NETWORK))
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == 1
    assert waiting(store) == [2]


def test_one_more_pass_takes_passing_failures_once_after_everything_else(store: Store) -> None:
    failed_with(store, *FailureClass, now=1500.0)
    with store.write() as tx:
        assert one_more_pass(tx, ME, now=1600.0) == len(PASSING)
    load(store, asking(*FailureClass, "new"))
    taken = take(store, now=1700.0)
    assert prompts(taken)[0] == "new"
    assert {job.rank for job in taken[1:]} == {2}
    for job in taken[1:]:
        close(store, job, GiveUp(failure=FAILURE), now=1800.0)
    with store.write() as tx:
        assert one_more_pass(tx, ME, now=1900.0) == 0


def test_one_more_pass_leaves_failures_of_earlier_runs_alone(store: Store) -> None:
    failed_with(store, FailureClass.SERVER, now=1000.0)
    with store.write() as tx:
        assert one_more_pass(tx, OTHER, now=2000.0) == 0


def test_one_more_pass_keeps_the_attempts_and_the_step(store: Store) -> None:
    load(store, asking("a"))
    job = bring_to(store, Step.FETCH)
    close(store, job, GiveUp(failure=FAILURE), now=1500.0)
    with store.write() as tx:
        assert one_more_pass(tx, ME, now=1600.0) == 1
    (fetch,) = take(store, step=Step.FETCH, now=1700.0)
    assert (fetch.step, fetch.rank, fetch.attempts) == (Step.FETCH, 2, job.attempts)


@pytest.mark.parametrize("state", ["failed", "in_doubt", "ready"])
def test_skip_closes_what_is_open(store: Store, state: str) -> None:
    load(store, asking("a"))
    if state != "ready":
        outcome = GiveUp(failure=FAILURE) if state == "failed" else Held(failure=FAILURE)
        close(store, take(store)[0], outcome)
    with store.write() as tx:
        assert skip(tx, 1, ALL, now=2000.0) == 1
    assert take(store, now=1e9) == []
    with store.write() as tx:
        assert retry_named(tx, 1, ALL, now=2000.0) == 1
    assert len(take(store)) == 1


def test_skip_leaves_done_rows_done(store: Store) -> None:
    load(store, asking("a"))
    finish_all(store)
    with store.write() as tx:
        assert skip(tx, 1, ALL, now=2000.0) == 0


def test_skip_by_class_takes_that_class_only(store: Store) -> None:
    failed_with(store, FailureClass.REFUSED, FailureClass.SERVER)
    with store.write() as tx:
        assert skip(tx, 1, RowChoice(classes={FailureClass.REFUSED}), now=2000.0) == 1
    assert [row.state for row in job_rows(store)] == ["skipped", "failed"]


def test_selected_rows_go_before_all_others(store: Store) -> None:
    load(store, asking(*"abcd"))
    with store.write() as tx:
        assert select_rows(tx, 1, RowChoice(positions=[(4, 5)]), run_id=1) == 2
    assert prompts(take(store, 1, chosen_only=True)) == ["c"]
    assert prompts(take(store)) == ["d", "a", "b"]


def test_what_an_earlier_run_selected_goes_back_to_its_place(store: Store) -> None:
    load(store, asking(*"abcd"))
    with store.write() as tx:
        select_rows(tx, 1, RowChoice(positions=[(5, 5)]), run_id=1)
        unselect(tx, 1)
    assert take(store, chosen_only=True) == []
    assert prompts(take(store)) == ["a", "b", "c", "d"]


def test_the_first_rows_are_selected_in_sheet_order(store: Store) -> None:
    load(store, asking(*"abcd"))
    close(store, take(store, 1)[0], Finished(result=Result()))
    with store.write() as tx:
        assert select_first(tx, 1, 2, run_id=1) == 2
    assert prompts(take(store, chosen_only=True)) == ["b", "c"]
    with store.write() as tx:
        assert select_first(tx, 1, 9, run_id=2) == 1
    assert prompts(take(store, chosen_only=True, holding=OTHER)) == ["d"]


def test_only_unsent_rows_are_selected(store: Store) -> None:
    load(store, asking("a", "b"))
    one, two = take(store)
    close(store, one, Submitted(ticket="t", delay=0.0))
    close(store, two, Answered(result=Result()))
    with store.write() as tx:
        assert select_first(tx, 1, 9, run_id=1) == 0
        assert select_rows(tx, 1, ALL, run_id=1) == 0


REQUEUED = RowChoice(requeued=True)


@pytest.mark.parametrize("put_back", [retry, retry_named, again])
def test_a_run_can_take_just_the_rows_that_a_retry_put_back(
    store: Store, put_back: Callable[..., int]
) -> None:
    load(store, asking(*"abcd"))
    for job in take(store, 2):
        close(store, job, GiveUp(failure=FAILURE))
    with store.write() as tx:
        assert put_back(tx, 1, RowChoice(positions=[(3, 3)]), now=2000.0) == 1
        assert [kind.rows for kind in to_send(tx, 1, requeued=True)] == [1]
        assert len(list(candidates(tx, 1, requeued=True))) == 1
        assert select_rows(tx, 1, REQUEUED, run_id=1) == 1
    assert prompts(take(store, chosen_only=True)) == ["b"]


def test_a_run_that_takes_few_of_the_rows_put_back_leaves_the_others_put_back(
    store: Store,
) -> None:
    load(store, asking(*"abcd"))
    for job in take(store, 3):
        close(store, job, GiveUp(failure=FAILURE))
    with store.write() as tx:
        assert retry(tx, 1, ALL, now=2000.0) == 3
        assert select_first(tx, 1, 1, run_id=1, choice=REQUEUED) == 1
    (job,) = take(store, chosen_only=True)
    close(store, job, GiveUp(failure=FAILURE))
    with store.read() as tx:
        assert len(list(candidates(tx, 1, requeued=True))) == 2


def test_a_row_put_back_stays_so_until_it_ends(store: Store) -> None:
    failed_with(store, FailureClass.SERVER)
    with store.write() as tx:
        retry(tx, 1, ALL, now=2000.0)
    close(store, take(store, now=2000.0)[0], Released(delay=0.0), now=2000.0)
    with store.read() as tx:
        assert len(list(candidates(tx, 1, requeued=True))) == 1
    close(store, take(store, now=2000.0)[0], Finished(result=Result()), now=2000.0)
    assert not the_job(store).requeued
