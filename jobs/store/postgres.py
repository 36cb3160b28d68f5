"""Engines for PostgreSQL, whose transactions carry all their settings with them.

Nothing is set for a session, because a pooler may give each transaction another one.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.adapt import Buffer
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import StrDumper, StrDumperUnknown
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from jobs.errors import TableError
from jobs.store.database import PURPOSE
from jobs.store.error_codes import UNPREPARED, is_away, plain_reason, sqlstate_of, without_values
from jobs.store.fitting import fitting

OLDEST_SERVER = 140000
_READ_ONLY, _NO_RIGHT = "25006", "42501"
CLIENT = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "client_encoding": "UTF8",
    "application_name": "rowmill",
}
"""How a connection behaves unless the URL says otherwise. A cut cable is noticed in 10 s."""

THIS_MACHINE = re.compile(r"|/.*|@.*|localhost|127\.[\d.]+|::1")
VERIFIED = {"sslmode": "verify-full", "sslrootcert": "system"}


class Purpose(StrEnum):
    """What a transaction is for."""

    WRITE = "write"
    READ = "read"
    LOAD = "load"
    COMPARE = "compare"  # a sheet, in temporary tables


_PATIENT = (
    "BEGIN; SET LOCAL search_path TO {schema}; SET LOCAL lock_timeout TO '10min';"
    " SET LOCAL statement_timeout TO 0;"
    " SET LOCAL idle_in_transaction_session_timeout TO '10min';"
    " SET LOCAL synchronous_commit TO on; SET LOCAL jit TO off"
)
BEGINNINGS = {
    Purpose.WRITE: (
        "BEGIN; SET LOCAL search_path TO {schema}; SET LOCAL lock_timeout TO '5s';"
        " SET LOCAL statement_timeout TO '30s';"
        " SET LOCAL idle_in_transaction_session_timeout TO '10s';"
        " SET LOCAL synchronous_commit TO on; SET LOCAL jit TO off;"
        # The plans of a new table's block updates would scan it whole until it is analysed.
        " SET LOCAL enable_seqscan TO off; SET LOCAL enable_hashjoin TO off;"
        " SET LOCAL enable_mergejoin TO off"
    ),
    Purpose.READ: (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        " SET LOCAL search_path TO {schema}; SET LOCAL lock_timeout TO '10min';"
        " SET LOCAL statement_timeout TO '10min'; SET LOCAL jit TO off;"
        " SET LOCAL idle_in_transaction_session_timeout TO '10min'"
    ),
    Purpose.LOAD: _PATIENT,
    Purpose.COMPARE: _PATIENT,
}
"""The first message of a transaction, in one round trip.

A plan that had no other way than the one switched off looks dear, and compiling it takes longer
than any statement here: measured 20 times the time of a load's tests. So nothing is compiled.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """How a database is reached. `url` holds no password."""

    url: str
    password: str | None = field(default=None, repr=False)
    prepares: bool = True

    @classmethod
    def read(cls, url: str, password: str | None) -> "Address":
        """Take our own parameter `prepare` out of the URL, which libpq would refuse."""
        before, asked, query = url.partition("?")
        given = [one for one in query.split("&") if one]
        rest = [one for one in given if not one.startswith("prepare=")]
        url = f"{before}{asked}{'&'.join(rest)}" if rest else before
        return cls(url=url, password=password, prepares="prepare=no" not in given)


class _Text(StrDumper):
    """Makes a text fit for PostgreSQL: it takes no NUL, and no half of a surrogate pair."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(fitting(obj))


class _UnknownText(StrDumperUnknown):
    """The same where the type is left to the server."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(fitting(obj))


@dataclass(slots=True)
class _Preparing:
    """Whether statements may be prepared. Shared by the connections of an engine."""

    allowed: bool


