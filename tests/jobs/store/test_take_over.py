"""What becomes of the jobs of a lost host, and of the answers that come after all."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from jobs.claimed import Claimed, Holding
from jobs.job import FailureClass, Step
from jobs.outcome import Finished, Held, Outcome, Released, Repeat, Submitted, WireClass
from jobs.result import Result
from jobs.store import Store
from jobs.store.hosts import database_time
from jobs.store.queue.order import AFTER_ALL, REPEAT_RANK
from jobs.store.queue.settles import CallEnd, Settlement, settle
from jobs.store.schema import answers, attempts, metadata
from jobs.store.take_over import InDoubt, TakeOverRules, after_death, repeat_at, repeatable
from tests.support.loading import asking, load
from tests.support.silent_hosts import (
    LOST_AFTER,
    RULES,
    claimed_by,
    joined,
    looked_after,
    silence,
)
from tests.support.working import FAILURE, call_rows, job_rows, settlement, the_job

HOLD = replace(RULES, hold=True)
DONE = Finished(result=Result(text="yes"))
ASKED_BEFORE = RULES.call_seconds + LOST_AFTER / 3


@pytest.fixture
def store(postgres_tables: Engine) -> Store:
    with postgres_tables.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    made = Store(postgres_tables, postgres_tables)
    load(made, asking("a"))
    return made


@pytest.fixture
def me(store: Store) -> Holding:
    return joined(store, heard_for=60)


def lost(store: Store, me: Holding, rules: TakeOverRules = RULES, **order: Any) -> list[Claimed]:
    """The jobs of a host that claimed them and was then declared lost."""
    other = joined(store)
    jobs = claimed_by(store, other, **order)
    silence(store, other)
    (taken,) = looked_after(store, me, rules)
    assert taken.owner == other.owner
    return jobs


def settle_late(
    store: Store, job: Claimed, outcome: Outcome, *, wire: WireClass = WireClass.ANSWERED
) -> bool:
    """Settle as the lost host does after it has joined anew; True if its job was still free."""
    anew = joined(store)
    if job.step is Step.SEND:
        late = replace(settlement(job, outcome, body=b"late"), ended=_end(wire))
    else:
        late = Settlement(job=job, outcome=outcome)
    with store.write() as tx:
        return not settle(tx, anew, [late], now=database_time(tx))


def _end(wire: WireClass) -> CallEnd:
    return CallEnd(wire=wire, seconds=1.0, status=200)


# --- what was in flight -----------------------------------------------------------------------


def test_a_call_in_doubt_is_repeated_after_all_others_once_its_own_limit_has_passed(
    store: Store, me: Holding
) -> None:
    (job,) = lost(store, me)
    row, (call,) = the_job(store), call_rows(store)
    assert (call.wire, call.ended_at is not None) == ("D", True)
    assert (row.state, row.rank, row.repeats, row.owner) == ("ready", REPEAT_RANK, 0, None)
    assert row.not_before - call.started_at == pytest.approx(ASKED_BEFORE, abs=0.01)
    assert (row.call_key, row.epoch, row.cause) == (job.call_key, job.epoch, "killed")
    assert claimed_by(store, me) == []


def test_a_call_of_a_table_that_knew_no_epochs_of_attempts_is_in_doubt_too(
    store: Store, me: Holding
) -> None:
    other = joined(store)
    claimed_by(store, other)
    with store.write() as tx:
        tx.exec_driver_sql("UPDATE attempts SET epoch = NULL")
    silence(store, other)
    looked_after(store, me, HOLD)
    assert (the_job(store).state, call_rows(store)[0].wire) == ("in_doubt", "D")


def test_under_hold_a_person_decides(store: Store, me: Holding) -> None:
    (job,) = lost(store, me, HOLD)
    row, (call,) = the_job(store), call_rows(store)
    assert (row.state, row.call_id, row.kind, call.wire) == (
        "in_doubt",
        job.call_id,
        "network",
        "D",
    )


def test_a_midjourney_submit_is_held_under_every_policy(store: Store, me: Holding) -> None:
    lost(store, me, replace(RULES, held_endpoints=frozenset({"chat"})))
    assert the_job(store).state == "in_doubt"


def test_no_more_calls_are_repeated_than_the_run_may_repeat(store: Store, me: Holding) -> None:
    load(store, asking("a", "b", "c"))
    asked: list[int] = []

    def two(_connection: Connection, count: int) -> int:
        asked.append(count)
        return 2

    lost(store, me, replace(RULES, repeats=two))
    assert asked == [3]
    assert [row.state for row in job_rows(store)] == ["ready", "ready", "in_doubt"]


def test_the_policy_decides_which_calls_go_out_again_and_when() -> None:
    calls = [InDoubt(call_id=2, endpoint="chat", started_at=50.0)] * 2
    calls += [InDoubt(call_id=1, endpoint="mj", started_at=40.0)]
    rules = TakeOverRules(lost_after=30.0, held_endpoints=frozenset({"mj"}), call_seconds=300.0)
    assert [one.call_id for one in repeatable(calls, rules)] == [2]
    assert repeatable(calls, replace(rules, hold=True)) == []
    assert repeat_at(calls[0], rules) == 50.0 + 10.0 + 300.0


# --- polls and downloads ------------------------------------------------------------------------


def at_poll(store: Store, me: Holding) -> None:
    (job,) = claimed_by(store, me, limit=1)
    with store.write() as tx:
        submitted = settlement(job, Submitted(ticket="t", delay=0.0, deadline=2e9))
        settle(tx, me, [submitted], now=database_time(tx))


def test_a_poll_is_ready_at_once_if_its_host_had_others_in_hand(store: Store, me: Holding) -> None:
    load(store, asking("a", "b"))
    at_poll(store, me)
    at_poll(store, me)
    assert len(lost(store, me, step=Step.POLL)) == 2
    assert [(row.state, row.deaths) for row in job_rows(store)] == [("ready", 0)] * 2
    assert len(claimed_by(store, me, step=Step.POLL)) == 2


def test_one_step_alone_in_hand_is_suspected_and_fails_after_three_hosts(
    store: Store, me: Holding
) -> None:
    at_poll(store, me)
    for deaths in (1, 2):
        lost(store, me, step=Step.POLL)
        row = the_job(store)
        assert (row.state, row.deaths, row.not_before) == ("ready", deaths, AFTER_ALL)
        with store.write() as tx:
            tx.exec_driver_sql("UPDATE jobs SET not_before = 0")
    lost(store, me, step=Step.POLL)
    row = the_job(store)
    assert (row.state, row.kind, row.cause) == ("failed", FailureClass.CRASHED, "deaths")


def test_the_third_death_fails_a_row() -> None:
    assert after_death(2)["deaths"] == 2
    assert after_death(3)["state"] == "failed"


def test_a_host_that_only_waited_for_calls_has_no_suspect(store: Store, me: Holding) -> None:
    lost(store, me)
    assert the_job(store).deaths == 0


# --- late answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [RULES, HOLD])
def test_a_late_answer_is_taken_while_nobody_has_the_job(
    store: Store, me: Holding, rules: TakeOverRules
) -> None:
    (job,) = lost(store, me, rules)
    assert settle_late(store, job, DONE)
    row, (call,) = the_job(store), call_rows(store)
    assert (row.state, row.call_id, call.wire) == ("done", job.call_id, "C")


@pytest.mark.parametrize("rules", [RULES, HOLD])
def test_a_late_not_sent_frees_the_row(store: Store, me: Holding, rules: TakeOverRules) -> None:
    (job,) = lost(store, me, rules)
    assert settle_late(store, job, Released(delay=0.0), wire=WireClass.NOT_SENT)
    row, (call,) = the_job(store), call_rows(store)
    assert (row.state, call.wire) == ("ready", "A")
    assert len(claimed_by(store, me)) == 1


@pytest.mark.parametrize("outcome", [Repeat(failure=FAILURE), Held(failure=FAILURE)])
@pytest.mark.parametrize(("rules", "state"), [(RULES, "ready"), (HOLD, "in_doubt")])
def test_a_late_doubt_tells_nothing_new(
    store: Store, me: Holding, outcome: Outcome, rules: TakeOverRules, state: str
) -> None:
    (job,) = lost(store, me, rules)
    before = the_job(store)
    settle_late(store, job, outcome, wire=WireClass.IN_DOUBT)
    row = the_job(store)
    assert (row.state, row.not_before) == (state, before.not_before)


def test_a_late_answer_to_a_job_that_another_host_has_is_kept_as_a_version(
    store: Store, me: Holding
) -> None:
    (job,) = lost(store, me)
    with store.write() as tx:
        tx.exec_driver_sql("UPDATE jobs SET not_before = 0")
    (again,) = claimed_by(store, me)
    assert not settle_late(store, job, DONE)
    row = the_job(store)
    assert (row.state, row.owner, row.epoch) == ("running", me.owner, again.epoch)
    first, second = call_rows(store)
    assert (first.wire, second.wire) == ("C", None)
    with store.read() as tx:
        assert tx.execute(select(answers.c.call_id)).scalars().all() == [job.call_id]
        told = tx.execute(select(attempts.c.text).where(attempts.c.call_id == job.call_id))
        assert told.scalar_one() == "yes"


def test_an_answer_that_comes_twice_changes_nothing_that_a_person_decided(
    store: Store, me: Holding
) -> None:
    (job,) = lost(store, me)
    assert settle_late(store, job, Released(delay=0.0), wire=WireClass.REFUSED)
    with store.write() as tx:
        tx.exec_driver_sql("UPDATE jobs SET not_before = 77")
    settle_late(store, job, DONE, wire=WireClass.ANSWERED)
    row, (call,) = the_job(store), call_rows(store)
    assert (row.state, row.not_before, call.wire) == ("ready", 77, "B")


def test_an_answer_from_the_spool_is_taken_before_its_dead_host_is_declared_lost(
    store: Store, me: Holding
) -> None:
    other = joined(store)
    (job,) = claimed_by(store, other)
    assert settle_late(store, job, DONE)
    silence(store, other)
    (taken,) = looked_after(store, me)
    assert (taken.repeated, taken.held, taken.others) == (0, 0, 0)
    assert the_job(store).state == "done"


def test_a_late_answer_to_a_row_that_was_asked_anew_is_kept_as_a_version(
    store: Store, me: Holding
) -> None:
    (job,) = lost(store, me, HOLD)
    with store.write() as tx:
        tx.exec_driver_sql("UPDATE jobs SET version = 2, state = 'ready', not_before = 0")
    assert not settle_late(store, job, DONE)
    assert (the_job(store).state, call_rows(store)[0].wire) == ("ready", "C")


def test_a_late_poll_is_taken_too(store: Store, me: Holding) -> None:
    at_poll(store, me)
    (job,) = lost(store, me, step=Step.POLL)
    assert the_job(store).not_before == AFTER_ALL
    assert settle_late(store, job, Submitted(ticket="t", delay=5.0))
    assert (the_job(store).state, the_job(store).not_before < AFTER_ALL) == ("ready", True)
