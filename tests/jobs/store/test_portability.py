"""Every statement of the store compiles for both databases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import DDLElement

from jobs.job import PASSING, Step
from jobs.outcome import Finished, Released
from jobs.store import Store, Transaction, answers, loaded_sheets, log
from jobs.store.log import end_run, last_run, note, open_run
from jobs.store.queries import history, results, spending, totals
from jobs.store.queue import choices, tickets
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.choices import RowChoice
from jobs.store.queue.claims import ClaimRequest, next_due
from jobs.store.queue.settles import Answer, SavedFile, Settlement, replace_answer, settle
from jobs.store.staging import Staging
from tests.support.loading import Line, asking, load
from tests.support.working import ME, OUTCOMES, close, finish_all, take, take_over

DIALECTS = (sqlite.dialect(), postgresql.dialect())  # type: ignore[no-untyped-call]  # theirs


@contextmanager
def listening(engine: Engine) -> Iterator[list[ClauseElement]]:
    """Record the statements that are executed, before they are compiled."""
    heard: list[ClauseElement] = []

    def hear(_: object, statement: Any, *__: object) -> None:
        if isinstance(statement, ClauseElement):
            heard.append(statement)

    event.listen(engine, "before_execute", hear)
    yield heard
    event.remove(engine, "before_execute", hear)


def use_everything(store: Store) -> None:
    """Call every function of the store once."""
    choice = RowChoice(positions=[(2, 9)], keys={"k"}, classes=PASSING, in_doubt=True)
    with store.write() as tx:
        open_run(tx, ME, program="1", options={}, now=1.0)
        note(tx, ME.run_id, "pause", {}, event_id=1, now=1.0)
        end_run(tx, ME.run_id, exit_code=0, now=2.0)
    load(store, asking("a", "a", "b"))
    load(store, [Line(asks="c", key="k"), Line(asks="bad", key="l", problem="{}")])
    for blocked in (frozenset[Block](), frozenset({Block("x"), Block("y", "chat")})):
        for chosen in (False, True):
            order = ClaimRequest(step=Step.SEND, limit=1, blocked=blocked, chosen_only=chosen)
            take(store, 1, blocked=blocked, chosen_only=chosen)
            with store.read() as tx:
                next_due(tx, ME, order)
    for job in take_over(store, ME):
        close(store, job, OUTCOMES[2], body=b"paid")
    (job,) = take(store, 1, step=Step.FETCH)
    saved = SavedFile(number=1, name="1.png", size=1, sha256=b"", media_type="image/png")
    with store.write() as tx:
        settle(tx, ME, [Settlement(job=job, outcome=Finished(), files=[saved])], now=1.0)
        assert settle(tx, ME, [Settlement(job=job, outcome=Released(delay=0.0))], now=1.0)
        small = Answer(status=200, headers="{}", body=b"", size=0, digest=b"")
        replace_answer(tx, job.call_id, small)
        tickets.take_over(tx, ME, job, now=1.0)
        for decide in (choices.retry, choices.retry_named, choices.again, choices.skip):
            decide(tx, 1, choice, now=1.0)
        choices.one_more_pass(tx, ME, now=1.0)
        choices.select_rows(tx, 1, choice, run_id=1)
        choices.select_first(tx, 1, 1, run_id=1)
        choices.unselect(tx, 1)
        staging = Staging(tx, sheet_id=1, by_request=False)
        staging.repeated_keys()
        staging.problems()
        staging.first(1)
        list(staging.changes())
        staging.answered_in(iter([b"d"]))
    with store.read() as tx:
        loaded_sheets.loaded_sheet(tx, 1)
        totals.counts(tx, 1)
        totals.spent(tx, 1)
        totals.failures(tx, 1)
        list(results.results(tx, 1, only={"parked", "done"}))
        history.history(tx, 1, position=2)
        history.history(tx, 1, key="k")
        answers.answer(tx, job.call_id)
        answers.files_of(tx, job.id, job.call_id)
        answers.cells_of(tx, job.id)
        list(answers.done_digests(tx))
        log.run_events(tx, 1)
        tickets.late_tickets(tx, 1, now=1.0, to_be_sent=True)
        tickets.count_late(tx, 1, now=1.0)
        tickets.price_before(tx, job.call_id)
        read_the_bill(tx, job.call_id)
        last_run(tx, 1)


def read_the_bill(tx: Transaction, call_id: int) -> None:
    """Run the queries that precede spending."""
    spending.committed(tx, 1)
    spending.paid_for(tx, call_id)
    spending.to_send(tx, 1, positions=((1, 9),))
    spending.mean_costs(tx, 1)
    spending.mean_file_size(tx, 1)


def test_every_statement_compiles_for_both_databases() -> None:
    store = Store.scratch()
    with listening(store._writer) as heard:
        use_everything(store)
    store.close()
    assert len({str(statement) for statement in heard}) > 80
    for statement in heard:
        if not isinstance(statement, DDLElement) and "ON CONFLICT" not in str(statement):
            for dialect in DIALECTS:
                assert str(statement.compile(dialect=dialect))


def test_every_function_of_the_store_works(fresh_store: Callable[[], Store]) -> None:
    store = fresh_store()
    use_everything(store)


@pytest.mark.parametrize("size", [0, 3])
def test_the_store_says_the_same_over_every_database(
    fresh_store: Callable[[], Store], size: int
) -> None:
    store = fresh_store()
    load(store, asking(*"abc"[:size], "z"))
    finish_all(store)
    with store.read() as tx:
        assert totals.counts(tx, 1).done == size + 1
