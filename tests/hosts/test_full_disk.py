"""The disk of one host fills up."""

import pytest

from tests.crash.disks import disk
from tests.hosts.conftest import Make

ROWS = 600


@pytest.mark.timeout(200)
def test_a_host_whose_disk_is_full_leaves_and_the_others_go_on(scene: Make) -> None:
    here = scene(ROWS, latency=0.3)
    with disk(here.folder, "small", megabytes=64) as small:
        machines = here.folder / "machines"
        machines.mkdir(exist_ok=True)
        (machines / "small").symlink_to(small.place)
        first = here.start("--in-doubt", "hold")
        here.until(lambda: here.done() > 0)
        full = here.start(joins=True, machine="small")
        here.until(lambda: any(small.place.rglob("*.spool")) and here.done() > 60)
        small.fill()
        assert full.wait() == 7, full.err
        assert first.wait() == 0, first.err
    books = here.books()
    books.assert_whole(twice=0)
    assert books.rows == {"done": ROWS}
    assert books.hosts == {"left": 2}
