"""The schema that the workspaces of a database share."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, select, text

from jobs.store import team
from tests.support.postgres_server import Server, engine_at


def _make(engine: Engine) -> bytes:
    with engine.begin() as connection:
        team.make(connection)
        return bytes(connection.execute(select(team.salt.c.value)).scalar_one())


def test_processes_that_make_it_at_once_get_the_same_salt(postgres: Server) -> None:
    engine = engine_at(postgres.new_database())
    with ThreadPoolExecutor(4) as pool:
        salts = set(pool.map(_make, [engine] * 8))
    engine.dispose()
    assert len(salts) == 1


def test_the_view_tells_which_schema_holds_which_sheet(postgres: Server) -> None:
    engine = engine_at(postgres.new_database())
    _make(engine)
    row = {"id": 1, "name": "主图.xlsx", "schema": "rowmill_1", "origin": "{}", "revision": "0007"}
    with engine.begin() as connection:
        connection.execute(team.workspaces.insert().values(row))
        found = connection.execute(text("SELECT sheet, schema FROM rowmill.sheets")).one()
    engine.dispose()
    assert tuple(found) == ("主图.xlsx", "rowmill_1")
