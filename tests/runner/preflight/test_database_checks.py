"""doctor tells what is wrong with a shared table's server, and what a run would stumble over."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.place import DatabasePlace
from jobs.store.server_facts import ServerFacts
from runner.catalogue import has_message, say
from runner.exits import Exit
from runner.preflight.database_checks import checks_of, database_checks
from runner.preflight.doctor import CheckState
from runner.preflight.target_checks import target_checks
from runner.settings.database_url import read_database_url
from runner.settings.settings import resolve
from runner.workspace.workspace import Workspace
from tests.support.postgres_server import Server

URL = read_database_url("postgresql://team@db/jobs#a.csv")
WELL = ServerFacts(
    version="15.9",
    encoding="UTF8",
    is_standby=False,
    has_tls=True,
    is_socket=False,
    may_create=True,
    has_pooler=False,
    is_durable=True,
    most_connections=100,
    used_connections=10,
    standbys=0,
    waits_for_standby=False,
    round_trip_ms=0.4,
    clock_offset=0.1,
    names=("a.csv",),
    revision="0007",
    known_revision="0007",
)


def found(facts: ServerFacts, weak: str | None = None) -> dict[str, CheckState]:
    return {check.found: check.health for check in checks_of(facts, URL, weak)}


def test_a_server_that_is_well_has_no_notes() -> None:
    assert set(found(WELL).values()) == {CheckState.GOOD}


@pytest.mark.parametrize(
    ("facts", "name", "health"),
    [
        (replace(WELL, is_standby=True), "standby", CheckState.BAD),
        (replace(WELL, has_tls=False), "no_tls", CheckState.NOTE),
        (replace(WELL, may_create=False, names=()), "no_rights", CheckState.BAD),
        (replace(WELL, may_create=False), "no_rights", CheckState.NOTE),
        (replace(WELL, round_trip_ms=45.0), "far", CheckState.NOTE),
        (replace(WELL, clock_offset=-30.0), "clock_slow", CheckState.NOTE),
        (replace(WELL, clock_offset=30.0), "clock_fast", CheckState.NOTE),
        (replace(WELL, has_pooler=True), "pooler", CheckState.NOTE),
        (replace(WELL, used_connections=80), "few_connections", CheckState.NOTE),
        (replace(WELL, is_durable=False), "forgets", CheckState.NOTE),
        (replace(WELL, standbys=1), "asynchronous", CheckState.NOTE),
        (replace(WELL, revision=None), "no_workspace", CheckState.NOTE),
        (replace(WELL, revision="0099"), "newer", CheckState.BAD),
        (replace(WELL, revision="0006"), "older", CheckState.NOTE),
    ],
)
def test_what_would_trouble_a_run_is_told(
    facts: ServerFacts, name: str, health: CheckState
) -> None:
    assert found(facts)[name] == health


def test_a_synchronous_standby_loses_nothing() -> None:
    assert "asynchronous" not in found(replace(WELL, standbys=2, waits_for_standby=True))


def test_a_weaker_mode_is_told_even_where_the_connection_is_encrypted() -> None:
    assert found(WELL, "require")["weak_tls"] == CheckState.NOTE


def test_every_finding_has_its_sentence() -> None:
    odd = replace(WELL, has_tls=False, names=(), used_connections=99, clock_offset=99)
    for facts in (WELL, odd):
        for check in checks_of(facts, URL, None):
            key = f"doctor.database.{check.found}"
            assert has_message(key)
            assert "{" not in say(key, **check.values)


def test_a_server_that_cannot_be_reached_is_told_with_3() -> None:
    url = read_database_url("postgresql://team@127.0.0.1:9/jobs#a.csv")
    (only,) = database_checks(url, None, {})
    assert only.found == "unreached"
    assert only.code == Exit.UNUSABLE


def test_a_real_server_is_examined(tmp_path: Path, postgres: Server) -> None:
    address = postgres.new_database()
    place = DatabasePlace(url=address, name="a.csv")
    place.open().close()
    workspace = Workspace(folder=tmp_path, database=place)
    url = read_database_url(address).named("a.csv")
    names = {check.found for check in database_checks(url, workspace, {})}
    assert {"good", "socket", "near", "clock", "connections", "revision", "no_hosts"} <= names
    assert "forgets" in names  # the tests' own server does not sync its disk


def test_the_target_is_written_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "all machines see this"
    folder.mkdir()
    (good,) = target_checks(resolve({"files": str(folder)}, {}), None)
    assert good.found == "good"
    (bad,) = target_checks(resolve({"files": "memory://nowhere"}, {}), None)
    assert bad.found == "bad"
    assert bad.code == Exit.UNUSABLE
    assert target_checks(resolve({}, {}), None) == ()
