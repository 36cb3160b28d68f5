"""A PostgreSQL server during a test run, in a folder and on a socket of its own."""

import getpass
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import Engine

from jobs.store.postgres import Address, Purpose, postgres_engine

QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, reachable only through a socket in its own folder."""

    folder: Path
    user: str
    numbers: "count[int]" = field(default_factory=count)

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://{self.user}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"rowmill_{next(self.numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


def engine_at(url: str, schema: str = "public", purpose: Purpose = Purpose.WRITE) -> Engine:
    """An engine for one schema of a database."""
    return postgres_engine(Address(url=url), schema, purpose=purpose)


def _program(name: str) -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(installed[0]) if installed else None)


@contextmanager
def running_server() -> Iterator[Server | None]:
    """Start a server; None if PostgreSQL is not installed. It refuses to run as root."""
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="rowmill-pg-"))
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    user = "postgres" if root else getpass.getuser()
    if root:
        shutil.chown(folder, user)
    data = folder / "data"
    try:
        subprocess.run(
            [initdb, "-D", data, "-U", user, "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            user=user if root else None,
            cwd="/",
        )
        settings = [word for setting in QUICK for word in ("-c", setting)]
        with subprocess.Popen(
            [postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user if root else None,
            cwd="/",
        ) as process:
            _await_socket(folder, process)
            try:
                yield Server(folder=folder, user=user)
            finally:
                process.terminate()
                process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await_socket(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 30
    pid_file = folder / "data" / "postmaster.pid"
    while not (pid_file.exists() and pid_file.read_text().rstrip().endswith("ready")):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the PostgreSQL server did not start (exit {process.returncode})")
        time.sleep(0.02)
