"""Jobs are claimed, taken over and read alike on every database that the store supports."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, event, text, update
from sqlalchemy.exc import IntegrityError

from jobs.job import Failure, FailureClass, State, Step
from jobs.outcome import Answered, Finished, GiveUp, Released, Submitted, WireClass
from jobs.result import Picture, Result, Usage
from jobs.store import Store
from jobs.store.answers import answer, cells_of, done_digests, files_of
from jobs.store.ids import Ids
from jobs.store.loaded_sheets import loaded_sheet as loaded_batch
from jobs.store.queries.history import history
from jobs.store.queries.results import results
from jobs.store.queries.spending import to_send
from jobs.store.queries.totals import FailedAlike, by_class, counts, failures, spent
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.claims import ClaimRequest, claim, count_death, next_due
from jobs.store.queue.settles import CallEnd, LostFile, SavedFile, Settlement, settle
from jobs.store.schema import jobs
from tests.support.loading import Line, asking, load
from tests.support.working import (
    ME,
    OTHER,
    bring_to,
    call_rows,
    close,
    job_rows,
    prompts,
    settlement,
    take,
    take_over,
)
from tests.support.working import the_job as only_job

DONE = Finished(result=Result(text="yes"))


def test_jobs_are_claimed_in_sheet_order(store: Store) -> None:
    load(store, asking("c", "a", "b", "d"))
    assert prompts(take(store, 3)) == ["c", "a", "b"]
    assert prompts(take(store, 3)) == ["d"]


def test_a_claim_takes_no_more_than_its_limit(store: Store) -> None:
    load(store, asking(*(f"w{number}" for number in range(50))))
    assert [len(take(store, limit)) for limit in (7, 1, 40, 40)] == [7, 1, 40, 2]


def test_a_job_is_not_claimed_before_it_is_due(store: Store) -> None:
    load(store, asking("a", "b"))
    (first,) = take(store, 1)
    close(store, first, Released(delay=60.0), now=1000.0)
    assert prompts(take(store, now=1059.0)) == ["b"]
    assert prompts(take(store, now=1060.0)) == ["a"]


def test_jobs_of_barred_models_stay_where_they_are(store: Store) -> None:
    load(store, [Line(asks="a", model="good"), Line(asks="b", model="bad"), Line(asks="c")])
    assert prompts(take(store, blocked=frozenset({Block("bad"), Block("m")}))) == ["a"]
    assert prompts(take(store)) == ["b", "c"]


def test_a_model_barred_at_one_endpoint_is_taken_at_another(store: Store) -> None:
    lines = [Line(asks="a", model="m"), Line(asks="b", model="m", endpoint="image"), Line(asks="c")]
    load(store, lines)
    bars = frozenset({Block("m", "image")})
    order = ClaimRequest(step=Step.SEND, limit=9, blocked=bars)
    assert prompts(take(store, blocked=bars)) == ["a", "c"]
    with store.read() as tx:
        assert next_due(tx, ME, order) is None
    assert prompts(take(store)) == ["b"]


def test_a_claim_of_chosen_jobs_takes_only_what_this_run_has_selected(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    with store.write() as tx:
        tx.execute(update(jobs).where(jobs.c.position == 3).values(selection=ME.run_id))
        tx.execute(update(jobs).where(jobs.c.position == 4).values(selection=99))
    assert prompts(take(store, chosen_only=True)) == ["b"]


def test_sheets_in_one_table_do_not_touch_each_other(store: Store) -> None:
    load(store, asking("a", "b"))
    load(store, asking("c"), sheet_id=2)
    load(store, asking("c", "d"), sheet_id=2)
    assert prompts(take(store)) == ["a", "b"]
    with store.read() as tx:
        assert counts(tx, 2).waiting == 2
        assert [one.row for one in results(tx, 2)] == [2, 3]


def test_a_call_is_durable_when_its_claim_returns(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "jobs.db")
    load(store, asking("a"))
    (job,) = take(store)
    beside = Store.look(tmp_path / "jobs.db")
    (call,) = call_rows(beside)
    assert (call.id, call.wire, call.call_key) == (job.call_id, None, f"rowmill-{job.call_id}")
    assert only_job(beside).state == State.RUNNING
    beside.close()
    store.close()


def test_only_the_send_step_opens_a_call(store: Store) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    close(store, job, Submitted(ticket="t", delay=0.0))
    (again,) = take(store, step=Step.POLL)
    assert (again.ticket, again.call_id, again.epoch) == ("t", job.call_id, job.epoch + 1)
    assert len(call_rows(store)) == 1


def test_the_next_due_moment_is_that_of_the_earliest_job_an_order_could_take(store: Store) -> None:
    load(store, [Line(asks="a"), Line(asks="b", model="bad")])
    first, second = take(store)
    close(store, first, Released(delay=30.0), now=1000.0)
    close(store, second, Released(delay=5.0), now=1000.0)
    anything = ClaimRequest(step=Step.SEND, limit=1)
    sober = ClaimRequest(step=Step.SEND, limit=1, blocked=frozenset({Block("bad")}))
    chosen = ClaimRequest(step=Step.SEND, limit=1, chosen_only=True)
    with store.read() as tx:
        assert next_due(tx, ME, anything) == 1005.0
        assert next_due(tx, ME, sober) == 1030.0
        assert next_due(tx, ME, chosen) is None


def test_an_adopted_send_comes_with_its_open_call(store: Store) -> None:
    load(store, asking("a", "b"))
    (taken,) = take(store, 1)
    (adopted,) = take_over(store)
    assert (adopted.id, adopted.call_id, adopted.deaths) == (taken.id, taken.call_id, 0)
    assert adopted.call_key == taken.call_key


def test_an_adopted_send_is_found_by_its_open_call_whatever_the_clock_said(store: Store) -> None:
    load(store, asking("a"))
    (ended,) = take(store)
    close(store, ended, Released(delay=0.0), now=1000.0)
    with store.write() as tx:  # the clock was an hour fast, so the ended call has a higher number
        order = ClaimRequest(step=Step.SEND, limit=1)
        early = Ids(after=ended.call_id - (3_600_000 << 22))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: 0.0))
            (open_one,) = claim(tx, ME, order, ids=early, now=1000.0)
    assert open_one.call_id < ended.call_id
    (adopted,) = take_over(store)
    assert adopted.call_id == open_one.call_id


def test_a_death_while_an_answer_is_read_is_counted_beforehand(store: Store) -> None:
    load(store, asking("a"))
    take(store)
    for deaths in (0, 1, 2):
        (adopted,) = take_over(store)
        assert adopted.deaths == deaths
        with store.write() as tx:
            count_death(tx, adopted)
    close(store, adopted, DONE, holding=OTHER)
    assert only_job(store).deaths == 0


def test_deaths_are_counted_through_releases_until_a_step_is_survived(store: Store) -> None:
    load(store, asking("a"))
    bring_to(store, Step.FETCH)
    for death in (1, 2, 3):
        (adopted,) = take_over(store)
        assert adopted.deaths == death
        close(store, adopted, Released(delay=0.0), holding=OTHER)
        (fetch,) = take(store, step=Step.FETCH)
    close(store, fetch, Released(delay=0.0))
    assert only_job(store).deaths == 0


def test_a_death_during_recovery_is_not_blamed_on_what_waits_to_be_put_back(store: Store) -> None:
    load(store, asking("a"))
    bring_to(store, Step.FETCH)
    for holding in (OTHER, ME, OTHER):
        (adopted,) = take_over(store, holding)
        assert adopted.deaths == 1


def test_among_several_active_jobs_none_is_blamed_for_a_death(store: Store) -> None:
    load(store, asking("a", "b"))
    bring_to(store, Step.FETCH)
    bring_to(store, Step.FETCH)
    assert [adopted.deaths for adopted in take_over(store)] == [0, 0]


def test_an_adopted_job_whose_call_was_closed_by_a_late_settle_still_has_its_call(
    store: Store,
) -> None:
    load(store, asking("a"))
    (job,) = take(store)
    take_over(store)
    close(store, job, DONE)
    (adopted,) = take_over(store, ME)
    assert adopted.call_id == job.call_id


def test_a_running_job_whose_row_left_the_sheet_is_not_sent_again(store: Store) -> None:
    load(store, asking("a", "b"))
    take(store, 1)
    load(store, asking("b"))
    (adopted,) = take_over(store)
    close(store, adopted, Released(delay=0.0), holding=OTHER)
    assert prompts(take(store)) == ["b"]
    with store.read() as tx:
        assert next_due(tx, ME, ClaimRequest(step=Step.SEND, limit=1)) is None
    load(store, asking("a", "b"))
    assert prompts(take(store)) == ["a"]


def test_counts_ignore_jobs_that_no_row_points_to(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    (first,) = take(store, 1)
    close(store, first, DONE)
    load(store, asking("c", "d"))
    with store.read() as tx:
        found = counts(tx, 1)
    assert (found.done, found.waiting, found.parked, found.total) == (0, 2, 2, 2)


def test_counting_reads_indexes_and_no_rows(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "jobs.db")
    load(store, asking(*"abc"))
    asked: list[tuple[str, Any]] = []
    with store.read() as tx:
        event.listen(tx, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
        counts(tx, 1)
        ways = [
            row.detail
            for words, values in asked.copy()
            for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)
            if row.detail.startswith(("SCAN", "SEARCH"))
        ]
    store.close()
    assert len(ways) == 3
    assert all("COVERING INDEX" in way or "ix_jobs_unlisted" in way for way in ways), ways


def test_what_is_to_be_sent_is_told_by_kind_most_frequent_first(store: Store) -> None:
    lines = [Line(asks="a", model="m"), Line(asks="b", model="m", endpoint="image")]
    load(
        store, [*lines, *(Line(asks=word, model="n") for word in "cde"), Line(asks="f", model="m")]
    )
    (first,) = take(store, 1)
    with store.read() as tx:
        every = to_send(tx, 1)
        some = to_send(tx, 1, positions=((1, 3), (7, 9)))
    assert {(one.endpoint, one.model, one.rows) for one in every} == {
        ("chat", "n", 3),
        ("image", "m", 1),
        ("chat", "m", 1),
    }
    assert every[0].rows == 3
    assert [len(one.examples) for one in every] == [3, 1, 1]
    assert sorted((one.endpoint, one.rows) for one in some) == [("chat", 1), ("image", 1)]
    close(store, first, DONE)


def test_a_job_whose_row_is_gone_is_not_to_be_sent(store: Store) -> None:
    load(store, asking("a", "b"))
    take(store, 1)
    load(store, asking("b"))
    (adopted,) = take_over(store)
    close(store, adopted, Released(delay=0.0), holding=OTHER)
    with store.read() as tx:
        assert [(one.rows, len(one.examples)) for one in to_send(tx, 1)] == [(1, 1)]


def test_nothing_is_to_be_sent_where_all_is_done(store: Store) -> None:
    load(store, asking("a"))
    (only,) = take(store)
    close(store, only, DONE)
    with store.read() as tx:
        assert to_send(tx, 1) == []


def test_counts_give_the_state_of_every_row(store: Store) -> None:
    load(store, asking(*"abcdefg"))
    one, two, three, four, *_ = take(store, 5)
    close(store, one, DONE)
    close(store, two, GiveUp(failure=Failure(kind=FailureClass.REFUSED, cause="policy")))
    close(store, three, Submitted(ticket="t", delay=0.0))
    close(store, four, Answered(result=Result()))
    with store.read() as tx:
        found = counts(tx, 1)
        assert by_class(failures(tx, 1)) == {FailureClass.REFUSED: 1}
        assert failures(tx, 1) == [FailedAlike("refused", "policy", 1, 3, "")]
        assert len(list(done_digests(tx))) == 1
    assert (found.done, found.failed, found.polling, found.fetching) == (1, 1, 1, 1)
    assert (found.sending, found.waiting, found.total, found.pending) == (1, 2, 7, 5)


def test_an_empty_table_has_nothing_to_tell(store: Store) -> None:
    with store.read() as tx:
        assert loaded_batch(tx, 1) is None
        assert counts(tx, 1).total == 0
        assert list(results(tx, 1)) == []
        assert spent(tx, 1).cost is None
        assert history(tx, 1, position=2) is None
        assert answer(tx, 5) is None
        assert cells_of(tx, 5) is None


def answered_with_two_pictures(store: Store) -> Settlement:
    """Row 2 with an answer; one of its two pictures could be saved."""
    load(store, [Line(asks="a", note="n")])
    (job,) = take(store)
    usage = Usage(raw={"total_tokens": 7}, total_tokens=7)
    pictures = (Picture(url="https://e.x/1.png", expires_at=50.0), Picture(base64="AAAA"))
    result = Result(text="hi", finish="stop", model="m-1", usage=usage, pictures=pictures)
    answered = settlement(job, Answered(result=result), body=b"x" * 5000)
    with store.write() as tx:
        settle(tx, ME, [answered], now=1000.0)
    (job,) = take(store, step=Step.FETCH)
    saved = SavedFile(number=1, name="a/1.png", size=9, sha256=b"s" * 32, media_type="image/png")
    lost = LostFile(number=2, cause="damaged")
    last = Settlement(job=job, outcome=Finished(), files=[saved, lost])
    with store.write() as tx:
        assert settle(tx, ME, [last], now=1000.0) == []
    return last


def test_a_result_has_the_outcome_of_its_row(store: Store) -> None:
    done = answered_with_two_pictures(store)
    with store.read() as tx:
        (found,) = results(tx, 1)
        past = history(tx, 1, position=2)
        stored = answer(tx, done.job.call_id)
        wanted = files_of(tx, done.job.id, done.job.call_id)
        assert cells_of(tx, done.job.id) == (found.key, '["a", "n"]')
    assert (found.row, found.status, found.text, found.files) == (2, "done", "hi", ("a/1.png",))
    assert (found.urls, found.total_tokens, found.attempts) == (("https://e.x/1.png",), 7, 1)
    assert (found.finish, found.answered_model, found.finished_at) == ("stop", "m-1", 1000.0)
    assert stored is not None
    assert (stored.body, stored.size, stored.complete) == (b"x" * 5000, 5000, True)
    assert [(file.number, file.state) for file in wanted] == [(1, "done"), (2, "lost")]
    assert past is not None
    assert [(call.wire, call.status) for call in past.calls] == [(WireClass.ANSWERED, 200)]
    assert len(past.files) == 2


def test_a_row_is_found_by_its_key(store: Store) -> None:
    load(store, [Line(asks="a", key="k-1"), Line(asks="b", key="k-2")])
    with store.read() as tx:
        found = history(tx, 1, key="k-2")
        assert found is not None
        assert (found.result.row, found.fields) == (3, {"prompt": "b"})
        assert history(tx, 1, key="k-3") is None


def test_spent_counts_calls_tokens_and_what_is_unknown(store: Store) -> None:
    load(store, asking(*"abcd"))
    with store.write() as tx:
        tx.execute(
            text(
                "INSERT INTO runs (id, batch_id, owner, host, pid, program, options, started_at)"
                " VALUES (1, 1, 'me', 'h', 1, '0', '{}', 1.0)"
            )
        )
    ends = [
        CallEnd(wire=WireClass.ANSWERED, seconds=1.0, cost=0.5, currency="USD"),
        CallEnd(wire=WireClass.ANSWERED, seconds=1.0),
        CallEnd(wire=WireClass.IN_DOUBT, seconds=1.0),
        CallEnd(wire=WireClass.NOT_SENT, seconds=1.0),
    ]
    usage = Usage(raw={}, prompt_tokens=3, total_tokens=5)
    batch = [
        Settlement(job=job, outcome=Finished(result=Result(usage=usage)), ended=end)
        for job, end in zip(take(store), ends, strict=True)
    ]
    with store.write() as tx:
        settle(tx, ME, batch, now=1000.0)
    with store.read() as tx:
        found = spent(tx, 1)
    assert (found.calls, found.unknown_calls, found.unpriced_calls) == (4, 1, 1)
    assert (found.cost, found.currency, found.prompt_tokens) == (0.5, "USD", 12)
    assert found.completion_tokens is None


def test_parked_rows_come_last_and_only_when_asked_for(store: Store) -> None:
    load(store, asking("a", "b"))
    load(store, asking("b"))
    with store.read() as tx:
        assert [one.status for one in results(tx, 1)] == ["pending"]
        found = list(results(tx, 1, only={"pending", "parked"}))
        assert [one.status for one in results(tx, 1, only={"done"})] == []
    assert [(one.row, one.status) for one in found] == [(2, "pending"), (2, "parked")]


def test_no_parked_row_is_lost_between_two_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.store.queries.results.PAGE_ROWS", 2)
    for word in "abcdefg":
        load(store, asking(word))
    with store.read() as tx:
        parked = [one.cells for one in results(tx, 1, only={"parked"})]
    assert len(parked) == len(set(parked)) == 6


def test_thousands_of_rows_come_out_in_sheet_order(store: Store) -> None:
    load(store, asking(*(f"w{number}" for number in range(2500))))
    with store.read() as tx:
        assert [one.row for one in results(tx, 1)] == list(range(2, 2502))


def test_a_write_that_fails_leaves_nothing_behind(store: Store) -> None:
    load(store, asking("a"))

    def fail_half_way() -> None:
        with store.write() as tx:
            tx.execute(update(jobs).values(state="failed"))
            tx.execute(update(jobs).values(turn=None))  # refused: every job gets its turn

    with pytest.raises(IntegrityError):
        fail_half_way()
    assert only_job(store).state == State.READY


def test_every_job_is_claimed_once(store: Store) -> None:
    load(store, asking(*(f"w{number}" for number in range(30))))
    seen: list[int] = []
    while taken := take(store, 4, holding=ME if len(seen) % 8 else OTHER):
        seen += [job.id for job in taken]
    assert len(seen) == len(set(seen)) == 30
    assert {row.state for row in job_rows(store)} == {State.RUNNING.value}


def test_two_hosts_claiming_at_once_get_different_jobs(postgres_tables: Engine) -> None:
    with postgres_tables.begin() as connection:
        connection.execute(text("TRUNCATE rows, jobs, calls, attempts, batches"))
    store = Store(postgres_tables, postgres_tables)
    load(store, asking(*(f"w{number}" for number in range(6))))
    order = ClaimRequest(step=Step.SEND, limit=4)
    with store.write() as here, store.write() as there:
        mine = claim(here, ME, order, ids=Ids(), now=1000.0)
        theirs = claim(there, OTHER, order, ids=Ids(), now=1000.0)
    assert (prompts(mine), prompts(theirs)) == (["w0", "w1", "w2", "w3"], ["w4", "w5"])
