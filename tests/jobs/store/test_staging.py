"""Loading a sheet keeps finished work, adds rows, parks removed ones, restores returning ones."""

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from jobs.job import State, Step
from jobs.outcome import Answered, Finished, GiveUp, Submitted
from jobs.result import Result
from jobs.store import Store
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.queries.results import results
from jobs.store.queries.totals import counts
from jobs.store.schema import jobs, rows
from jobs.store.staging import Change, LoadPlan, Staging
from tests.support.loading import Line, asking, digest_of, load, sheet_values, staged
from tests.support.working import FAILURE, close, finish_all, job_rows, prompts, take, the_job


def keyed(**asks: str) -> list[Line]:
    """Lines with an id."""
    return [Line(key=key, asks=words) for key, words in asks.items()]


def what(plan: LoadPlan) -> dict[str, int]:
    """The counts of a plan that are not zero."""
    names = [name for name in LoadPlan.__dataclass_fields__ if name not in ("first", "staged")]
    return {name: getattr(plan, name) for name in names if getattr(plan, name)}


def test_a_first_load_makes_a_job_for_every_row(store: Store) -> None:
    plan = load(store, asking("a", "b"))
    assert plan == LoadPlan(staged=2, bad=0, first=True, new=2)
    assert prompts(take(store)) == ["a", "b"]


def test_the_same_sheet_again_changes_nothing(store: Store) -> None:
    load(store, asking("a", "b", "b"))
    finish_all(store)
    before = job_rows(store)
    assert what(load(store, asking("a", "b", "b"))) == {"unchanged": 3, "done_before": 3}
    assert job_rows(store) == before


def test_a_notes_column_costs_nothing(store: Store) -> None:
    load(store, keyed(x="a", y="b"))
    finish_all(store)
    plan = load(store, [Line(key="x", asks="a", note="nice"), Line(key="y", asks="b")])
    assert what(plan) == {"unchanged": 1, "refreshed": 1, "done_before": 2}
    assert finish_all(store) == 0
    with store.read() as tx:
        assert [json.loads(row.cells)[1] for row in results(tx, 1)] == ["nice", ""]


def test_an_edited_row_runs_again_and_the_plan_says_that_it_was_done(store: Store) -> None:
    load(store, keyed(x="a", y="b"))
    finish_all(store)
    plan = load(store, keyed(x="a2", y="b"))
    assert what(plan) == {"unchanged": 1, "changed": 1, "done_before": 2, "bought_again": 1}
    assert prompts(take(store)) == ["a2"]


def test_an_edit_that_is_undone_finds_its_answer_again(store: Store) -> None:
    load(store, keyed(x="a"))
    finish_all(store)
    load(store, keyed(x="a2"))
    plan = load(store, keyed(x="a"))
    assert what(plan) == {"changed": 1, "answered_already": 1}
    assert take(store) == []


def test_an_edited_row_known_by_its_request_counts_as_bought_again(store: Store) -> None:
    load(store, asking("a", "b"))
    finish_all(store)
    plan = load(store, asking("a", "b2"))
    assert what(plan) == {
        "unchanged": 1,
        "new": 1,
        "removed": 1,
        "done_before": 2,
        "bought_again": 1,
    }


def test_a_change_of_options_is_told_from_a_change_of_cells(store: Store) -> None:
    load(store, keyed(x="a", y="b"))
    finish_all(store)
    with store.write() as tx:
        staging = Staging(tx, sheet_id=1, by_request=False)
        other_model = staged([Line(key="x", asks="a"), Line(key="y", asks="b", note="note")])
        staging.add(
            replace(
                other_model,
                digests=[digest_of("a!"), digest_of("b!")],
                models=["n", "n"],
            )
        )
        staging.number()
        staging.match()
        plan = staging.plan()
        assert (plan.bought_again, plan.by_options) == (2, 1)
        assert list(staging.changes()) == [
            Change(position=2, before='{"prompt": "a"}', after='{"prompt": "a"}'),
            Change(position=3, before='{"prompt": "b"}', after='{"prompt": "b"}'),
        ]


