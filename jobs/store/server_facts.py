"""What a PostgreSQL server says of itself, for people who set it up."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import Connection, Row, text

from jobs.store import team
from jobs.store.postgres import Address, Purpose, named_refusals, postgres_engine
from jobs.store.schema import REVISION
from jobs.store.team import SCHEMA

ROUND_TRIPS = 7
CONNECTIONS_PER_HOST = 3

_SELF = text(
    "SELECT current_setting('server_version') AS version,"
    " current_setting('server_encoding') AS encoding,"
    " pg_is_in_recovery() AS is_standby,"
    " pg_backend_pid() AS pid,"
    " has_database_privilege(current_database(), 'CREATE') AS may_create,"
    " current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int AS most,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,"
    " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,"
    " coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS has_tls,"
    " inet_server_addr() IS NULL AS is_socket,"
    " current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS is_durable,"
    " (SELECT count(*) FROM pg_stat_replication) AS standbys,"
    " current_setting('synchronous_standby_names') <> '' AS waits_for_standby,"
    " extract(epoch FROM clock_timestamp())::float8 AS clock"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """One server, as a host on this machine meets it."""

    version: str
    encoding: str
    is_standby: bool
    has_tls: bool
    is_socket: bool
    may_create: bool  # schemas, which the first load of a sheet needs
    has_pooler: bool  # between this machine and the server
    is_durable: bool  # False: the server may forget what it has committed
    most_connections: int
    used_connections: int
    standbys: int
    waits_for_standby: bool
    round_trip_ms: float
    clock_offset: float  # seconds by which this machine's clock is ahead
    names: tuple[str, ...]  # of the workspaces there
    revision: str | None  # of the named workspace
    known_revision: str = REVISION


def server_facts_of(address: Address, name: str | None) -> ServerFacts:
    """Ask a server, changing nothing. Raises TableError if it cannot be reached."""
    engine = postgres_engine(address, SCHEMA, purpose=Purpose.LOAD)
    try:
        with named_refusals(), engine.begin() as connection:
            took, offset = _round_trips(connection)
            own = connection.execute(_SELF).one()
            names = team.names(connection)
            found = team.find(connection, name) if name is not None else None
            driver: Any = connection.connection.driver_connection
            return _facts(
                own,
                has_pooler=own.pid != driver.info.backend_pid,
                round_trip_ms=took * 1000,
                clock_offset=offset,
                names=tuple(names),
                revision=found.revision if found is not None else None,
            )
    finally:
        engine.dispose()


def _round_trips(connection: Connection) -> tuple[float, float]:
    """The median of a few round trips, and how far this machine's clock is ahead; in seconds."""
    took, offsets = [], []
    for _ in range(ROUND_TRIPS):
        began, at = time.monotonic(), time.time()
        clock = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8"))
        theirs: float = clock.scalar_one()
        took.append(time.monotonic() - began)
        offsets.append(at + took[-1] / 2 - theirs)
    return median(took), median(offsets)


def _facts(own: Row[Any], **more: Any) -> ServerFacts:
    role_limit = own.role_limit if own.role_limit is not None and own.role_limit >= 0 else own.most
    return ServerFacts(
        version=own.version,
        encoding=own.encoding,
        is_standby=own.is_standby,
        has_tls=own.has_tls,
        is_socket=own.is_socket,
        may_create=own.may_create,
        is_durable=own.is_durable,
        most_connections=min(own.most, role_limit),
        used_connections=own.used,
        standbys=own.standbys,
        waits_for_standby=own.waits_for_standby,
        **more,
    )
