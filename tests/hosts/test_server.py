"""The server of these tests keeps what it has committed."""

import psycopg

from tests.support.postgres_server import Server


def test_what_was_committed_survives_a_crash(durable_server: Server) -> None:
    url = durable_server.new_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
    durable_server.crash()
    durable_server.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