def test_rows_inserted_on_top_move_the_others_and_buy_only_themselves(store: Store) -> None:
    load(store, asking("a", "b"))
    finish_all(store)
    plan = load(store, asking("new", "a", "b"))
    assert (plan.new, plan.bought_again, plan.removed) == (1, 0, 0)
    assert [job.row for job in take(store)] == [2]
    with store.read() as tx:
        assert [row.status for row in results(tx, 1)] == ["pending", "done", "done"]


def test_a_resorted_sheet_is_worked_in_its_new_order(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    load(store, asking("c", "a", "b"))
    assert prompts(take(store)) == ["c", "a", "b"]


def test_a_removed_row_is_parked_and_comes_back_with_its_result(store: Store) -> None:
    load(store, asking("a", "b"))
    finish_all(store)
    assert what(load(store, asking("b"))) == {"unchanged": 1, "removed": 1, "done_before": 2}
    plan = load(store, asking("b", "a"))
    assert (plan.returned, plan.answered_already, plan.new) == (1, 1, 0)
    assert take(store) == []


def test_an_unsent_job_is_parked_with_its_row_and_returns_with_it(store: Store) -> None:
    load(store, asking("a", "b"))
    load(store, asking("b"))
    assert [row.state for row in job_rows(store)] == [State.PARKED, State.READY]
    load(store, asking("a", "b"))
    assert prompts(take(store)) == ["a", "b"]


@pytest.mark.parametrize("step", [Step.POLL, Step.FETCH])
def test_what_was_paid_for_goes_on_without_its_row(store: Store, step: Step) -> None:
    load(store, asking("a", "b"))
    (job,) = take(store, 1)
    outcome = Submitted(ticket="t", delay=0.0) if step is Step.POLL else Answered(result=Result())
    close(store, job, outcome)
    load(store, asking("b"))
    assert prompts(take(store, step=step)) == ["a"]


def test_true_duplicates_are_bought_one_by_one(store: Store) -> None:
    load(store, asking("a", "a", "a"))
    assert sorted(row.occurrence for row in job_rows(store)) == [0, 1, 2]
    assert finish_all(store) == 3
    plan = load(store, asking("a", "a", "a", "a"))
    assert (plan.unchanged, plan.new, plan.bought_again) == (3, 1, 0)
    assert finish_all(store) == 1


def test_a_copied_row_gets_an_answer_that_nobody_uses_first(store: Store) -> None:
    load(store, keyed(x="a", y="b"))
    finish_all(store)
    load(store, keyed(x="a2", y="b"))
    plan = load(store, keyed(x="a2", y="b", z="a"))
    assert (plan.new, plan.answered_already) == (1, 1)
    with store.read() as tx:
        assert [row.text for row in results(tx, 1)] == [None, "answer to b", "answer to a"]


def test_a_returning_row_does_not_share_the_job_another_took_over(store: Store) -> None:
    load(store, keyed(x="a"))
    finish_all(store)
    load(store, keyed(y="a"))
    load(store, keyed(x="a", y="a"))
    with store.read() as tx:
        assert counts(tx, 1).total == 2
        assert [(row.key, row.status) for row in results(tx, 1)] == [
            ("x", "pending"),
            ("y", "done"),
        ]


def test_a_spare_answer_is_used_before_a_row_s_own_unsent_job(store: Store) -> None:
    load(store, keyed(x="a", y="a"))
    (first,) = take(store, 1)
    close(store, first, Finished(result=Result(text="paid")))
    load(store, keyed(y="a"))
    assert take(store) == []
    with store.read() as tx:
        assert [(row.key, row.text) for row in results(tx, 1)] == [("y", "paid")]


def test_a_spare_ticket_is_followed_before_a_new_one_is_bought(store: Store) -> None:
    load(store, keyed(x="a", y="a", z="a"))
    one, two, _ = take(store)
    close(store, one, GiveUp(failure=FAILURE))
    close(store, two, Submitted(ticket="t", delay=0.0))
    load(store, keyed(w="a"))
    assert the_job(store, two.id).listed
    assert [job.id for job in take(store, step=Step.POLL)] == [two.id]


def test_repeated_keys_are_named_with_their_rows(store: Store) -> None:
    lines = keyed(x="a", y="b")
    more = [*lines, *lines[:1], Line(key="x", asks="q", problem="{}")]
    with store.write() as tx:
        staging = Staging(tx, sheet_id=1, by_request=False)
        staging.add(staged(more))
        assert staging.repeated_keys() == [("x", [2, 4, 5])]


def test_a_bad_row_is_failed_and_never_sent(store: Store) -> None:
    lines = [Line(asks="a"), Line(asks="bad", problem='{"column": "size"}')]
    assert load(store, lines).bad == 1
    assert prompts(take(store)) == ["a"]
    bad = job_rows(store)[1]
    assert (bad.state, bad.kind, bad.detail) == ("failed", "bad_input", '{"column": "size"}')


def test_bad_rows_are_listed_and_first_requests_shown_before_anything_is_laid_in(
    store: Store,
) -> None:
    with store.write() as tx:
        staging = Staging(tx, sheet_id=1, by_request=True)
        lines = [Line(asks="a"), Line(asks="b", problem="{}"), Line(asks="c")]
        staging.add(staged(lines))
        staging.number()
        staging.match()
        assert staging.problems() == [(3, "{}")]
        assert staging.first(1) == [(2, "chat", '{"prompt": "a"}')]
        digests = [digest_of(word) for word in ("a", "c", *map(str, range(1200)))]
        assert staging.answered_in(iter(digests)) == 2
    assert job_rows(store) == []


def test_a_plan_changes_nothing(store: Store) -> None:
    load(store, asking("a"))
    before = job_rows(store)
    with store.write() as tx:
        staging = Staging(tx, sheet_id=1, by_request=True)
        staging.add(staged([Line(asks="b")]))
        staging.number()
        staging.match()
        assert staging.plan().new == 1
    assert job_rows(store) == before


@pytest.mark.parametrize("with_ids", [True, False])
@pytest.mark.parametrize("change", ["nothing", "notes", "requests"])
def test_comparing_a_sheet_costs_no_more_for_each_row_of_a_longer_one(
    tmp_path: Path, change: str, *, with_ids: bool
) -> None:
    assert steps_of(tmp_path / "long", 1600, change, with_ids=with_ids) < 6 * steps_of(
        tmp_path / "short", 400, change, with_ids=with_ids
    )


def steps_of(folder: Path, count: int, change: str, *, with_ids: bool) -> int:
    """Hundreds of SQLite virtual machine steps for loading so many rows that are all done."""
    asks, note = ("b", "") if change == "requests" else ("a", "new" if change == "notes" else "")

    def lines(asks: str, note: str) -> list[Line]:
        return [
            Line(asks=f"{asks}{place}", key=str(place) if with_ids else None, note=note)
            for place in range(count)
        ]

    folder.mkdir()
    store = Store.open(folder / "jobs.db")
    load(store, lines("a", ""))
    with store.write() as tx:
        tx.execute(update(jobs).values(state=State.DONE.value))
        driver = tx.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
    steps = itertools.count()
    driver.set_progress_handler(lambda: next(steps) and None, 100)
    load(store, lines(asks, note))
    driver.set_progress_handler(None, 0)
    store.close()
    return next(steps)


def test_the_sheet_is_remembered(store: Store) -> None:
    load(store, asking("a"), now=5.0)
    load(store, asking("a"), now=6.0)
    with store.read() as tx:
        found = loaded_sheet(tx, 1)
    assert found is not None
    assert (found.sheet, found.headers, found.loaded_at) == ("prompts.csv", ("prompt", "note"), 6.0)
    assert set(sheet_values()) < set(found.__dataclass_fields__)


# --- laws -------------------------------------------------------------------------------------

WORDS = st.sampled_from("abcd")
BY_REQUEST = st.lists(WORDS, min_size=1, max_size=6).map(lambda words: asking(*words))
BY_ID = st.dictionaries(st.sampled_from("uvwxyz"), WORDS, min_size=1, max_size=6).flatmap(
    lambda asks: st.permutations([Line(key=key, asks=words) for key, words in asks.items()])
)
QUIET = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the examples are small already
)


