"""Hosts change the row of an account one after the other."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jobs.store import Store
from jobs.store.accounts import AccountRow, AccountTable, account_salt
from jobs.store.team import make
from tests.support.postgres_server import Server, engine_at

STARTS = (0,) * 61


@pytest.fixture
def team(postgres: Server) -> Iterator[Store]:
    """A database with what all its workspaces share."""
    engine = engine_at(postgres.new_database())
    with engine.begin() as connection:
        make(connection)
    yield Store(engine, engine)
    engine.dispose()


def counted(row: AccountRow | None, now: float) -> AccountRow:
    """One more call."""
    row = row or AccountRow(at=now, starts=STARTS, credit=0.0)
    return replace(row, credit=row.credit + 1)


def test_no_change_is_lost_among_hosts_that_start_together(team: Store) -> None:
    tables = [AccountTable(team) for _ in range(4)]

    def change(table: AccountTable) -> None:
        for _ in range(25):
            table.change(b"one", counted)

    threads = [threading.Thread(target=change, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row, now = tables[0].read(b"one")
    assert row is not None
    assert row.credit == 100
    assert now == pytest.approx(time.time(), abs=5)


def test_infinite_values_come_back_as_they_were(team: Store) -> None:
    written = AccountRow(at=5.0, starts=STARTS, credit=1.0)
    AccountTable(team).change(b"one", lambda _row, _now: written)
    assert AccountTable(team).read(b"one")[0] == written
    assert AccountTable(team).read(b"other")[0] is None


def test_a_database_keeps_its_salt(team: Store) -> None:
    with team.write() as tx:
        first = account_salt(tx)
        make(tx)
        assert account_salt(tx) == first
    assert len(first) == 32