def postgres_engine(
    address: Address, schema: str, *, purpose: Purpose = Purpose.WRITE, connections: int = 1
) -> Engine:
    """An engine for one schema. It keeps so many connections; more are closed after use."""
    preparing = _Preparing(address.prepares)
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connect(address, preparing),
        hide_parameters=True,  # they are prompts and answers
        pool_size=connections,
        max_overflow=20,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        wanted = Purpose(connection.get_execution_options().get(PURPOSE, purpose))
        connection.exec_driver_sql(BEGINNINGS[wanted].format(schema=schema))

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> None:
        without_values(context.original_exception, context.sqlalchemy_exception)
        if sqlstate_of(context.original_exception) in UNPREPARED:
            preparing.allowed = False
            driver = _driver_of(context.connection)
            if driver is not None:
                driver.prepare_threshold = None

    return engine


def _driver_of(connection: Connection | None) -> "psycopg.Connection[Any] | None":
    if connection is None or connection.invalidated:
        return None
    proxied: PoolProxiedConnection = connection.connection
    driver = proxied.driver_connection
    return driver if isinstance(driver, psycopg.Connection) else None


def _connect(address: Address, preparing: _Preparing) -> "psycopg.Connection[Any]":
    """A connection that commits what it is told to; transactions are begun by their own message."""
    connection: psycopg.Connection[Any] = psycopg.connect(
        **connection_parameters(address), autocommit=True
    )
    try:
        _look_around(connection, preparing)
    except BaseException:
        connection.close()
        raise
    connection.adapters.register_dumper(str, _UnknownText)
    connection.adapters.register_dumper(str, _Text)
    return connection


def _look_around(connection: "psycopg.Connection[Any]", preparing: _Preparing) -> None:
    """Refuse a standby, and notice a pooler, by the number of the process that answers."""
    found = connection.execute(
        "SELECT pg_is_in_recovery(), pg_backend_pid()", prepare=False
    ).fetchone()
    assert found is not None
    is_standby, pid = found
    if is_standby:
        raise psycopg.errors.ReadOnlySqlTransaction("the server is a standby")
    if not preparing.allowed or pid != connection.info.backend_pid:
        connection.prepare_threshold = None


def connection_parameters(address: Address) -> dict[str, Any]:
    """The parameters for libpq: those of the URL before ours."""
    given = {name: one for name, one in conninfo_to_dict(address.url).items() if one is not None}
    decided = "sslmode" in given or "PGSSLMODE" in os.environ or is_this_machine(given)
    verified = {} if decided else VERIFIED
    password = {} if address.password is None else {"password": address.password}
    return {**CLIENT, **verified, **given, **password}


def is_this_machine(parameters: dict[str, Any]) -> bool:
    """True if every server that these parameters name is this machine."""
    if "service" in parameters and "host" not in parameters:
        return False  # another file says which server it is
    hosts = str(parameters.get("host", "")) or str(parameters.get("hostaddr", ""))
    return all(THIS_MACHINE.fullmatch(one) for one in hosts.split(","))


def check_server(engine: Engine) -> None:
    """Raise TableError for a server that cannot hold a table."""
    with named_refusals(), engine.connect() as connection:
        driver = _driver_of(connection)
        assert driver is not None
        version = driver.info.server_version
        if version < OLDEST_SERVER:
            found = f"{version // 10000}"
            raise TableError("database_old", found=found, known=str(OLDEST_SERVER // 10000))
        encoding = driver.info.parameter_status("server_encoding")
        if encoding not in (None, "UTF8"):
            raise TableError("database_encoding", found=str(encoding))


@contextmanager
def named_refusals() -> Iterator[None]:
    """Turn a database that cannot be reached or used into a TableError that says why."""
    try:
        yield
    except DBAPIError as error:
        reason = plain_reason(error)
        if sqlstate_of(error) == _READ_ONLY:
            raise TableError("database_standby") from None
        if sqlstate_of(error) == _NO_RIGHT:
            raise TableError("database_rights", reason=reason) from None
        if is_away(error):
            raise TableError("database_unreachable", reason=reason) from None
        raise
    except psycopg.ProgrammingError as error:  # the URL
        raise TableError("database_unreachable", reason=plain_reason(error)) from None
