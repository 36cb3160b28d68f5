"""A PgBouncer in front of a server: each transaction may get another connection of few."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres_server import Server

PORT = 6432
SETTINGS = """
[databases]
* = host={server} port=5432 user={user}

[pgbouncer]
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
logfile = {folder}/log
pidfile = {folder}/pid
"""


def program() -> str | None:
    """Where PgBouncer is installed."""
    return shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")


@contextmanager
def pooler(server: Server, *, connections: int) -> Iterator[Path]:
    """The folder of its socket. It keeps so many connections to a database."""
    found = program()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="rowmill-pool-"))
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    file = folder / "pgbouncer.ini"
    words = {"server": server.folder, "user": server.user, "port": PORT, "folder": folder}
    text = SETTINGS.format(**words, connections=connections)
    file.write_text(text, encoding="utf-8")
    if root:
        for path in (folder, file):
            shutil.chown(path, server.user)
    process = subprocess.Popen(
        [found, "-q", file],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=server.user if root else None,
        cwd="/",
    )
    try:
        deadline = time.monotonic() + 20
        while not (folder / f".s.PGSQL.{PORT}").exists():
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield folder
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def pooled(url: str, folder: Path) -> str:
    """The address of the same database behind the pooler of this folder."""
    return f"{url.partition('?')[0]}?host={folder}&port={PORT}"
