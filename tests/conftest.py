"""Fixtures of the whole suite, and the rule that a full run skips nothing."""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event

from jobs.store import Store
from jobs.store.database import create
from jobs.store.schema import metadata
from runner.catalogue import choose_language
from runner.endpoints.dialects.tasks.handed_in import hand_in
from runner.settings.task_dialects import shipped
from tests import matrix
from tests.support.browser import Browser, chromium_path
from tests.support.postgres_server import Server, engine_at, running_server
from tests.support.world import World

# A test that a busy machine can fail says nothing about the code.
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")

ALL = os.environ.get("ROWMILL_TEST_ALL") == "1"


hand_in(shipped, "wenwen")  # as every command does; a test of an endpoint runs without one


@event.listens_for(Engine, "connect")
def rows_in_no_order_come_backwards(connection: object, _record: object) -> None:
    """Reverse unordered results in SQLite, because PostgreSQL promises no order either."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA reverse_unordered_selects=ON")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--row C11` selects the tests of one row of the fault matrix, `--row all` those of all."""
    parser.addoption("--row", default=None, help="only the tests of this row of the fault matrix")
    parser.addoption("--minutes", default="3", help="how long the long run of the soak takes")
    parser.addoption("--kills", default="2000", help="how many kills the many are")
    parser.addoption("--sheets", default="100", help="how many sheets the gateway fuzzer plays")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with its rows of the matrix, and deselect the others with `--row`."""
    asked = config.getoption("--row")
    entries = matrix.entries()
    chosen: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        node = item.nodeid
        near = entries.get(matrix.base_of(node), ())
        held = [name for name, test in near if matrix.covers(test, node)]
        if held:
            item.add_marker(pytest.mark.matrix(*held))
        wanted = asked is None or (held and asked in ("all", *held))
        (chosen if wanted else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under ROWMILL_TEST_ALL=1 a skipped test fails: everything it needs should be installed."""
    report = yield
    if ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"ROWMILL_TEST_ALL=1 allows no skips: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the shell's ROWMILL_ variables away from the tested commands."""
    for name in [name for name in os.environ if name.startswith("ROWMILL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def english() -> None:
    """Reset the language that an earlier test in this process chose."""
    choose_language("en", {})


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, or a skip that names what is missing."""
    with running_server() as server:
        if server is None:
            pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
        yield server


@pytest.fixture(scope="session")
def postgres_tables(postgres: Server) -> Iterator[Engine]:
    """An engine for a database with rowmill's tables in it."""
    engine = engine_at(postgres.new_database())
    create(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def fresh_store(request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Makes empty stores, over SQLite in memory and over PostgreSQL."""
    made: list[Store] = []
    if request.param == "sqlite":

        def make() -> Store:
            made.append(Store.scratch())
            return made[-1]

    else:
        engine: Engine = request.getfixturevalue("postgres_tables")

        def make() -> Store:
            with engine.begin() as connection:
                for table in metadata.tables.values():
                    connection.execute(table.delete())
            return Store(engine, engine)

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(fresh_store: Callable[[], Store]) -> Store:
    """One empty store."""
    return fresh_store()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A folder with a gateway and a key, in which whole commands run; audited at the end."""
    world = World(tmp_path, monkeypatch)
    world.mock()
    yield world
    world.close()
    world.audit()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless browser, or a skip that names what is missing."""
    path = chromium_path()
    if path is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    browser = Browser(path)
    yield browser
    browser.close()
