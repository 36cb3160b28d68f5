"""The cable of one host is pulled in the middle of a run, and plugged in again."""

import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene
from tests.support.namespaces import CENTRE, Island, islands
from tests.support.relay import Relay

ROWS = 2_000
CUT_OFF_SECONDS = 12.0
LONGEST_PAUSE_SECONDS = 10.0


def start_on(here: HostScene, island: Island, gateway: Relay, database: Relay, *more: str) -> Host:
    """Start a host in a namespace, with the sheet if it is the first of all."""
    name = urlsplit(here.database).path
    url = f"postgresql://postgres@{CENTRE}:{database.port}{name}?sslmode=disable"
    where = [f"{url}#{here.name}"] if here.hosts else [str(here.sheet), "--db", url]
    words = ["run", *where, "-c", "8", "-y", "--progress", "none", *more]
    base_url = f"http://{CENTRE}:{gateway.port}"
    told = here.folder / f"{island.name}.err"
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


def is_done(here: HostScene, rows: int) -> bool:
    return here.done() >= rows


@pytest.mark.timeout(300)
def test_a_host_that_is_cut_off_holds_nobody_up_and_brings_its_answers_late(scene: Make) -> None:
    here = scene(ROWS, latency=0.3)
    here.timeout = 60.0  # what is on its way when the cable is pulled arrives late
    assert here.gateway is not None
    port = urlsplit(here.gateway.base_url).port
    assert port is not None
    with islands(3) as three:
        socket = Path(here.server.folder) / ".s.PGSQL.5432"
        with Relay(to=port, host=CENTRE) as gateway, Relay(to=socket, host=CENTRE) as database:
            first = ("-e", "chat", "-m", here.model, "--in-doubt", "hold")
            hosts = [start_on(here, three[0], gateway, database, *first)]
            here.until(lambda: here.done() > 0)
            hosts += [start_on(here, island, gateway, database) for island in three[1:]]
            here.until(partial(is_done, here, int(ROWS * 0.4)))
            three[2].pull_the_cable()
            time.sleep(CUT_OFF_SECONDS)
            three[2].plug_it_in()
            codes = here.wait(hosts)
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows == {"done": ROWS}, books
    assert codes[2] == 0, hosts[2].err
    assert set(codes[:2]) <= {0, 4}  # they may end while its rows are still in doubt
    moments = sorted(one["time"] for one in here.billed())
    pauses = [after - before for before, after in pairwise(moments)]
    assert max(pauses) <= LONGEST_PAUSE_SECONDS
