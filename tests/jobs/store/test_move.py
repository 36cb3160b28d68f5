"""A folder's table moves into a database whole, once, and is refused afterwards."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from jobs.errors import TableError
from jobs.outcome import Finished, Held
from jobs.place import DatabasePlace, FolderPlace, answers_in, move_table
from jobs.result import Result
from jobs.store import Store
from jobs.store.log import open_run
from jobs.store.queue.file_names import Reservation, reserve_name
from jobs.store.schema import files, metadata
from tests.support.loading import asking, load
from tests.support.postgres_server import Server
from tests.support.working import FAILURE, ME, close, take


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table with a done row, one in doubt, one in flight and one that waits."""
    path = tmp_path / "jobs.db"
    with Store.open(path) as store:
        load(store, asking("a", "b\x00", "c", "d"))
        with store.write() as tx:
            open_run(tx, ME, program="1", options={}, now=1.0)
        done, doubtful, _ = take(store, 3)
        close(store, done, Finished(result=Result(text="yes")), body=b"paid")
        close(store, doubtful, Held(failure=FAILURE))
    return path


@pytest.fixture
def place(postgres: Server) -> DatabasePlace:
    """A workspace of a new database."""
    return DatabasePlace(url=postgres.new_database(), name="a.csv")


def contents(store: Store) -> dict[str, list[str]]:
    """All rows of all tables but the hosts'."""
    with store.read() as tx:
        return {
            name: sorted(map(repr, map(tuple, tx.execute(select(table)))))
            for name, table in metadata.tables.items()
            if name != "hosts"
        }


def test_every_row_of_every_table_is_moved(table: Path, place: DatabasePlace) -> None:
    with FolderPlace(table=table).look() as store:
        before = contents(store)
    move_table(table, place)
    with place.look() as store:
        assert contents(store) == before


def test_the_names_of_moved_files_are_reserved_for_their_bytes(
    table: Path, place: DatabasePlace
) -> None:
    own, other = bytes(32), bytes([1] * 32)
    with Store.open(table) as store, store.write() as tx:
        saved = {"job_id": 1, "call_id": 1, "version": 1, "state": "done", "name": "a/Lamp.png"}
        tx.execute(insert(files).values(number=1, sha256=own, **saved))
        tx.execute(insert(files).values(number=2, sha256=own, **saved))
        waiting = {**saved, "state": "pending", "name": None}
        tx.execute(insert(files).values(number=3, **waiting))
    move_table(table, place)
    with place.open() as store, store.write() as tx:
        assert reserve_name(tx, "A/lamp.png", other) is Reservation.TAKEN
        assert reserve_name(tx, "a/Lamp.png", own) is Reservation.AGAIN


def test_the_old_table_is_refused_and_names_the_new_one(table: Path, place: DatabasePlace) -> None:
    assert answers_in(table) == 1
    move_table(table, place)
    assert answers_in(table) == 0
    for door in (Store.open, Store.look):
        with pytest.raises(TableError, match="table_moved") as caught:
            door(table)
        assert str(caught.value.values["place"]).endswith("#a.csv")


def test_a_job_that_was_in_flight_belongs_to_a_host_that_is_silent(
    table: Path, place: DatabasePlace
) -> None:
    move_table(table, place)
    with place.look() as store, store.read() as tx:
        asked = "SELECT h.state, h.heard_at FROM jobs j JOIN hosts h ON h.owner = j.owner"
        assert tx.execute(text(f"{asked} WHERE j.state = 'running'")).all() == [("live", 0.0)]


def test_a_sheet_with_rows_of_its_own_is_not_overwritten(table: Path, place: DatabasePlace) -> None:
    with place.open() as store:
        load(store, asking("other"))
    with pytest.raises(TableError, match="move_into_full"):
        move_table(table, place)
    assert answers_in(table) == 1


def test_a_move_that_died_before_the_mark_is_finished(table: Path, place: DatabasePlace) -> None:
    copy = table.read_bytes()
    move_table(table, place)
    table.write_bytes(copy)
    move_table(table, place)
    assert answers_in(table) == 0
