"""Acceptance 15: programs and tables of different ages."""

import pytest
from alembic import command
from sqlalchemy import inspect, text

from jobs.place import DatabasePlace
from jobs.store import team
from jobs.store.database import create
from jobs.store.postgres import Purpose
from jobs.store.schema import REVISION
from migrations.upgrade import configuration
from tests.hosts.conftest import Make
from tests.support.hosts import HostScene
from tests.support.postgres_server import engine_at

OLDER = f"{int(REVISION) - 1:04}"


def stamp(scene: HostScene, revision: str) -> None:
    """Make the workspace's tables say that they are of another revision."""
    scene.query(f"UPDATE rowmill.workspaces SET revision = '{revision}' RETURNING 1")
    scene.query(f"UPDATE alembic_version SET version_num = '{revision}' RETURNING 1")


def make_older(scene: HostScene) -> None:
    """A workspace as the last revision made it."""
    scene.place.open().close()
    engine = engine_at(scene.database, "rowmill_1", Purpose.LOAD)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA rowmill_1 CASCADE"))
        connection.execute(text("CREATE SCHEMA rowmill_1"))
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, OLDER)
        connection.execute(team.workspaces.update().values(revision=OLDER))
    engine.dispose()


def shape_of(scene: HostScene, schema: str) -> dict[str, list[str]]:
    """The columns of each table of a schema."""
    engine = engine_at(scene.database, schema)
    found = inspect(engine)
    shape = {
        name: sorted(f"{one['name']} {one['type']}" for one in found.get_columns(name, schema))
        for name in found.get_table_names(schema)
    }
    engine.dispose()
    return shape


def test_a_newer_table_is_refused_and_nothing_is_sent(scene: Make) -> None:
    made = scene(3)
    made.place.open().close()
    stamp(made, "9999")
    hosts = [made.start(), made.command("status", made.url)]
    assert made.wait(hosts) == [3, 3]
    assert all("newer rowmill" in host.err for host in hosts)
    assert made.asked() == 0


def test_a_table_is_not_migrated_under_a_host_at_work(scene: Make) -> None:
    made = scene(30, latency=1.0)
    first = made.start(machine="east", concurrency=2)
    made.until(lambda: made.asked() > 2)
    stamp(made, OLDER)
    second = made.start(machine="west")
    assert second.wait() == 8, second.err
    assert f":{first.pid} (rowmill " in second.err
    stamp(made, REVISION)
    assert first.wait() == 0, first.err
    books = made.books()
    books.assert_whole()
    assert (books.rows, books.billed) == ({"done": 30}, 30)


def test_an_older_table_is_migrated_by_the_first_run(scene: Make) -> None:
    made = scene(3)
    make_older(made)
    looking = made.command("status", made.url)
    assert looking.wait() == 3
    assert "older rowmill" in looking.err
    host = made.start()
    assert host.wait() == 0, host.err
    made.books().assert_whole()
    fresh = engine_at(made.database, "fresh")
    with fresh.begin() as connection:
        connection.execute(text("CREATE SCHEMA fresh"))
    create(fresh)
    fresh.dispose()
    assert shape_of(made, "rowmill_1") == shape_of(made, "fresh")


def test_a_host_of_another_program_works_on_the_same_revision(scene: Make) -> None:
    made = scene(20, latency=0.5)
    first = made.start(machine="east", concurrency=2)
    made.until(lambda: made.asked() > 2)
    made.query("UPDATE hosts SET program = '0.0.9' RETURNING 1")
    second = made.start(machine="west", joins=True)
    assert made.wait([first, second]) == [0, 0], [first.err, second.err]
    made.books().assert_whole()


@pytest.mark.parametrize("name", ["rowmill_1"])
def test_a_migration_that_fails_leaves_the_table_as_it_was(
    scene: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = scene(1)
    make_older(made)
    before = shape_of(made, name)

    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(team, "stamp", fail)
    place = DatabasePlace(url=made.database, name=made.name)
    with pytest.raises(RuntimeError, match="power cut"):
        place.open()
    assert shape_of(made, name) == before