def look(store: Store) -> list[tuple[str, str, int, bytes, str]]:
    """Every row of the sheet with its job: key, request, job id, digest, state."""
    joined = select(rows.c.key, rows.c.cells, jobs.c.id, jobs.c.digest, jobs.c.state)
    with store.read() as tx:
        found = tx.execute(
            joined.join(jobs, jobs.c.id == rows.c.job_id)
            .where(rows.c.parked.is_(False))
            .order_by(rows.c.position)
        ).all()
    return [
        (key, json.loads(cells)[0], job, digest, state) for key, cells, job, digest, state in found
    ]


def check_laws(store: Store, lines: Sequence[Line]) -> None:
    """The invariants after every load."""
    here = look(store)
    assert [asks for _, asks, *_ in here] == [line.asks for line in lines]
    assert all(digest == digest_of(asks) for _, asks, _, digest, _ in here)
    assert len({job for _, _, job, _, _ in here}) == len(here)
    every = job_rows(store)
    assert len({(job.digest, job.occurrence) for job in every}) == len(every)
    used = {job for _, _, job, _, _ in here}
    assert {job.id for job in every if job.listed} == used
    for job in every:
        assert job.state != State.PARKED or job.id not in used
        assert job.state != State.READY or job.id in used
    with store.read() as tx:
        assert counts(tx, 1).total == len(lines)


