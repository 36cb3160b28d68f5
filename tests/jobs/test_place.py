"""A table is opened and read in the same way wherever it is."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from jobs.errors import BusyTableError, EmptyTableError, OlderTableError, TableError
from jobs.place import DatabasePlace, FolderPlace, Place, names_in
from jobs.store.error_codes import is_away
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.queries.totals import counts
from jobs.store.schema import REVISION
from tests.support.loading import Line, asking, load
from tests.support.postgres_server import Server

Make = Callable[[str], Place]


@pytest.fixture(params=["folder", "database"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes places by name: files of a folder, or workspaces of one database."""
    if request.param == "folder":
        return lambda name: FolderPlace(table=tmp_path / f"{name}.db")
    server: Server = request.getfixturevalue("postgres")
    url = server.new_database()
    return lambda name: DatabasePlace(url=url, name=name)


def rows_in(place: Place) -> int:
    """How many rows a reader of the place sees."""
    with place.look() as store, store.read() as tx:
        return counts(tx, 1).total


def test_a_reader_sees_what_was_loaded(make: Make) -> None:
    place = make("主图.xlsx")
    with place.open() as store:
        load(store, asking("a", "b"))
    assert rows_in(place) == 2


def test_a_table_that_was_never_made_does_not_exist(make: Make) -> None:
    place = make("sheet.csv")
    assert not place.exists()
    with pytest.raises(TableError):
        place.look()


def test_an_open_table_exists(make: Make) -> None:
    place = make("sheet.csv")
    place.open().close()
    assert place.exists()


def test_workspaces_of_one_database_know_nothing_of_each_other(make: Make) -> None:
    first, second = make("a.csv"), make("b.csv")
    with first.open() as store:
        load(store, asking("a"))
    second.open().close()
    assert (rows_in(first), rows_in(second)) == (1, 0)


@pytest.fixture
def database(postgres: Server) -> str:
    """The address of an empty database."""
    return postgres.new_database()


def test_the_names_of_a_database_are_those_of_its_sheets(database: str) -> None:
    assert names_in(database) == []
    for name in ("b.csv", "a.csv"):
        DatabasePlace(url=database, name=name).open().close()
    assert names_in(database) == ["a.csv", "b.csv"]


def test_processes_that_open_a_new_table_at_once_make_it_once(database: str) -> None:
    def open_and_count(_: int) -> int:
        with DatabasePlace(url=database, name="a.csv").open() as store, store.read() as tx:
            return counts(tx, 1).total

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(open_and_count, range(6))) == {0}
    assert names_in(database) == ["a.csv"]


def test_the_origin_of_a_sheet_is_that_of_the_first_who_opened_it(database: str) -> None:
    for origin in ('{"folder": "/a"}', '{"folder": "/b"}'):
        DatabasePlace(url=database, name="a.csv", origin=origin).open().close()
    recorded = DatabasePlace(url=database, name="a.csv").recorded_origin()
    assert json.loads(recorded or "") == {"folder": "/a"}


def test_an_absent_sheet_is_named_with_those_that_are_there(database: str) -> None:
    DatabasePlace(url=database, name="a.csv").open().close()
    with pytest.raises(EmptyTableError) as caught:
        DatabasePlace(url=database, name="b.csv").look()
    assert caught.value.values == {"name": "b.csv", "others": "a.csv"}


@pytest.mark.parametrize("url", ["sqlite:///jobs.db", "mysql://server/db"])
def test_only_postgresql_is_a_database(url: str) -> None:
    with pytest.raises(TableError, match="database_"):
        DatabasePlace(url=url, name="a.csv").open()


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    place = DatabasePlace(url="postgresql://me@127.0.0.1:9/db", name="a", password="geheim")
    with pytest.raises(TableError, match="database_unreachable") as caught:
        place.open()
    assert "geheim" not in f"{caught.value!r} {place!r}"


def stamp(database: str, revision: str) -> DatabasePlace:
    """A workspace whose tables say that they are of this revision."""
    place = DatabasePlace(url=database, name="a.csv")
    with place.open() as store, store.write() as tx:
        tx.execute(text("UPDATE rowmill.workspaces SET revision = :r"), {"r": revision})
        tx.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    return place


@pytest.mark.parametrize("door", [DatabasePlace.open, DatabasePlace.look])
def test_a_newer_table_is_refused(database: str, door: Callable[[DatabasePlace], object]) -> None:
    place = stamp(database, "9999")
    with pytest.raises(TableError, match="table_newer"):
        door(place)


def test_an_older_table_is_not_read(database: str) -> None:
    place = stamp(database, "0006")
    with pytest.raises(OlderTableError):
        place.look()


def test_an_older_table_is_not_migrated_while_a_host_is_at_work(database: str) -> None:
    place = stamp(database, "0006")
    with DatabasePlace(url=database, name="b.csv").open() as store, store.write() as tx:
        tx.execute(
            text(
                "INSERT INTO rowmill_1.hosts (owner, number, run_id, name, pid, program, state,"
                " joined_at, heard_at, heard_since) SELECT 'x', 1, 1, 'desk', 7, '0.1', 'live',"
                " t, t, t FROM extract(epoch FROM clock_timestamp()) AS t"
            )
        )
    with pytest.raises(BusyTableError) as caught:
        place.open()
    assert caught.value.values["hosts"] == "desk:7 (rowmill 0.1)"


def test_a_text_that_postgresql_cannot_hold_is_made_to_fit(database: str) -> None:
    place = DatabasePlace(url=database, name="a.csv")
    cells = '["a\x00b", "\ud83d", "\ud83d\ude00"]'
    with place.open() as store:
        load(store, [Line(asks="a", key="k")])
        with store.write() as tx:
            tx.execute(text("UPDATE rows SET cells = :cells"), {"cells": cells})
        with store.read() as tx:
            kept = tx.execute(text("SELECT cells FROM rows")).scalar_one()
    assert kept == '["a\ufffdb", "\ufffd", "😀"]'


def test_an_idle_connection_that_the_server_closed_is_replaced(database: str) -> None:
    place = DatabasePlace(url=database, name="a.csv")
    with place.open() as store:
        for doors in (store.write, store.read):
            with doors() as tx:
                (pid,) = tx.execute(text("SELECT pg_backend_pid()")).one()
            with store.apart() as other, other.write() as tx:
                tx.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            with doors() as tx:
                assert loaded_sheet(tx, 1) is None


def test_a_reader_sees_one_snapshot_and_writes_nothing(database: str) -> None:
    place = DatabasePlace(url=database, name="a.csv")
    with place.open() as store, store.read() as tx:
        before = counts(tx, 1).total
        with place.open() as other:
            load(other, asking("a"))
        assert counts(tx, 1).total == before == 0
        with pytest.raises(Exception, match="read-only") as caught:
            tx.execute(text("DELETE FROM rows"))
        assert is_away(caught.value)


def test_the_revision_is_told_for_all_workspaces(database: str) -> None:
    place = DatabasePlace(url=database, name="a.csv")
    with place.open() as store, store.read() as tx:
        found = tx.execute(text("SELECT sheet, revision FROM rowmill.sheets")).one()
    assert tuple(found) == ("a.csv", REVISION)
