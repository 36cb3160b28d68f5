"""Checks of a shared table: its server, the way to it, and the machines at work."""

import os
from collections.abc import Iterator, Mapping

from jobs.errors import EmptyTableError, OlderTableError, TableError
from jobs.place import server_facts
from jobs.store.hosts import AT_WORK, hosts_of
from jobs.store.log import last_run
from jobs.store.server_facts import CONNECTIONS_PER_HOST, ServerFacts
from runner.catalogue.reasons import reason
from runner.exits import Exit
from runner.preflight.doctor import Check, CheckState
from runner.settings.database_url import DatabaseUrl, weak_tls
from runner.settings.keys import KeyRefusal, database_password
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_OFFSET_SECONDS = 5.0  # of two clocks; hosts go by the database's own
FAR_MS = 20.0  # a round trip that makes a host slow
FEW_HOSTS = 10  # for which a server should have connections


def database_checks(
    url: DatabaseUrl, workspace: Workspace | None, environ: Mapping[str, str] = os.environ
) -> tuple[Check, ...]:
    """Ask the server, changing nothing; `workspace` is None if it is not there yet."""
    try:
        password = database_password(url, environ)
        secret = password.reveal() if password is not None else None
        facts = server_facts(url.connection(environ), secret, url.name)
    except KeyRefusal as refusal:
        return (_check("refused", CheckState.BAD, why=refusal.message),)
    except TableError as error:
        return (_check("unreached", CheckState.BAD, url=url.server, why=reason(error)),)
    found = [*checks_of(facts, url, weak_tls(url, environ))]
    if workspace is not None:
        found += _of_hosts(workspace)
    return tuple(found)


def checks_of(facts: ServerFacts, url: DatabaseUrl, weak: str | None) -> Iterator[Check]:
    """What the server's words mean."""
    yield _check("good", url=url.server, version=facts.version, encoding=facts.encoding)
    if facts.is_standby:
        yield _check("standby", CheckState.BAD)
    yield _of_tls(facts, weak)
    if not facts.may_create:
        yield _check("no_rights", CheckState.NOTE if facts.names else CheckState.BAD)
    yield _of_way(facts)
    yield _of_clock(facts)
    if facts.has_pooler:
        yield _check("pooler", CheckState.NOTE)
    yield _of_connections(facts)
    if not facts.is_durable:
        yield _check("forgets", CheckState.NOTE)
    if facts.standbys and not facts.waits_for_standby:
        yield _check("asynchronous", CheckState.NOTE, count=str(facts.standbys))
    yield _of_revision(facts, url)


def _of_tls(facts: ServerFacts, weak: str | None) -> Check:
    if facts.is_socket:
        return _check("socket")
    if weak is not None:
        return _check("weak_tls", CheckState.NOTE, mode=weak)
    return _check("tls") if facts.has_tls else _check("no_tls", CheckState.NOTE)


def _of_way(facts: ServerFacts) -> Check:
    took = f"{facts.round_trip_ms:,.1f}"
    if facts.round_trip_ms < FAR_MS:
        return _check("near", ms=took)
    return _check("far", CheckState.NOTE, ms=took)


def _of_clock(facts: ServerFacts) -> Check:
    offset = facts.clock_offset
    if abs(offset) <= MAX_OFFSET_SECONDS:
        return _check("clock")
    found = "clock_fast" if offset > 0 else "clock_slow"
    return _check(found, CheckState.NOTE, seconds=f"{abs(offset):,.0f}")


def _of_connections(facts: ServerFacts) -> Check:
    free = max(facts.most_connections - facts.used_connections, 0)
    hosts = free // CONNECTIONS_PER_HOST
    told = {"used": str(facts.used_connections), "most": str(facts.most_connections)}
    few = hosts < FEW_HOSTS and not facts.has_pooler
    health = CheckState.NOTE if few else CheckState.GOOD
    return _check("few_connections" if few else "connections", health, **told, hosts=str(hosts))


def _of_revision(facts: ServerFacts, url: DatabaseUrl) -> Check:
    if facts.revision is None and not facts.names:
        return _check("empty", CheckState.NOTE)
    if facts.revision is None and url.name is None:
        return _check("workspaces", names=", ".join(facts.names))
    if facts.revision is None:
        names = ", ".join(facts.names)
        return _check("no_workspace", CheckState.NOTE, name=str(url.name), names=names)
    found, health = "revision", CheckState.GOOD
    if facts.revision > facts.known_revision:
        found, health = "newer", CheckState.BAD
    elif facts.revision < facts.known_revision:
        found, health = "older", CheckState.NOTE
    known = facts.known_revision
    return _check(found, health, name=url.name or "", found_revision=facts.revision, known=known)


def _of_hosts(workspace: Workspace) -> Iterator[Check]:
    """The machines at work, and their programs where these differ."""
    try:
        with workspace.place.look() as store, store.read() as tx:
            run = last_run(tx, SHEET_ID)
            found = hosts_of(tx, run.id) if run is not None else []
    except (EmptyTableError, OlderTableError):
        return
    except TableError as error:
        yield _check("unreached", CheckState.BAD, url=workspace.name, why=reason(error))
        return
    at_work = [one for one in found if one.state in AT_WORK]
    if not at_work:
        yield _check("no_hosts")
        return
    names = ", ".join(f"{one.name}:{one.pid}" for one in at_work)
    yield _check("hosts", count=str(len(at_work)), names=names)
    programs = sorted({one.program for one in at_work})
    if len(programs) > 1:
        yield _check("programs", CheckState.NOTE, programs=", ".join(programs))


def _check(found: str, health: CheckState = CheckState.GOOD, **values: str) -> Check:
    code = Exit.UNUSABLE if health is CheckState.BAD else Exit.DONE
    return Check(name="database", found=found, health=health, values=values, code=code)
