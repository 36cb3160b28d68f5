"""A database over the network: its certificate is checked, keys and passwords come from files."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from tests.support.certificates import Certificates, certificates, why_no_certificates
from tests.support.hosts import Host, HostScene, prompts_of
from tests.support.postgres_server import QUICK, running_server

PASSWORD = "canary-9d3e7a1c"
RULES = """local all all trust
hostssl all team all scram-sha-256
hostssl all postgres all cert
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarServer:
    """A scene whose server is reached over TLS."""

    scene: HostScene
    certificates: Certificates
    address: str
    port: int

    def run(self, user: str, *, more: str = "", **env: str) -> Host:
        """Run the sheet as this user of the database."""
        url = f"postgresql://{user}@{self.address}:{self.port}/jobs{more}"
        sheet = str(self.scene.sheet_at("desk"))
        words = ("run", sheet, "-e", "chat", "-m", "mock-text", "-y", "--db", url)
        return self.scene.command(*words, **env)

    @property
    def trust(self) -> dict[str, str]:
        """An environment in which the authority is one of the system's."""
        return {"SSL_CERT_FILE": str(self.certificates.authority)}


def own_address() -> str:
    """This machine's address in its network, or a skip."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        found = str(probe.getsockname()[0])
    if found.startswith("127."):
        pytest.skip("this machine has no address but loopback ones")
    return found


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarServer]:
    """A server with a certificate for its address, a user with a password, one with a key."""
    if reason := why_no_certificates():
        pytest.skip(reason)
    address = own_address()
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="rowmill-tls-") as name:
        folder = Path(name)
        made = certificates(folder)
        pem, key = made.signed("server", subject="db", address=address)
        rules = folder / "hba.conf"
        rules.write_text(RULES, encoding="utf-8")
        if _is_root():  # the server refuses to be root
            for file in (folder, made.authority, pem, key, rules):
                shutil.chown(file, "postgres")
        files = {"ssl_cert_file": pem, "ssl_key_file": key, "ssl_ca_file": made.authority}
        tls = (f"{setting}={file}" for setting, file in files.items())
        settings = (*QUICK, "ssl=on", "listen_addresses=*", f"hba_file={rules}", *tls)
        with running_server(settings, port=port) as server:
            if server is None:
                pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
            local = f"postgresql://{server.user}@/postgres?host={server.folder}&port={port}"
            with psycopg.connect(local, autocommit=True) as connection:
                connection.execute(f"CREATE ROLE team LOGIN PASSWORD '{PASSWORD}'".encode())
                connection.execute("CREATE DATABASE jobs OWNER team")
            scene = HostScene(folder=tmp_path, server=server, database=local, prompts=prompts_of(3))
            scene.write_sheet()
            with MockThread(MockSettings(bill=scene.bill)) as gateway:
                scene.gateway = gateway
                yield FarServer(scene=scene, certificates=made, address=address, port=port)
                scene.close()


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def test_a_trusted_server_is_used_with_the_password_of_pgpass(far: FarServer) -> None:
    scene = far.scene
    words = scene.home("desk") / ".pgpass"
    words.write_text(f"{far.address}:{far.port}:*:team:{PASSWORD}\n", encoding="utf-8")
    words.chmod(0o600)
    stranger = far.run("team")
    assert stranger.wait() == 3, "its authority is not one of the system's"
    assert "certificate" in stranger.err
    trusted = far.run("team", **far.trust)
    assert trusted.wait() == 0, trusted.err
    assert "sslmode" not in trusted.err
    assert scene.asked() == 3
    written = [file.read_bytes() for file in scene.folder.rglob("*") if file.is_file()]
    assert sum(PASSWORD.encode() in text for text in written) == 1, "only in .pgpass"


def test_a_client_certificate_is_enough(far: FarServer) -> None:
    assert far.run("postgres", **far.trust).wait() == 3, "without one"
    pem, key = far.certificates.signed("client", subject="postgres")
    host = far.run("postgres", more=f"?sslcert={pem}&sslkey={key}", **far.trust)
    assert host.wait() == 0, host.err
    assert far.scene.asked() == 3
