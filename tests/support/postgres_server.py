"""A PostgreSQL server during a test run, in a folder and on a socket of its own."""

import getpass
import os
import shutil
import signal
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

INITDB = ("-A", "trust", "-N", "-E", "UTF8", "--locale=C")
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")
DURABLE = ("fsync=on", "synchronous_commit=on", "shared_buffers=64MB", "max_connections=100")


@dataclass(slots=True, kw_only=True)
class Server:
    """A server in a folder of its own, reachable through a socket in it, and a port if given."""

    folder: Path
    user: str
    settings: tuple[str, ...] = QUICK
    port: int | None = None
    process: "subprocess.Popen[bytes] | None" = None
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

    def start(self) -> None:
        """Start it, and wait until it answers."""
        postgres = _program("postgres")
        assert postgres is not None
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        listen = "" if self.port is None else "127.0.0.1"
        port = ("-p", str(self.port)) if self.port is not None else ()
        settings = [word for setting in self.settings for word in ("-c", setting)]
        words = ["-D", self.folder / "data", "-k", self.folder, *port, "-c"]
        self.process = subprocess.Popen(
            [postgres, *words, f"listen_addresses={listen}", *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self.user if _is_root() else None,
            cwd="/",
        )
        _await_socket(self.folder, self.process)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it: SIGINT cuts off whoever is connected, SIGQUIT does so without a checkpoint."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(30)
        self.process = None

    def crash(self) -> None:
        """What `pg_ctl stop -m immediate` does: it has to recover at the next start."""
        self.stop(signal.SIGQUIT)


def engine_at(url: str, schema: str = "public", purpose: Purpose = Purpose.WRITE) -> Engine:
    """An engine for one schema of a database."""
    return postgres_engine(Address(url=url), schema, purpose=purpose)


def _program(name: str) -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(installed[0]) if installed else None)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextmanager
def running_server(
    settings: tuple[str, ...] = QUICK, port: int | None = None
) -> Iterator[Server | None]:
    """Start a server; None if PostgreSQL is not installed. It refuses to run as root."""
    initdb = _program("initdb")
    if initdb is None or _program("postgres") is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="rowmill-pg-"))
    user = "postgres" if _is_root() else getpass.getuser()
    if _is_root():
        shutil.chown(folder, user)
    server = Server(folder=folder, user=user, settings=settings, port=port)
    try:
        subprocess.run(
            [initdb, "-D", folder / "data", "-U", user, *INITDB],
            check=True,
            capture_output=True,
            user=user if _is_root() else None,
            cwd="/",
        )
        server.start()
        try:
            yield server
        finally:
            if server.process is not None:
                server.stop(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await_socket(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 30
    pid_file = folder / "data" / "postmaster.pid"
    while not (pid_file.exists() and pid_file.read_text().rstrip().endswith("ready")):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the PostgreSQL server did not start (exit {process.returncode})")
        time.sleep(0.02)
