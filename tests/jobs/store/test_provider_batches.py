"""Provider batches in the table: written down once, taken in once, on both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from jobs.claimed import Holding
from jobs.job import Failure, FailureClass, State, Step
from jobs.outcome import GiveUp, NotBought
from jobs.store import Store
from jobs.store.provider_batches.batch import (
    BATCH_TRANSITIONS,
    BatchState,
    ProviderBatch,
    batches_of,
    open_batches,
    the_batch,
)
from jobs.store.provider_batches.intake import (
    Place,
    count_left,
    held,
    in_doubt,
    rows_of,
    settle_slice,
    taken_in,
    unbought,
)
from jobs.store.provider_batches.intend import (
    ChangedRowsError,
    TooDearError,
    intend,
    queued_tokens,
)
from jobs.store.provider_batches.moves import (
    LostBatchError,
    change,
    creating,
    lease,
    move,
    release,
    removed,
    upload_gone,
    uploaded,
    want_cancelled,
)
from jobs.store.provider_batches.waiting import (
    keep_for_batches,
    let_go_online,
    set_aside,
    waiting_kinds,
    waiting_rows,
)
from jobs.store.queries.spending import committed
from jobs.store.queue.choices import RowChoice, retry_named, skip, suspects_too
from jobs.store.queue.claims import open_calls
from jobs.store.queue.order import FOR_BATCH, GIVEN_BACK
from jobs.store.queue.settles import Answer
from jobs.store.schema import calls
from tests.support.batching import (
    KIND,
    NOW,
    all_fit,
    answered,
    brought_to,
    intended,
    open_rows,
    plan_of,
    take_slice,
    wanting_batches,
)
from tests.support.loading import asking, load
from tests.support.working import ME, OTHER, call_rows, job_rows, take, the_job

WHY = Failure(kind=FailureClass.SERVER, cause="batch_expired")
FAR = 5e9


# --- rows that wait ---------------------------------------------------------------------------


def test_rows_that_wait_for_a_batch_are_claimed_by_nobody(store: Store) -> None:
    wanting_batches(store, "a", "b")
    assert take(store, now=FAR) == []


def test_rows_of_other_lanes_do_not_wait(store: Store) -> None:
    load(store, asking("a"))
    with store.write() as tx:
        assert keep_for_batches(tx, 1) == 0
    assert len(take(store)) == 1


def test_waiting_rows_are_no_suspects(store: Store) -> None:
    wanting_batches(store, "a")
    with store.write() as tx:
        assert suspects_too(tx, 1, now=NOW) == 0


def test_waiting_rows_are_counted_by_endpoint_and_model(store: Store) -> None:
    wanting_batches(store, "a", "b")
    with store.read() as tx:
        (kind,) = waiting_kinds(tx, 1)
    assert (kind.endpoint, kind.model, kind.rows) == ("chat", "m", 2)


def test_waiting_rows_come_page_by_page_in_the_order_of_the_sheet(store: Store) -> None:
    wanting_batches(store, *"abcde")
    with store.read() as tx:
        first = waiting_rows(tx, 1, KIND, limit=3)
        others = waiting_rows(tx, 1, KIND, after=first[-1][1], limit=3)
    assert [job.fields["prompt"] for job, _ in first + others] == list("abcde")


def test_a_row_that_no_batch_takes_stays_pending_with_its_reason(store: Store) -> None:
    wanting_batches(store, "a")
    with store.write() as tx:
        ((job, _),) = waiting_rows(tx, 1, KIND)
        assert set_aside(tx, [(job, "long")], kind="bad_input", now=NOW) == 1
        assert waiting_kinds(tx, 1) == []
    job_now = the_job(store)
    assert (job_now.state, job_now.cause, job_now.detail) == ("ready", "not_by_batch", "long")


def test_let_go_online_they_are_claimed(store: Store) -> None:
    wanting_batches(store, "a", "b")
    with store.write() as tx:
        assert let_go_online(tx, 1, now=NOW) == 2
    assert len(take(store)) == 2


def test_rows_inside_a_batch_are_never_let_go_online(store: Store) -> None:
    wanting_batches(store, "a")
    intended(store)
    with store.write() as tx:
        assert let_go_online(tx, 1, now=NOW) == 0
    assert take(store, now=FAR) == take(store, step=Step.POLL, now=FAR) == []


def test_what_a_retry_put_back_goes_online_unless_it_asked_for_batches(store: Store) -> None:
    wanting_batches(store, "a")
    with store.write() as tx:
        skip(tx, 1, RowChoice(), now=NOW)
        retry_named(tx, 1, RowChoice(), now=NOW)
        assert keep_for_batches(tx, 1) == 0
        assert keep_for_batches(tx, 1, put_back_too=True) == 1


# --- the intention ----------------------------------------------------------------------------


def test_the_intention_opens_a_call_for_each_row(store: Store) -> None:
    wanting_batches(store, "a", "b")
    batch = intended(store)
    opened = call_rows(store)
    assert [(one.provider_batch_id, one.wire, one.ceiling) for one in opened] == [
        (batch.id, None, 0.25)
    ] * 2
    assert {row.call_id for row in job_rows(store)} == {one.id for one in opened}


def test_the_intention_is_read_as_it_was_written(store: Store) -> None:
    wanting_batches(store, "a", "b")
    batch = intended(store)
    with store.read() as tx:
        assert batches_of(tx, 1) == open_batches(tx, 1) == [the_batch(tx, batch.id)] == [batch]
    assert (batch.state, batch.rows, batch.digest) == (BatchState.INTENDED, 2, "ab" * 32)


def test_rows_of_a_batch_wait_at_the_poll(store: Store) -> None:
    wanting_batches(store, "a")
    intended(store)
    job = the_job(store)
    assert (job.state, job.step, job.not_before) == ("ready", "poll", FOR_BATCH)


def test_a_row_that_was_closed_after_packing_makes_no_batch(store: Store) -> None:
    wanting_batches(store, "a", "b")
    plan = plan_of(store)
    with store.write() as tx:
        skip(tx, 1, RowChoice(positions=[(2, 2)]), now=NOW)
    with pytest.raises(ChangedRowsError), store.write() as tx:
        intend(tx, ME, plan, hold=all_fit, now=NOW)
    with store.read() as tx:
        assert batches_of(tx, 1) == []
    assert call_rows(store) == []


def test_a_batch_that_does_not_fit_under_the_cap_leaves_nothing_behind(store: Store) -> None:
    wanting_batches(store, "a", "b", "c")
    plan = plan_of(store)
    with pytest.raises(TooDearError) as raised, store.write() as tx:
        intend(tx, ME, plan, hold=lambda _tx, _most: 2, now=NOW)
    assert raised.value.fitting == 2
    assert call_rows(store) == []


def test_the_same_rows_are_never_in_two_batches(store: Store) -> None:
    wanting_batches(store, "a")
    first, second = plan_of(store), plan_of(store)
    with store.write() as tx:
        intend(tx, ME, first, hold=all_fit, now=NOW)
    with pytest.raises(ChangedRowsError), store.write() as tx:
        intend(tx, ME, second, hold=all_fit, now=NOW)


def test_open_batches_count_against_the_cap_at_their_ceiling(store: Store) -> None:
    wanting_batches(store, "a", "b")
    with store.write() as tx:
        tx.exec_driver_sql(
            "INSERT INTO runs (id, batch_id, owner, host, pid, program, options, started_at)"
            " VALUES (1, 1, 'me', 'h', 1, 'p', '{}', 1.0)"
        )
    intended(store)
    with store.read() as tx:
        assert committed(tx, 1).amounts == {"USD": 500_000_000}


def test_no_spool_is_searched_for_the_answers_of_a_batch(store: Store) -> None:
    wanting_batches(store, "a")
    intended(store)
    with store.read() as tx:
        assert open_calls(tx) == set()


def test_the_tokens_that_wait_are_those_of_batches_that_have_not_ended(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.CREATED)
    with store.write() as tx:
        assert queued_tokens(tx, "e", "m") == 7
        change(tx, batch, state="ended")
        assert queued_tokens(tx, "e", "m") == queued_tokens(tx, "e", "other") == 0


# --- states and hands -------------------------------------------------------------------------


def test_every_state_of_a_batch_leads_to_an_end() -> None:
    ends = {state for state, following in BATCH_TRANSITIONS.items() if not following}
    assert ends == {BatchState.TAKEN_IN, BatchState.HELD}
    assert set(BATCH_TRANSITIONS) == set(BatchState)


def test_batches_that_a_list_does_not_tell_apart_are_created_one_after_the_other(
    store: Store,
) -> None:
    wanting_batches(store, "a")
    first = intended(store)
    with store.write() as tx:
        begun = creating(tx, first, now=NOW, alone=True)
    assert begun is not None
    second = another(store, first)
    with store.write() as tx:
        assert creating(tx, second, now=NOW, alone=True) is None
        assert creating(tx, second, now=NOW) is not None


def another(store: Store, first: ProviderBatch) -> ProviderBatch:
    """One more batch of the same account, without rows."""
    plan = replace(plan_of(store), id=first.id + 1, rows=[])
    with store.write() as tx:
        return intend(tx, ME, plan, hold=all_fit, now=NOW)


def test_a_state_is_not_skipped(store: Store) -> None:
    wanting_batches(store, "a")
    batch = intended(store)
    with pytest.raises(ValueError, match="intended to ended"), store.write() as tx:
        move(tx, batch, BatchState.ENDED)


def test_a_batch_whose_file_is_gone_is_uploaded_once_more(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.UPLOADED)
    with store.write() as tx:
        batch = upload_gone(tx, batch)
    assert (batch.state, batch.input_file) == (BatchState.INTENDED, None)


def test_who_takes_a_batch_over_shuts_the_other_out(store: Store) -> None:
    wanting_batches(store, "a")
    batch = intended(store)
    with store.write() as tx:
        taken = lease(tx, OTHER, batch)
    assert taken is not None
    assert taken.owner == OTHER.owner
    with pytest.raises(LostBatchError), store.write() as tx:
        uploaded(tx, batch, input_file="file-1")


def test_a_batch_is_taken_over_once(store: Store) -> None:
    wanting_batches(store, "a")
    batch = intended(store)
    with store.write() as tx:
        assert lease(tx, OTHER, batch) is not None
        assert lease(tx, replace(OTHER, owner="third"), batch) is None


def test_what_a_live_host_has_in_hand_is_not_taken(store: Store) -> None:
    wanting_batches(store, "a")
    batch = intended(store)
    with store.write() as tx:
        tx.exec_driver_sql(
            "INSERT INTO hosts (owner, number, run_id, name, pid, program, state, joined_at,"
            " heard_at, heard_since) VALUES ('me', 0, 1, 'h', 1, 'p', 'live', 1.0, 1.0, 1.0)"
        )
        assert lease(tx, OTHER, batch) is None
        assert release(tx, ME) == 1
        assert lease(tx, OTHER, batch) is not None


def test_a_person_cancels_only_what_goes_on(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.CREATED)
    with store.write() as tx:
        assert want_cancelled(tx, batch.id, now=NOW)
        change(tx, the_batch(tx, batch.id), state="ended")
        assert not want_cancelled(tx, batch.id, now=NOW)


def test_what_is_removed_is_known(store: Store) -> None:
    wanting_batches(store, "a")
    batch = intended(store)
    with store.write() as tx:
        removed(tx, batch.id, now=NOW)
        assert the_batch(tx, batch.id).removed_at == NOW


# --- taking in --------------------------------------------------------------------------------


def test_a_slice_is_settled_with_its_place(store: Store) -> None:
    wanting_batches(store, "a", "b")
    batch = brought_to(store, BatchState.ENDED)
    first, second = open_rows(store, batch)
    with store.write() as tx:
        place = Place(file="out-1", offset=40)
        batch = settle_slice(tx, ME, batch, [answered(first)], place=place, now=NOW)
    assert batch.places == {"out-1": 40}
    assert [row.state for row in job_rows(store)] == ["done", "ready"]
    assert [row.job.id for row in open_rows(store, batch)] == [second.job.id]


def test_the_price_of_a_row_is_that_of_its_call(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    take_slice(store, batch, open_rows(store, batch))
    (call,) = call_rows(store)
    assert (call.wire, call.cost, call.ended_at) == ("C", 0.125, NOW)


def test_a_row_that_was_taken_in_is_not_found_again(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    (row,) = open_rows(store, batch)
    take_slice(store, batch, [row])
    with store.read() as tx:
        assert rows_of(tx, batch, [row.job.call_id]) == {}


def test_a_slice_of_a_batch_that_another_host_has_writes_nothing(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    rows = open_rows(store, batch)
    with store.write() as tx:
        lease(tx, OTHER, batch)
    with pytest.raises(LostBatchError):
        take_slice(store, batch, rows)
    assert the_job(store).state == State.READY.value


def test_the_answer_of_a_row_that_a_person_closed_is_kept(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    with store.write() as tx:
        skip(tx, 1, RowChoice(), now=NOW)
    (row,) = open_rows(store, batch)
    answer = Answer(status=200, headers="{}", body=b"{}", size=2, digest=b"d" * 16)
    with store.write() as tx:
        batch = settle_slice(tx, ME, batch, [replace(answered(row), answer=answer)], now=NOW)
        assert count_left(tx, batch) == 0
    assert the_job(store).state == "skipped"
    assert call_rows(store)[0].cost == 0.125


def test_a_row_that_was_not_bought_is_pending_and_free(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    (row,) = open_rows(store, batch)
    with store.write() as tx:
        settle_slice(tx, ME, batch, [unbought(row, NotBought(failure=WHY))], now=NOW)
    job, (call,) = the_job(store), call_rows(store)
    assert (job.state, job.step, job.not_before, job.cause) == (
        *("ready", "send", GIVEN_BACK),
        "batch_expired",
    )
    assert (call.wire, call.cost) == ("B", None)


def test_what_a_batch_gave_back_waits_for_the_next_run_or_a_word(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    (row,) = open_rows(store, batch)
    with store.write() as tx:
        settle_slice(tx, ME, batch, [unbought(row, NotBought(failure=WHY))], now=NOW)
        assert waiting_kinds(tx, 1) == []
        assert keep_for_batches(tx, 1, given_back_too=False) == 0
        assert keep_for_batches(tx, 1) == 1


def test_rows_of_a_batch_that_never_began_are_packed_again(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.UPLOADED)
    (row,) = open_rows(store, batch)
    with store.write() as tx:
        batch = settle_slice(tx, ME, batch, [unbought(row, NotBought(again=True))], now=NOW)
        taken_in(tx, batch, problem="queue", now=NOW)
        assert [kind.rows for kind in waiting_kinds(tx, 1)] == [1]


def test_rows_of_a_held_batch_are_in_doubt_at_their_ceiling(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.UPLOADED)
    (row,) = open_rows(store, batch)
    with store.write() as tx:
        batch = settle_slice(tx, ME, batch, [in_doubt(row, WHY)], now=NOW)
        batch = held(tx, batch, problem="lost", now=NOW)
        assert open_batches(tx, 1) == []
    job, (call,) = the_job(store), call_rows(store)
    assert (job.state, job.step, call.wire, call.ceiling) == ("in_doubt", "send", "D", 0.25)


def test_a_retry_of_a_row_that_failed_in_a_batch_asks_anew(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    (row,) = open_rows(store, batch)
    failed = GiveUp(failure=Failure(kind=FailureClass.CRASHED, cause="bug"))
    with store.write() as tx:
        settle_slice(tx, ME, batch, [answered(row, failed)], now=NOW)
        retry_named(tx, 1, RowChoice(), now=NOW)
    assert [job.step for job in take(store)] == [Step.SEND]


def test_a_batch_is_not_taken_in_before_all_its_rows_are(store: Store) -> None:
    wanting_batches(store, "a", "b")
    batch = brought_to(store, BatchState.ENDED)
    batch = take_slice(store, batch, open_rows(store, batch)[:1])
    with pytest.raises(ValueError, match="without an outcome"), store.write() as tx:
        taken_in(tx, batch, now=NOW)
    batch = take_slice(store, batch, open_rows(store, batch))
    with store.write() as tx:
        assert taken_in(tx, batch, now=NOW).taken_in_at == NOW


def test_answers_of_a_batch_settle_under_another_run(store: Store) -> None:
    wanting_batches(store, "a")
    batch = brought_to(store, BatchState.ENDED)
    later = Holding(sheet_id=1, run_id=9, owner="later")
    with store.write() as tx:
        mine = lease(tx, later, batch)
        assert mine is not None
        rows = rows_of(tx, mine, list(tx.execute(select(calls.c.id)).scalars()))
        settle_slice(tx, later, mine, [answered(row) for row in rows.values()], now=NOW)
    assert (the_job(store).state, the_job(store).settled_by) == ("done", 9)
