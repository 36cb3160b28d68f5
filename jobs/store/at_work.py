"""The hosts that are at work on a shared table."""

from sqlalchemy import Connection, text

FORGOTTEN_SECONDS = 60
"""A host that was not heard of for so long keeps nobody from anything."""

_AT_WORK = text(
    "SELECT name || ':' || pid || ' (rowmill ' || program || ')' FROM hosts"
    " WHERE state IN ('live', 'leaving')"
    " AND heard_at > extract(epoch FROM clock_timestamp()) - :forgotten ORDER BY number"
)


def hosts_at_work(connection: Connection) -> list[str]:
    """Each host's machine, process and program, for people."""
    found = connection.execute(_AT_WORK, {"forgotten": FORGOTTEN_SECONDS}).scalars()
    return [str(one) for one in found]
