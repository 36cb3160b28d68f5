"""Hosts join, beat, leave and learn that they were declared lost."""

import threading

import pytest
from sqlalchemy import Engine

from jobs.claimed import Holding
from jobs.errors import ObstacleError
from jobs.store import Store
from jobs.store.hosts import (
    LostHostError,
    Report,
    beat,
    fence,
    hosts_of,
    join,
    leave,
    lost_in_a_row,
    lowest_free,
)
from jobs.store.membership import DatabaseClock
from jobs.store.schema import metadata
from tests.support.silent_hosts import (
    LOST_AFTER,
    RUN,
    beaten,
    joined,
    looked_after,
    silence,
    state_of,
)


@pytest.fixture
def store(postgres_tables: Engine) -> Store:
    with postgres_tables.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    return Store(postgres_tables, postgres_tables)


def numbers(store: Store) -> list[int]:
    with store.read() as tx:
        return [host.number for host in hosts_of(tx, RUN)]


def test_each_host_has_the_lowest_number_that_no_host_at_work_has(store: Store) -> None:
    first, _second = joined(store), joined(store)
    with store.write() as tx:
        leave(tx, first.owner, exit_code=0)
    joined(store)
    joined(store)
    assert numbers(store) == [0, 1, 0, 2]


def test_hosts_that_join_at_once_have_different_numbers(store: Store) -> None:
    threads = [threading.Thread(target=joined, args=(store,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers(store)) == list(range(8))


def test_no_more_hosts_join_than_there_are_numbers() -> None:
    assert lowest_free({0, 1, 3}) == 2
    with pytest.raises(ObstacleError, match="1,024"):
        lowest_free(range(1024))


def test_a_host_counts_those_at_work_at_each_beat_and_tells_of_itself(store: Store) -> None:
    me, other = joined(store), joined(store)
    with store.write() as tx:
        report = Report(in_flight=7, leaving=True, told={"pause": "限速"})
        heard = beat(tx, me.owner, report, lost_after=LOST_AFTER)
    assert heard.live == 2
    with store.write() as tx:
        leave(tx, other.owner)
        assert beat(tx, me.owner, Report(), lost_after=LOST_AFTER).live == 1
    beaten(store, me, report)
    with store.read() as tx:
        line, left = hosts_of(tx, RUN)
    assert (line.state, line.in_flight, line.told) == ("leaving", 7, {"pause": "限速"})
    assert 0.0 <= line.silent < 5.0
    assert left.state == "left"


def test_a_host_that_was_declared_lost_learns_it_at_its_next_step(store: Store) -> None:
    me, other = joined(store, heard_for=60), joined(store)
    silence(store, other)
    assert [taken.owner for taken in looked_after(store, me)] == [other.owner]
    with store.write() as tx:
        fence(tx, me.owner)
        with pytest.raises(LostHostError):
            fence(tx, other.owner)
        with pytest.raises(LostHostError):
            beat(tx, other.owner, Report(), lost_after=LOST_AFTER)
        leave(tx, other.owner)
    assert state_of(store, other) == "lost"


def test_nobody_takes_over_from_a_host_in_the_middle_of_a_transaction(store: Store) -> None:
    me, other = joined(store, heard_for=60), joined(store)
    silence(store, other)
    with store.write() as tx:
        fence(tx, other.owner)
        assert looked_after(store, me) == []
    assert len(looked_after(store, me)) == 1


def test_a_host_that_has_just_been_away_itself_declares_nobody_lost(store: Store) -> None:
    me, other = joined(store, heard_for=60), joined(store)
    silence(store, other, 10)
    silence(store, me, LOST_AFTER * 0.6)
    beaten(store, me)  # after a gap
    assert looked_after(store, me, heard=False) == []
    assert state_of(store, other) == "live"


def test_a_host_that_was_heard_all_the_time_keeps_the_moment_from_which_on(store: Store) -> None:
    me, other = joined(store, heard_for=60), joined(store)
    silence(store, other, 10)
    silence(store, me, LOST_AFTER * 0.2)
    beaten(store, me)
    assert len(looked_after(store, me, heard=False)) == 1


def test_hosts_that_were_lost_are_counted_back_to_the_last_that_left(store: Store) -> None:
    me = joined(store, heard_for=60)
    for _ in range(2):
        silence(store, joined(store))
        looked_after(store, me)
    with store.write() as tx:
        assert lost_in_a_row(tx, RUN) == 2
        good = Holding(sheet_id=1, run_id=RUN, owner="good", shared=True)
        join(tx, good, program="1.0")
        leave(tx, good.owner)
        assert lost_in_a_row(tx, RUN) == 0


def test_the_clock_of_the_database_is_a_steady_clock_and_an_offset() -> None:
    moment = 100.0
    clock = DatabaseClock(steady=lambda: moment)
    clock.heard(5_000.0, asked=99.0, answered=100.0)
    assert clock.now() == 5_000.5
    moment = 160.0  # by a clock that nobody sets
    assert clock.now() == 5_060.5
