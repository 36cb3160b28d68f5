"""The writer of a host of a shared table: fenced, patient, and sure of what it has in hand."""

import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from jobs.claimed import Claimed
from jobs.clock import through_sleep
from jobs.job import Step
from jobs.outcome import Finished
from jobs.result import Result
from jobs.store import Store, Transaction, lock_for_load
from jobs.store import shared_writer as shared_writer_module
from jobs.store.heartbeat import Heartbeat, HeartbeatHooks
from jobs.store.hosts import Report, hosts_of, join, leave
from jobs.store.membership import Membership
from jobs.store.patience import LONGEST_WAIT_SECONDS, waits_for_server
from jobs.store.queue.claims import ClaimRequest
from jobs.store.queue.walk import RESTART_SECONDS, Walk
from jobs.store.schema import metadata
from jobs.store.shared_writer import SharedWriter, WriterHooks
from tests.support.loading import asking, load
from tests.support.silent_hosts import LOST_AFTER, RULES, RUN, joined, looked_after, silence
from tests.support.working import call_rows, job_rows, settlement

DONE = Finished(result=Result(text="yes"))
SENDS = ClaimRequest(step=Step.SEND, limit=4)


@pytest.fixture
def store(postgres_tables: Engine) -> Store:
    with postgres_tables.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    made = Store(postgres_tables, postgres_tables)
    load(made, asking(*(f"w{number}" for number in range(12))))
    return made


@pytest.fixture
def member(store: Store) -> Membership:
    holding = joined(store)
    with store.write() as tx:
        leave(tx, holding.owner)
        holding = replace(holding, owner="me")
        host = join(tx, holding, program="1")
    member = Membership(holding, host, lost_after=LOST_AFTER)
    member.clock.heard(time.time(), asked=through_sleep(), answered=through_sleep())
    return member


@pytest.fixture
def heartbeat(store: Store, member: Membership) -> Heartbeat:
    hooks = HeartbeatHooks(report=Report, rules=lambda: RULES, taken=lambda _taken: None)
    return Heartbeat(store, member, hooks, program="1")


@pytest.fixture
def away() -> list[float]:
    return []


@pytest.fixture
async def writer(
    store: Store, member: Membership, heartbeat: Heartbeat, away: list[float]
) -> AsyncIterator[SharedWriter]:
    hooks = WriterHooks(join_anew=heartbeat.join_anew, away=away.append, back=lambda: None)
    opened = SharedWriter(store, member, hooks, max_wait=2.0)
    opened.start()
    yield opened
    await opened.close()


async def claimed(writer: SharedWriter) -> list[Claimed]:
    (taken,) = (await writer.exchange([], [SENDS])).taken
    return taken.jobs


def states(store: Store) -> list[str]:
    return [row.state for row in job_rows(store)]


async def test_a_claimed_call_has_to_leave_within_a_third_of_the_time_of_silence(
    writer: SharedWriter,
) -> None:
    before = through_sleep()
    jobs = await claimed(writer)
    assert len(jobs) == 4
    assert all(job.leave_by is not None for job in jobs)
    assert before < min(job.leave_by or 0.0 for job in jobs) - LOST_AFTER / 3 < through_sleep()


async def test_nothing_is_claimed_while_a_sheet_is_loaded(
    writer: SharedWriter, store: Store
) -> None:
    with store.write() as tx:
        lock_for_load(tx)
        found = await writer.exchange([], [SENDS])
        (taken,) = found.taken
        assert taken.jobs == []
        assert taken.due is not None
        assert taken.due < time.time() + 1.0
    assert len(await claimed(writer)) == 4


async def test_a_host_that_was_lost_settles_late_and_goes_on_under_another_name(
    writer: SharedWriter, store: Store, member: Membership
) -> None:
    jobs = await claimed(writer)
    silence(store, member.holding)
    looked_after(store, joined(store, heard_for=60))
    await writer.exchange([settlement(job, DONE) for job in jobs], [])
    assert states(store).count("done") == 4
    assert writer.holding.owner != "me"
    more = await claimed(writer)
    assert {row.owner for row in job_rows(store) if row.id in {job.id for job in more}} == {
        writer.holding.owner
    }