def run_histories(store: Store, sheets: Sequence[Sequence[Line]], sent: Sequence[int]) -> None:
    """Load sheet after sheet and run some rows; a request is sent only if no result is spare.

    The model: how often each request was ever sent. Loading never raises the need above the
    number of rows that ask for it at once, so no request is sent more often than that.
    """
    bought: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for lines, limit in zip(sheets, sent, strict=True):
        known = {line.key for line in lines if line.key} & {key for key, *_ in look(store)}
        plan = load(store, lines)
        asked = Counter(line.asks for line in lines)
        most |= asked
        check_laws(store, lines)
        assert plan.staged == len(lines)
        if not plan.first:
            parts = plan.unchanged + plan.refreshed + plan.changed + plan.new + plan.returned
            assert parts == plan.staged
            assert plan.unchanged + plan.refreshed + plan.changed >= len(known)
        done = Counter(asks for _, asks, _, _, state in look(store) if state == State.DONE)
        for asks, number in asked.items():
            assert done[asks] == min(number, bought[asks])
        for job in take(store, limit):
            bought[str(job.fields["prompt"])] += 1
            close(store, job, Finished(result=Result(text="x")))
    assert all(bought[asks] <= most[asks] for asks in bought)


@QUIET
@given(data=st.data())
def test_nothing_done_is_ever_bought_twice_where_rows_are_known_by_their_request(
    fresh_store: Callable[[], Store], data: st.DataObject
) -> None:
    sheets = data.draw(st.lists(BY_REQUEST, min_size=1, max_size=5))
    sent = data.draw(st.lists(st.integers(0, 6), min_size=len(sheets), max_size=len(sheets)))
    run_histories(fresh_store(), sheets, sent)


@QUIET
@given(data=st.data())
def test_nothing_done_is_ever_bought_twice_where_rows_have_ids(
    fresh_store: Callable[[], Store], data: st.DataObject
) -> None:
    sheets = data.draw(st.lists(BY_ID, min_size=1, max_size=5))
    sent = data.draw(st.lists(st.integers(0, 6), min_size=len(sheets), max_size=len(sheets)))
    run_histories(fresh_store(), sheets, sent)
