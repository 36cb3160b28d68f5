"""Outcomes are guarded, atomic, and exactly what the table of transitions says."""

import json
from collections.abc import Callable
from typing import get_args

import pytest
from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, select

from jobs.job import Failure, FailureClass, State, Step
from jobs.outcome import (
    TRANSITIONS,
    Answered,
    Finished,
    GiveUp,
    Held,
    Outcome,
    Released,
    Repeat,
    Submitted,
    TryAgain,
)
from jobs.result import Picture, Result, Usage
from jobs.store import Store
from jobs.store.answers import answer
from jobs.store.queue.choices import suspects_too
from jobs.store.queue.claims import ClaimRequest, claim, next_due
from jobs.store.queue.order import RANK_SPAN
from jobs.store.queue.settles import Answer, replace_answer, settle
from jobs.store.schema import answers, attempts, calls, files, jobs
from tests.support.loading import asking, load
from tests.support.working import (
    FAILURE,
    IDS,
    ME,
    OTHER,
    OUTCOMES,
    bring_to,
    call_rows,
    close,
    take,
    take_over,
    the_job,
)
from tests.support.working import settlement as settling

EXAMPLES = {type(outcome): outcome for outcome in OUTCOMES}
OF_SENDS = [one for one in OUTCOMES if (Step.SEND, type(one)) in TRANSITIONS]
NOW = 2000.0


def test_there_is_an_example_of_every_outcome() -> None:
    assert set(EXAMPLES) == set(get_args(Outcome)) == {kind for _, kind in TRANSITIONS}


@pytest.mark.parametrize(
    ("step", "kind"), TRANSITIONS, ids=lambda part: getattr(part, "__name__", str(part))
)
def test_every_outcome_leads_where_the_table_of_transitions_says(
    store: Store, step: Step, kind: type[Outcome]
) -> None:
    load(store, asking("a"))
    job = bring_to(store, step)
    assert close(store, job, EXAMPLES[kind], now=NOW) == []
    found = the_job(store)
    state, following = TRANSITIONS[step, kind]
    assert (found.state, found.step) == (state, following or step)
    assert found.owner is None
    assert found.updated_at == NOW