def test_two_threads_that_find_their_host_lost_join_once(
    store: Store, member: Membership, heartbeat: Heartbeat
) -> None:
    silence(store, member.holding)
    looked_after(store, joined(store, heard_for=60))
    threads = [threading.Thread(target=heartbeat.join_anew, args=("me",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        live = [host.owner for host in hosts_of(tx, RUN) if host.state == "live"]
    assert len(live) == 2  # this one and the one that took over
    assert member.holding.owner in live


@pytest.fixture
def unanswered(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the next commits be made and their answers be lost."""
    left = [0]
    real = SharedWriter._end

    def end(writer: SharedWriter, transaction: Transaction) -> None:
        real(writer, transaction)
        if left[0]:
            left[0] -= 1
            transaction.commit()
            raise OperationalError("COMMIT", {}, ConnectionError("no answer"))

    monkeypatch.setattr(SharedWriter, "_end", end)

    def lose(count: int) -> None:
        left[0] = count

    return lose


async def test_jobs_of_a_claim_whose_commit_had_no_answer_are_given_back_as_not_sent(
    writer: SharedWriter, store: Store, unanswered: Callable[[int], None]
) -> None:
    first = await claimed(writer)
    unanswered(1)
    await writer.exchange([settlement(job, DONE) for job in first], [SENDS])
    assert states(store).count("running") == 4
    assert [call.wire for call in call_rows(store)].count("A") == 4
    assert [call.wire for call in call_rows(store)].count("C") == 4
    assert states(store).count("done") == 4


async def test_what_is_in_hand_is_not_given_back(
    writer: SharedWriter, store: Store, unanswered: Callable[[int], None]
) -> None:
    jobs = await claimed(writer)
    unanswered(1)
    await writer.do(lambda _tx: None)
    await writer.do(writer.give_back_unsent)
    running = {row.id for row in job_rows(store) if row.state == "running"}
    assert running == {job.id for job in jobs}


async def test_a_database_that_is_away_is_waited_for_until_the_time_is_up(
    writer: SharedWriter, away: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_writer_module, "waits_for_server", lambda _chance: iter([0.1] * 99))
    gone = [15]

    def work(_tx: Transaction) -> str:
        if gone[0]:
            gone[0] -= 1
            raise OperationalError("SELECT", {}, ConnectionError("gone"))
        return "there"

    assert await writer.do(work) == "there"
    assert len(away) == 15
    gone[0] = 10**6
    with pytest.raises(OperationalError):
        await writer.do(work)
    began = time.monotonic()
    with pytest.raises(OperationalError):  # what comes now need not wait as long again
        await writer.do(lambda tx: tx.execute(text("SELECT 1")))
    assert time.monotonic() - began < 1.0


def test_waits_grow_and_hosts_do_not_come_back_in_one_moment() -> None:
    def waits(chance: float) -> list[float]:
        made = waits_for_server(iter(lambda: chance, None))
        return [next(made) for _ in range(12)]

    assert waits(1.0)[:3] == [0.05, 0.1, 0.2]
    assert waits(1.0)[-1] == LONGEST_WAIT_SECONDS
    assert waits(0.0)[-1] == LONGEST_WAIT_SECONDS / 2


def test_a_claim_goes_on_from_the_last_turn_and_looks_at_the_whole_queue_now_and_then() -> None:
    walk = Walk()
    assert walk.start(0.0) is None
    walk.took(64.0)
    assert walk.start(0.5) == 64.0
    assert walk.start(RESTART_SECONDS) is None
    walk.took(None)  # the end of the queue
    assert walk.start(RESTART_SECONDS + 0.1) is None


async def test_a_deadlock_of_the_database_costs_a_second_try_and_nothing_else(
    writer: SharedWriter, store: Store, away: list[float]
) -> None:
    first, second, *_ = (row.id for row in job_rows(store))
    has_second, wants_second = threading.Event(), threading.Event()

    def touch(tx: Transaction, job_id: int) -> None:
        tx.execute(text("UPDATE jobs SET updated_at = 7 WHERE id = :id"), {"id": job_id})

    def other() -> None:
        with store.write() as tx:
            touch(tx, second)
            has_second.set()
            wants_second.wait(10)
            time.sleep(0.5)  # the writer waits for longer, so that it finds the deadlock
            touch(tx, first)

    def work(tx: Transaction) -> str:
        touch(tx, first)
        wants_second.set()
        touch(tx, second)
        return "written"

    thread = threading.Thread(target=other)
    thread.start()
    has_second.wait(10)
    assert await writer.do(work) == "written"
    thread.join()
    assert len(away) == 1
