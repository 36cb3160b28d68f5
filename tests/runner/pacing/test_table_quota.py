"""Hosts share the calls a minute and the pauses of an account through a row of their table."""

import math
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import OperationalError

from jobs.store.accounts import AccountRow
from runner.pacing.rate_window import Limits
from runner.pacing.table_quota import QuotaThread, TableQuota, account_id
from tests.support.pacing import Clock

LIMITS = Limits(in_flight=8, rpm=1200)
DATABASE_AHEAD = 5e8  # seconds by which the clock of the database differs from ours


class Rows:
    """The rows of a database, with a clock of its own; `away` breaks the connection."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.rows: dict[bytes, AccountRow] = {}
        self.clock = clock
        self.away = False
        self._lock = threading.Lock()

    def read(self, account: bytes) -> tuple[AccountRow | None, float]:
        if self.away:
            raise OperationalError("SELECT", {}, Exception("connection refused"))
        return self.rows.get(account), self.clock() + DATABASE_AHEAD

    def change(
        self, account: bytes, change: Callable[[AccountRow | None, float], AccountRow]
    ) -> None:
        with self._lock:
            row, now = self.read(account)
            self.rows[account] = change(row, now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rows(clock: Clock) -> Rows:
    return Rows(clock)


def quotas(rows: Rows, clock: Clock, number: int, limits: Limits = LIMITS) -> list[TableQuota]:
    return [TableQuota(rows, b"account", limits, clock=clock) for _ in range(number)]


def play(hosts: list[TableQuota], clock: Clock, seconds: float) -> Iterator[float]:
    """The moments at which calls start, when each host always has eight to send."""
    for _ in range(round(seconds / 0.05)):
        for host in hosts:
            yield from [clock.now] * host.admit(8)
            host.look()
        clock.now += 0.05


def test_hosts_together_keep_to_the_rate_and_use_it(rows: Rows, clock: Clock) -> None:
    starts = list(play(quotas(rows, clock, 4), clock, 100))
    for span, most in ((10, 210), (60, 1200)):
        assert max(sum(at <= one < at + span for one in starts) for at in starts) <= most
    assert len(starts) >= 0.9 * 2000


def test_no_host_reserves_more_than_a_second_of_calls(rows: Rows, clock: Clock) -> None:
    (host,) = quotas(rows, clock, 1)
    rows.rows[b"account"] = AccountRow(
        at=clock.now + DATABASE_AHEAD, starts=(0,) * 61, credit=1000.0
    )
    host.admit(500)
    host.look()
    assert host.admit(500) <= 20


def test_what_a_host_reserved_and_did_not_use_serves_another(rows: Rows, clock: Clock) -> None:
    ours, theirs = quotas(rows, clock, 2, Limits(in_flight=8, rpm=6))
    ours.admit(1)
    ours.look()
    theirs.admit(1)
    theirs.look()
    assert theirs.admit(1) == 0
    clock.now += 0.6
    ours.look()
    theirs.look()
    assert theirs.admit(1) == 1


def test_a_pause_reaches_the_other_host_at_its_next_look(rows: Rows, clock: Clock) -> None:
    ours, theirs = quotas(rows, clock, 2, Limits(in_flight=8))
    assert theirs.admit(3) == 3, "without a limit nothing is reserved"
    ours.pause(5)
    ours.look()
    theirs.look()
    assert theirs.admit(1) == 0
    assert theirs.paused_until() == pytest.approx(clock.now + 5)
    ours.resume()
    ours.look()
    theirs.look()
    assert theirs.admit(3) == 3


def test_a_pause_holds_at_once_and_survives_a_table_that_is_away(rows: Rows, clock: Clock) -> None:
    ours, theirs = quotas(rows, clock, 2)
    rows.away = True
    ours.pause(5)
    assert ours.admit(1) == 0
    with pytest.raises(OperationalError):
        ours.look()
    rows.away = False
    ours.look()
    theirs.look()
    assert theirs.paused_until() == pytest.approx(clock.now + 5)


def test_tokens_are_shared(rows: Rows, clock: Clock) -> None:
    ours, theirs = quotas(rows, clock, 2, Limits(in_flight=8, tpm=6000))
    ours.admit(1)
    ours.look()
    assert ours.admit(1) == 1
    ours.used(1600)
    ours.look()
    theirs.admit(1)
    theirs.look()
    assert theirs.admit(1) == 0
    assert theirs.next_at() == pytest.approx(clock.now + 6, abs=0.1)


def test_the_thread_gives_back_what_is_left_when_it_ends(rows: Rows, clock: Clock) -> None:
    (host,) = quotas(rows, clock, 1)
    thread = QuotaThread(host)
    host.admit(1)
    for _ in range(500):
        if b"account" in rows.rows and any(rows.rows[b"account"].starts):
            break
        threading.Event().wait(0.01)
    thread.close()
    assert sum(rows.rows[b"account"].starts) == 0
    assert rows.rows[b"account"].paused_until == -math.inf


def test_the_name_of_a_row_shows_no_key() -> None:
    name = account_id(b"salt", "api.example.com", "sk-secret")
    assert b"secret" not in name
    assert name != account_id(b"pepper", "api.example.com", "sk-secret")
    assert name != account_id(b"salt", "api.example.com", "sk-secret", "gpt")
