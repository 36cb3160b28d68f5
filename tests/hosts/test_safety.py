"""Who can write the table gets no key, runs no command, reads no file and chooses no address."""

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from tests.hosts.conftest import Make
from tests.support.hosts import KEY, HostScene, prompts_of
from tests.support.postgres_server import QUICK, running_server

PASSWORD = "canary5f0c9b7a31"


def written(scene: HostScene, words: str, *values: object) -> None:
    """Change the workspace's tables, as whoever has the password may."""
    schema = scene.query("SELECT current_schema()")[0][0]
    with psycopg.connect(scene.database, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schema}".encode())
        connection.execute(words.encode(), values)


def begun(scene: HostScene) -> None:
    """Load the sheet and run its first rows."""
    first = scene.start("--limit", "2")
    assert first.wait() == 0, first.err


def test_password_and_key_are_found_nowhere(scene: Make) -> None:
    made = scene(12)
    address = made.database.replace("@", f":{PASSWORD}@", 1)
    run = made.start("--debug", ROWMILL_DB=address)
    assert run.wait() == 0, run.err
    sheet = str(made.sheet_at("desk"))
    for words in (("status", sheet), ("doctor", sheet, "--bundle"), ("report", sheet)):
        made.command(*words, ROWMILL_DB=address).wait()
    kept = [path for path in made.folder.rglob("*") if path.is_file()]
    assert len(kept) > 5
    for secret in (PASSWORD, KEY):
        assert [path for path in kept if secret.encode() in path.read_bytes()] == []
        for (table,) in made.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        ):
            rows = made.query(f"SELECT t::text FROM {table} t")
            assert not any(secret in row for (row,) in rows), table


def test_what_stands_in_the_table_sends_opens_and_runs_nothing(scene: Make, tmp_path: Path) -> None:
    made = scene(8)
    begun(made)
    touched, secret = tmp_path / "touched", tmp_path / "secret.csv"
    secret.write_text("id,prompt\n1,secret\n", encoding="utf-8")
    evil = {
        "base_url": "http://203.0.113.9",
        "base_url_by": "flag",
        "provider": "evil",
        "proxy": "http://203.0.113.9:1",
        "sheet_path": str(secret),
        "files": f"{tmp_path}/elsewhere",
        "files_from": ["/"],
        "allow_host": ["203.0.113.9"],
        "notify": "http://203.0.113.9/hook",
        "on_finish": f"touch {touched}",
        "config": str(secret),
    }
    (options,) = made.query("SELECT options FROM batches")[0]
    provider = json.loads(options).get("provider")
    changed = json.dumps({**json.loads(options), **evil, "provider": provider})
    written(made, "UPDATE batches SET options = %s", changed)
    written(made, "UPDATE runs SET options = %s", changed)
    host = made.start(joins=True, machine="other")
    assert host.wait() == 0, host.err
    assert made.asked() == 8  # all of them at its own gateway
    assert not touched.exists()
    assert not (tmp_path / "elsewhere").exists()
    assert "secret" not in host.err
    assert "--base-url" not in host.err  # nor does it advise where keys should go


@pytest.mark.parametrize("joins", [True, False])
def test_a_host_of_another_site_sends_nothing(scene: Make, *, joins: bool) -> None:
    made = scene(200, latency=0.5)
    first = made.start()
    made.until(lambda: made.asked() > 4)
    other = made.start(joins=joins, machine="other", ROWMILL_BASE_URL="http://127.0.0.1:9")
    assert other.wait() == 3
    assert "127.0.0.1:9" in other.err
    first.kill()


def test_a_host_with_another_target_sends_nothing(scene: Make, tmp_path: Path) -> None:
    made = scene(200, latency=0.5)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    first = made.start("--files", str(ours))
    made.until(lambda: made.asked() > 4)
    others = [
        made.start("--files", str(theirs), joins=True, machine="other"),
        made.start(joins=True, machine="third"),
    ]
    for other in others:
        assert other.wait() == 3
        assert str(ours) in other.err
    same = made.start("--files", str(ours), joins=True, machine="fourth")
    made.until(lambda: len(made.query("SELECT owner FROM hosts")) == 2)
    first.kill()
    same.kill()


def test_an_older_program_leaves_a_newer_table_alone(scene: Make) -> None:
    made = scene(6)
    begun(made)
    with psycopg.connect(made.database, autocommit=True) as connection:
        connection.execute("UPDATE rowmill.workspaces SET revision = '9999'")
    asked = made.asked()
    for words in (("run", made.url, "-y"), ("status", made.url), ("retry", made.url, "-y")):
        host = made.command(*words)
        assert host.wait() == 3, host.err
    assert made.asked() == asked


@pytest.fixture
def far_scene(tmp_path: Path) -> Iterator[HostScene]:
    """A scene whose server is reached over the network, and has no certificate."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        address = probe.getsockname()[0]
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback ones")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as rules:
        rules.write("local all all trust\nhost all all all trust\n")
        rules.flush()
        Path(rules.name).chmod(0o644)
        settings = (*QUICK, "listen_addresses=*", f"hba_file={rules.name}")
        with running_server(settings, port=port) as server:
            assert server is not None
            local = f"postgresql://{server.user}@/postgres?host={server.folder}&port={port}"
            with psycopg.connect(local, autocommit=True) as connection:
                connection.execute("CREATE DATABASE jobs")
            made = HostScene(
                folder=tmp_path,
                server=server,
                database=f"postgresql://{server.user}@{address}:{port}/jobs?sslmode=disable",
                prompts=prompts_of(3),
            )
            made.write_sheet()
            with MockThread(MockSettings(bill=made.bill)) as gateway:
                made.gateway = gateway
                yield made
                made.close()


def test_a_server_elsewhere_must_show_a_certificate(far_scene: HostScene) -> None:
    bare = far_scene.database.removesuffix("?sslmode=disable")
    words = ("run", str(far_scene.sheet_at("desk")), "-e", "chat", "-m", "mock-text", "-y", "--db")
    strict = far_scene.command(*words, bare)
    assert strict.wait() == 3
    assert "SSL" in strict.err
    assert far_scene.asked() == 0
    for _start in range(2):  # a weaker mode is obeyed, and said at every start
        weak = far_scene.command(*words, far_scene.database)
        assert weak.wait() == 0, weak.err
        assert "sslmode=disable" in weak.err
    assert far_scene.asked() == 3
