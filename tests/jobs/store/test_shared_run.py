"""Hosts open, join and end one run, and what they find out is decided once."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, insert, update

from jobs.job import FailureClass, State, Step
from jobs.outcome import WireClass
from jobs.store import Store
from jobs.store.ids import first_id_at
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.order import AFTER_ALL
from jobs.store.run_findings import Left, are_useless, ended_share, what_is_left
from jobs.store.schema import attempts, calls, jobs, metadata
from jobs.store.shared_run import (
    change_terms,
    end_if_last,
    live_run,
    take_announcement,
    terms_of,
)
from tests.support.loading import asking, load
from tests.support.run_of_hosts import (
    RUN,
    add_host,
    change_host,
    holding_of,
    open_run_of,
    run_row,
)

A = holding_of("a")


@pytest.fixture
def shared(postgres_tables: Engine) -> Store:
    """An empty store over PostgreSQL."""
    with postgres_tables.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    return Store(postgres_tables, postgres_tables)


def is_live(store: Store) -> bool:
    with store.read() as tx:
        return live_run(tx, 1, lost_after=30.0) is not None


def test_a_run_is_live_while_one_of_its_hosts_is_heard(shared: Store) -> None:
    open_run_of(shared)
    assert not is_live(shared), "opened long ago, and nobody joined"
    add_host(shared, "a", number=0)
    assert is_live(shared)
    change_host(shared, "a", heard_at=1000.0)
    assert not is_live(shared)


def test_a_host_that_left_keeps_no_run_alive(shared: Store) -> None:
    open_run_of(shared, "a")
    change_host(shared, "a", state="left")
    assert not is_live(shared)


def test_the_last_host_to_leave_ends_the_run(shared: Store) -> None:
    open_run_of(shared, "a", "b")
    with shared.write() as tx:
        assert not end_if_last(tx, A, exit_code=4, lost_after=30.0, now=2000.0)
    change_host(shared, "b", state="left")
    with shared.write() as tx:
        assert end_if_last(tx, A, exit_code=4, lost_after=30.0, now=2001.0)
        assert not end_if_last(tx, A, exit_code=0, lost_after=30.0, now=2002.0)
    assert (run_row(shared)["ended_at"], run_row(shared)["exit_code"]) == (2001.0, 4)


def test_one_host_announces(store: Store) -> None:
    open_run_of(store, "a", "b")
    with store.write() as tx:
        assert [take_announcement(tx, RUN, now=2000.0) for _ in range(2)] == [True, False]


def test_terms_change_for_all_hosts(store: Store) -> None:
    open_run_of(store, "a")
    with store.write() as tx:
        change_terms(tx, RUN, {"waiting": True, "rpm": 5})
        change_terms(tx, RUN, {"waiting": False})
        assert terms_of(tx, RUN) == {"waiting": False, "rpm": 5}


# --- found out together ---------------------------------------------------------------------------


def paid(store: Store, wires: str, *, kind: FailureClass = FailureClass.NO_RESULT) -> None:
    """Paid answers of one model, in order: C useful, E useless."""
    with store.write() as tx:
        for number, wire in enumerate(wires):
            told = {"kind": kind.value if wire == WireClass.UNUSABLE.value else None}
            call = first_id_at(2e9) + number
            tx.execute(
                insert(calls).values(
                    id=call,
                    run_id=RUN,
                    endpoint="chat",
                    model="m",
                    account="",
                    call_key="",
                    started_at=0.0,
                    wire=wire,
                )
            )
            tx.execute(insert(attempts).values(job_id=number, call_id=call, version=1, **told))


@pytest.mark.parametrize(("wires", "stops"), [("CEEE", True), ("EEEC", False), ("EE", False)])
def test_useless_answers_of_all_hosts_count_in_a_row(store: Store, wires: str, stops: bool) -> None:
    open_run_of(store, "a")
    paid(store, wires)
    with store.write() as tx:
        assert are_useless(tx, RUN, "m", count=3, since=1.9e9) is stops
        assert not are_useless(tx, RUN, "m", count=3, since=2.1e9)


def test_a_row_that_asks_for_too_much_says_nothing_of_its_model(store: Store) -> None:
    open_run_of(store, "a")
    paid(store, "EEEE", kind=FailureClass.TRUNCATED)
    with store.write() as tx:
        assert not are_useless(tx, RUN, "m", count=3, since=1.9e9)


def test_the_stop_rule_sees_the_rows_of_all_hosts(store: Store) -> None:
    load(store, asking(*"abcd"))
    open_run_of(store, "a", "b")
    paid(store, "CCEE")
    with store.write() as tx:
        for number, row in enumerate(tx.execute(jobs.select().order_by(jobs.c.id)).all()):
            state = State.FAILED if number >= 2 else State.DONE
            values = {"state": state.value, "call_id": first_id_at(2e9) + number}
            tx.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
    with store.read() as tx:
        assert ended_share(tx, RUN, window=3) == (2, 3)
        assert ended_share(tx, RUN, window=50) == (2, 4)


# --- what is left ---------------------------------------------------------------------------------


@pytest.fixture
def left(store: Store) -> Callable[..., Left]:
    """What is left of a run of three failed rows; changes of all rows come first."""
    load(store, asking(*"abc"))
    open_run_of(store, "a", "b")

    def ask(*, row: dict[str, object] | None = None, **how: object) -> Left:
        with store.write() as tx:
            if row is not None:
                failed = {"kind": FailureClass.SERVER.value, "settled_by": RUN}
                tx.execute(update(jobs).values(**{"state": "failed", **failed, **row}))
            return what_is_left(tx, A, now=3000.0, **how)  # type: ignore[arg-type]  # a test's words

    return ask


def test_nobody_ends_while_another_host_is_at_work(left: Callable[..., Left]) -> None:
    assert left(row={"state": State.RUNNING.value, "owner": "b"}) is Left.ELSEWHERE
    assert left(may_send=False) is Left.ELSEWHERE


def test_nobody_ends_while_something_becomes_ready_later(left: Callable[..., Left]) -> None:
    assert left(row={"state": State.READY.value, "not_before": 9000.0}) is Left.ELSEWHERE
    assert left(blocked=[Block("m")]) is not Left.ELSEWHERE


def test_the_last_pass_is_made_once_for_all_hosts(left: Callable[..., Left]) -> None:
    assert left(row={}) is Left.AGAIN
    assert left() is Left.ELSEWHERE, "what it put back is ready"
    assert left(row={}) is Left.NOTHING


def test_suspects_go_before_the_last_pass(left: Callable[..., Left], store: Store) -> None:
    suspect = {"state": State.READY.value, "not_before": AFTER_ALL, "step": Step.FETCH.value}
    assert left(row=suspect) is Left.AGAIN
    assert run_row(store)["passed"] in (False, 0)


def test_only_selected_rows_keep_a_run_going(left: Callable[..., Left]) -> None:
    ready = {"state": State.READY.value, "not_before": 0.0, "selection": None}
    assert left(row=ready, chosen_only=True) is Left.NOTHING
    assert left(row={**ready, "selection": RUN}, chosen_only=True) is Left.ELSEWHERE