@pytest.mark.parametrize(
    ("step", "kind"),
    [(step, kind) for step in Step for kind in EXAMPLES if (step, kind) not in TRANSITIONS],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
def test_an_outcome_that_cannot_be_is_refused_whole(
    store: Store, step: Step, kind: type[Outcome]
) -> None:
    load(store, asking("a"))
    job = bring_to(store, step)
    with pytest.raises(KeyError):
        close(store, job, EXAMPLES[kind], body=b"paid")
    assert the_job(store).state == State.RUNNING
    with store.read() as tx:
        assert answer(tx, job.call_id) is None


@pytest.mark.parametrize(
    ("outcome", "not_before", "attempts_after", "repeats"),
    [
        (Released(delay=7.0), NOW + 7, 0, 0),
        (TryAgain(failure=FAILURE, delay=7.0), NOW + 7, 1, 0),
        (Repeat(failure=FAILURE), NOW, 1, 1),
        (Submitted(ticket="t", delay=7.0), NOW + 7, 0, 0),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_each_outcome_costs_and_how_long_it_waits(
    store: Store, outcome: Outcome, not_before: float, attempts_after: int, repeats: int
) -> None:
    load(store, asking("a"))
    close(store, bring_to(store, Step.SEND), outcome, now=NOW)
    found = the_job(store)
    assert (found.not_before, found.attempts, found.repeats) == (
        not_before,
        attempts_after,
        repeats,
    )


def contents(store: Store) -> list[dict[str, object]]:
    """All columns of jobs, calls, attempts and answers except our own numbers."""
    query = (
        select(jobs, calls, attempts, answers, files)
        .select_from(jobs)
        .join(attempts, attempts.c.job_id == jobs.c.id)
        .join(calls, calls.c.id == attempts.c.call_id)
        .outerjoin(answers, answers.c.call_id == calls.c.id)
        .outerjoin(files, files.c.call_id == calls.c.id)
        .order_by(jobs.c.position)
        .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    )
    with store.read() as tx:
        found = [dict(row) for row in tx.execute(query).mappings()]
    return [
        {name: value for name, value in row.items() if not name.endswith(("id", "call_key"))}
        for row in found
    ]


def test_many_that_are_settled_together_are_as_each_would_be_alone(
    fresh_store: Callable[[], Store],
) -> None:
    """Rows that lack the same values are written in blocks; the rest in single statements."""
    rows = [asking(f"row {number}")[0] for number in range(70)]
    stories = []
    for size in (1, len(rows)):
        store = fresh_store()
        load(store, rows)
        taken = take(store)
        assert len(taken) == len(rows)
        settled = [
            settling(
                job,
                OF_SENDS[(at * 5 + at // 9) % len(OF_SENDS)],
                body=b"x" * at if at % 3 else None,
            )
            for at, job in enumerate(taken)
        ]
        for first in range(0, len(settled), size):
            with store.write() as tx:
                assert settle(tx, ME, settled[first : first + size], now=NOW) == []
        stories.append(contents(store))
    alone, together = stories
    assert len(alone) == len(rows)
    assert together == alone


def test_files_have_attempts_of_their_own(store: Store) -> None:
    load(store, asking("a"))
    close(store, bring_to(store, Step.SEND), TryAgain(failure=FAILURE, delay=0.0))
    (job,) = take(store)
    assert job.attempts == 1
    close(store, job, Answered(result=Result()))
    (job,) = take(store, step=Step.FETCH, now=9000.0)
    assert job.attempts == 0


def test_a_settle_with_another_epoch_changes_nothing_but_keeps_the_answer(store: Store) -> None:
    load(store, asking("a"))
    (stale,) = take(store)
    (adopted,) = take_over(store, ME)
    close(store, adopted, Released(delay=0.0))
    (fresh,) = take(store)
    assert fresh.epoch == stale.epoch + 1
    before = the_job(store)
    late = close(store, stale, Finished(result=Result(text="x")), body=b"paid", now=NOW)
    assert [one.job.id for one in late] == [stale.id]
    assert the_job(store) == before
    with store.read() as tx:
        stored = answer(tx, stale.call_id)
    assert stored is not None
    assert stored.body == b"paid"


def test_a_settle_by_another_owner_changes_nothing_but_keeps_the_answer(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    take_over(store, OTHER)
    before = the_job(store)
    late = close(store, job, Finished(result=Result(text="x")), body=b"paid", now=NOW)
    assert len(late) == 1
    assert the_job(store) == before
    with store.read() as tx:
        stored = answer(tx, job.call_id)
    assert stored is not None
    assert stored.body == b"paid"


def test_an_answer_that_arrives_twice_is_kept_once(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    take_over(store, OTHER)
    outcome = Answered(result=Result(pictures=(Picture(url="https://e.x/1.png"),)))
    assert close(store, job, outcome, holding=OTHER, body=b"paid") == []
    close(store, job, outcome, body=b"paid")
    with store.read() as tx:
        stored = answer(tx, job.call_id)
        assert len(tx.execute(select(files)).all()) == 1
    assert stored is not None
    assert stored.body == b"paid"


def test_a_late_settle_does_not_disturb_the_others_of_its_batch(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    taken = take(store)
    close(store, taken[1], GiveUp(failure=FAILURE))
    batch = [settling(job, Finished(result=Result(text="x"))) for job in taken]
    with store.write() as tx:
        late = settle(tx, ME, batch, now=NOW)
    assert [one.job.id for one in late] == [taken[1].id]
    assert [the_job(store, job.id).state for job in taken] == ["done", "failed", "done"]


def test_a_settled_send_closes_its_call_and_writes_its_attempt(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    usage = Usage(raw={"total": 3}, prompt_tokens=1, completion_tokens=2, total_tokens=3)
    result = Result(text="好", finish="stop", model="m2", usage=usage, data={"k": [1]})
    close(store, job, Finished(result=result), now=NOW)
    (call,) = call_rows(store)
    assert (call.wire, call.status, call.seconds, call.ended_at) == ("C", 200, 1.5, NOW)
    with store.read() as tx:
        (attempt,) = tx.execute(select(attempts)).all()
    assert (attempt.outcome, attempt.text, attempt.finish) == ("finished", "好", "stop")
    assert (attempt.total_tokens, json.loads(attempt.usage)) == (3, {"total": 3})
    assert json.loads(attempt.data) == {"k": [1]}
    assert the_job(store).call_id == job.call_id


def test_a_failed_job_tells_why(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    failure = Failure(kind=FailureClass.REFUSED, cause="policy", detail="not this")
    close(store, job, GiveUp(failure=failure, result=Result(text="half")))
    found = the_job(store)
    assert (found.kind, found.cause, found.detail) == ("refused", "policy", "not this")
    with store.read() as tx:
        (attempt,) = tx.execute(select(attempts)).all()
    assert (attempt.kind, attempt.text) == ("refused", "half")


@pytest.mark.parametrize("stream", [False, True])
def test_a_repeat_keeps_the_call_key_and_streams_where_asked(store: Store, stream: bool) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    close(store, job, Repeat(failure=FAILURE, stream=stream))
    (again,) = take(store)
    assert (again.stream, again.rank) == (stream, 1)
    assert again.call_key == job.call_key
    assert again.call_id != job.call_id
    close(store, again, Repeat(failure=FAILURE, stream=stream))
    assert take(store)[0].call_key == again.call_key


def test_a_new_try_is_a_new_call_with_a_new_key(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    close(store, job, TryAgain(failure=FAILURE, delay=0.0))
    (again,) = take(store)
    assert again.call_key != job.call_key


def test_a_repeat_in_doubt_comes_after_all_other_rows(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    (first,) = take(store, 1)
    close(store, first, Repeat(failure=FAILURE))
    assert [job.row for job in take(store)] == [3, 4, 2]
    assert the_job(store, first.id).turn == RANK_SPAN + 2


def test_a_new_try_keeps_its_place_in_the_sheet(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    (first,) = take(store, 1)
    close(store, first, TryAgain(failure=FAILURE, delay=0.0))
    assert [job.row for job in take(store)] == [2, 3, 4]


def test_a_row_that_is_told_to_slow_down_goes_behind_all_others(store: Store) -> None:
    load(store, asking("a", "b", "c", "d"))
    first, second = take(store, 2)
    slow = Released(delay=0.0, behind=True, refusals=1)
    with store.write() as tx:
        settle(tx, ME, [settling(second, slow), settling(first, slow)], now=1000.0)
    (third,) = take(store, 1)
    close(store, third, slow)
    assert [(job.row, job.refusals) for job in take(store)] == [(5, 0), (3, 1), (2, 1), (4, 1)]


def test_a_row_behind_the_others_still_comes_before_the_repeats(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    first, second = take(store, 2)
    close(store, first, Repeat(failure=FAILURE))
    close(store, second, Released(delay=0.0, behind=True))
    assert [job.row for job in take(store)] == [4, 3, 2]


def test_refusals_are_kept_through_outages_and_forgotten_with_an_answer(store: Store) -> None:
    load(store, asking("a"))
    close(store, take(store)[0], Released(delay=0.0, behind=True, refusals=3))
    close(store, take(store)[0], Released(delay=0.0))
    (job,) = take(store)
    assert job.refusals == 3
    close(store, job, TryAgain(failure=FAILURE, delay=0.0))
    assert take(store)[0].refusals == 0


def test_files_that_expire_first_are_fetched_first(store: Store) -> None:
    load(store, asking("a", "b", "c", "d"))
    expiries = [[9000.0, 8000.0], [], [2500.0], [7000.0]]
    for job, moments in zip(take(store), expiries, strict=True):
        pictures = tuple(Picture(url="https://e.x/", expires_at=moment) for moment in moments)
        close(store, job, Answered(result=Result(pictures=pictures)), now=NOW)
    rows = [job.row for job in take(store, step=Step.FETCH, now=NOW)]
    assert rows == [4, 3, 5, 2]  # without an expiry: an hour from now


@pytest.mark.parametrize("outcome", [Released(delay=0.0), TryAgain(failure=FAILURE, delay=0.0)])
def test_files_that_are_put_back_keep_their_place_by_expiry(
    store: Store, outcome: Released | TryAgain
) -> None:
    load(store, asking("a", "b"))
    for job, expires_at in zip(take(store), (2500.0, 2600.0), strict=True):
        pictures = (Picture(url="https://e.x/", expires_at=expires_at),)
        close(store, job, Answered(result=Result(pictures=pictures)), now=NOW)
    (soonest,) = take(store, 1, step=Step.FETCH, now=NOW)
    close(store, soonest, outcome, now=NOW)
    assert [job.row for job in take(store, step=Step.FETCH, now=NOW)] == [2, 3]


def test_a_suspect_of_a_death_is_taken_when_nothing_else_is_left(store: Store) -> None:
    load(store, asking("a", "b"))
    bring_to(store, Step.FETCH)
    (suspect,) = take_over(store)
    close(store, suspect, Released(delay=0.0, suspect=True), holding=OTHER)
    order = ClaimRequest(step=Step.FETCH, limit=9)
    with store.write() as tx:
        assert claim(tx, ME, order, ids=IDS, now=NOW * 1000) == []
        assert next_due(tx, ME, order) is None
        assert suspects_too(tx, ME.sheet_id, now=NOW) == 1
    assert [job.row for job in take(store, step=Step.FETCH, now=NOW)] == [2]


def test_a_ticket_and_its_deadline_stay_through_polls(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    close(store, job, Submitted(ticket="t-9", delay=0.0, deadline=5000.0))
    (poll,) = take(store, step=Step.POLL)
    close(store, poll, Submitted(ticket="t-9", delay=0.0))
    (poll,) = take(store, step=Step.POLL)
    close(store, poll, TryAgain(failure=FAILURE, delay=0.0))
    found = the_job(store)
    assert (found.ticket, found.deadline, found.step) == ("t-9", 5000.0, "poll")
    assert found.call_id == job.call_id


def test_a_doubtful_call_is_held_with_its_reason(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    close(store, job, Held(failure=FAILURE))
    assert take(store, now=1e9) == []
    found = the_job(store)
    assert (found.state, found.cause, found.call_id) == ("in_doubt", "busy", job.call_id)


def test_an_answer_can_be_replaced_by_a_smaller_one(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    close(store, job, Finished(result=Result()), body=b"big" * 1000)
    smaller = Answer(status=200, headers='{"a": "b"}', body=b"small", size=3000, digest=b"d" * 16)
    with store.write() as tx:
        replace_answer(tx, job.call_id, smaller)
    with store.read() as tx:
        stored = answer(tx, job.call_id)
    assert stored is not None
    assert (stored.body, stored.size, stored.headers) == (b"small", 3000, {"a": "b"})


@pytest.mark.parametrize("size", [0, 1, 512, 513, 100_000])
def test_an_answer_comes_back_byte_for_byte(store: Store, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    load(store, asking("a"))
    (job,) = take(store)
    close(store, job, Finished(result=Result()), body=body)
    with store.read() as tx:
        stored = answer(tx, job.call_id)
    assert stored is not None
    assert stored.body == body
