"""Each transaction on PostgreSQL carries its settings; connections are verified and patient."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from jobs.place import DatabasePlace
from jobs.store import Store, Transaction, is_away
from jobs.store.error_codes import is_damage, is_faulty, is_full
from jobs.store.postgres import Address, connection_parameters
from tests.support.postgres_server import Server


@pytest.fixture
def store(postgres: Server) -> Iterator[Store]:
    """A shared table."""
    with DatabasePlace(url=postgres.new_database(), name="a.csv").open() as opened:
        yield opened


def shown(tx: Transaction, name: str) -> str:
    """A setting of this transaction."""
    return str(tx.execute(text(f"SHOW {name}")).scalar_one())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("search_path", "rowmill_1"),
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("synchronous_commit", "on"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("jit", "off"),
        ("transaction_isolation", "read committed"),
    ],
)
def test_a_writer_is_cut_off_soon_and_plans_for_few_rows(
    store: Store, name: str, value: str
) -> None:
    with store.write() as tx:
        assert shown(tx, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transaction_isolation", "repeatable read"),
        ("transaction_read_only", "on"),
        ("enable_seqscan", "on"),
        ("jit", "off"),
        ("idle_in_transaction_session_timeout", "10min"),
    ],
)
def test_a_reader_has_one_snapshot_and_the_planner_s_choice(
    store: Store, name: str, value: str
) -> None:
    with store.read() as tx:
        assert shown(tx, name) == value


@pytest.mark.parametrize(("name", "value"), [("statement_timeout", "0"), ("enable_seqscan", "on")])
def test_a_load_may_take_its_time(store: Store, name: str, value: str) -> None:
    with store.session() as tx, tx.begin():
        assert shown(tx, name) == value


def test_nothing_is_set_for_a_session(store: Store) -> None:
    with store.write() as tx:
        driver = tx.connection.driver_connection
    assert driver is not None
    assert driver.execute("SHOW search_path").fetchone() == ('"$user", public',)


def test_a_transaction_begins_with_one_message(store: Store) -> None:
    with store.write() as tx:
        tx.execute(text("SELECT 1"))
    said: list[str] = []
    event.listen(
        store._writer, "before_cursor_execute", lambda _c, _k, words, *_: said.append(words)
    )
    with store.write() as tx:
        tx.execute(text("SELECT 1"))
    assert len(said) == 2
    assert said[0].startswith("BEGIN; SET LOCAL")


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://me@db.example.com/jobs", "verify-full"),
        ("postgresql://me@10.0.0.7:5433/jobs", "verify-full"),
        ("postgresql://me@localhost,db.example.com/jobs", "verify-full"),
        ("postgresql:///?service=team", "verify-full"),
        ("postgresql://me@db.example.com/jobs?sslmode=require", "require"),
        ("postgresql://me@localhost/jobs", None),
        ("postgresql:///jobs?host=/var/run/postgresql", None),
        ("postgresql://me@127.0.0.1/jobs", None),
    ],
)
def test_another_machine_has_to_prove_who_it_is(
    url: str, mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert connection_parameters(Address(url=url)).get("sslmode") == mode


def test_the_address_decides_before_our_own_patience() -> None:
    found = connection_parameters(Address(url="postgresql://h/d?connect_timeout=60"))
    assert (found["connect_timeout"], found["tcp_user_timeout"]) == ("60", 10_000)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("08006", "away"),
        ("57P01", "away"),
        ("53300", "away"),
        ("40001", "away"),
        ("40P01", "away"),
        ("55P03", "away"),
        ("57014", "away"),
        ("25P03", "away"),
        ("25006", "away"),
        ("42P05", "away"),
        ("23505", ""),
        ("22001", ""),
        ("42703", ""),
        ("53100", "away full"),
        ("58030", "faulty"),
        ("XX001", "damage"),
    ],
)
def test_what_an_error_means_is_asked_of_its_state(store: Store, state: str, expected: str) -> None:
    words = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(Exception, match="x") as caught, store._writer.begin() as tx:
        tx.exec_driver_sql(words)
    means = {"away": is_away, "full": is_full, "faulty": is_faulty, "damage": is_damage}
    found = [name for name, asks in means.items() if asks(caught.value)]
    assert " ".join(found) == expected


def test_a_connection_that_breaks_is_away(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught, store.write() as tx:
        tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_away(caught.value)
