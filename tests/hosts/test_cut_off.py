"""The cable of one host is pulled in the middle of a run, and plugged in again."""

import time
from functools import partial
from itertools import pairwise

import pytest

from tests.hosts.conftest import Make
from tests.support.cabled_hosts import cabled_hosts
from tests.support.hosts import HostScene

ROWS = 2_000
CUT_OFF_SECONDS = 12.0
LONGEST_PAUSE_SECONDS = 10.0


def is_done(here: HostScene, rows: int) -> bool:
    return here.done() >= rows


@pytest.mark.timeout(300)
def test_a_host_that_is_cut_off_holds_nobody_up_and_brings_its_answers_late(scene: Make) -> None:
    here = scene(ROWS, latency=0.3)
    here.timeout = 60.0  # what is on its way when the cable is pulled arrives late
    with cabled_hosts(here, 3) as cabled:
        first = ("-e", "chat", "-m", here.model, "--in-doubt", "hold")
        hosts = [cabled.start(0, *first)]
        here.until(lambda: here.done() > 0)
        hosts += [cabled.start(number) for number in (1, 2)]
        here.until(partial(is_done, here, int(ROWS * 0.4)))
        cabled.islands[2].pull_the_cable()
        time.sleep(CUT_OFF_SECONDS)
        cabled.islands[2].plug_it_in()
        codes = here.wait(hosts)
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows == {"done": ROWS}, books
    assert codes[2] == 0, hosts[2].err
    assert set(codes[:2]) <= {0, 4}  # they may end while its rows are still in doubt
    moments = sorted(one["time"] for one in here.billed())
    pauses = [after - before for before, after in pairwise(moments)]
    assert max(pauses) <= LONGEST_PAUSE_SECONDS
