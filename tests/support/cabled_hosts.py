"""Hosts in namespaces, each behind a cable that can be pulled."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.hosts import Host, HostScene
from tests.support.namespaces import CENTRE, Island, islands
from tests.support.relay import Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class CabledHosts:
    """Machines that reach the gateway and the database of a scene over one cable each."""

    here: HostScene
    islands: list[Island]
    gateway: Relay
    database: Relay

    def start(self, number: int, *more: str, concurrency: int = 8) -> Host:
        """Start a host on a machine, with the sheet if it is the first of all."""
        here, island = self.here, self.islands[number]
        name = urlsplit(here.database).path
        url = f"postgresql://postgres@{CENTRE}:{self.database.port}{name}?sslmode=disable"
        where = [f"{url}#{here.name}"] if here.hosts else [str(here.sheet), "--db", url]
        words = ["run", *where, "-c", str(concurrency), "-y", "--progress", "none", *more]
        base_url = f"http://{CENTRE}:{self.gateway.port}"
        told = here.folder / f"{len(here.hosts):03}-{island.name}.err"
        with told.open("wb") as err, told.with_suffix(".out").open("wb") as out:
            process = subprocess.Popen(
                island.words(sys.executable, "-m", "runner.cli", *words),
                env=here.environment(island.name) | {"ROWMILL_BASE_URL": base_url},
                cwd=here.home(island.name),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        here.hosts.append(Host(name=island.name, process=process, told=told))
        return here.hosts[-1]


@contextmanager
def cabled_hosts(here: HostScene, count: int) -> Iterator[CabledHosts]:
    """So many machines, or a skip that names what is missing."""
    assert here.gateway is not None
    port = urlsplit(here.gateway.base_url).port
    assert port is not None
    socket = Path(here.server.folder) / ".s.PGSQL.5432"
    with (
        islands(count) as made,
        Relay(to=port, host=CENTRE) as gateway,
        Relay(to=socket, host=CENTRE) as database,
    ):
        yield CabledHosts(here=here, islands=made, gateway=gateway, database=database)
