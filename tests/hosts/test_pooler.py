"""Acceptance 18: hosts behind a pooler that gives each transaction another connection."""

import pytest
from sqlalchemy import text

from jobs.place import DatabasePlace
from tests.hosts.conftest import Make
from tests.support.pooler import pooled, pooler, program
from tests.support.postgres_server import Server

pytestmark = pytest.mark.skipif(
    program() is None, reason="PgBouncer is not installed (Debian: pgbouncer)"
)


def test_hosts_behind_a_pooler_of_four_connections_work_as_without(
    scene: Make, durable_server: Server
) -> None:
    made = scene(2000)
    with pooler(durable_server, connections=4) as folder:
        made.address = pooled(made.database, folder)
        first = made.start(machine="m0", concurrency=32)
        made.until(lambda: made.asked() > 0)
        others = [made.start(machine=f"m{n}", joins=True, concurrency=32) for n in range(1, 4)]
        hosts = [first, *others]
        codes = made.wait(hosts)
    assert codes == [0] * 4, [host.err[-600:] for host in hosts]
    books = made.books()
    books.assert_whole()
    assert (books.rows, books.billed) == ({"done": 2000}, 2000)


@pytest.mark.parametrize("more", ["", "&prepare=no"])
def test_statements_go_through_a_pooler_any_number_of_times(
    durable_server: Server, more: str
) -> None:
    with pooler(durable_server, connections=2) as folder:
        url = pooled(durable_server.new_database(), folder)
        place = DatabasePlace(url=url + more, name="a.csv")
        with place.open() as one, place.open() as other:
            for _ in range(12):
                for store in (one, other):
                    with store.write() as tx, store.read() as reading:
                        asked = text("SELECT count(*) FROM jobs WHERE id > :id")
                        assert tx.execute(asked, {"id": 1}).scalar_one() == 0
                        assert reading.execute(asked, {"id": 2}).scalar_one() == 0
