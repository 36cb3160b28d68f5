"""A row that takes its host down fails by itself after three hosts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene

ROWS = 400
DEATHS = 3
CALLS = "4"  # at once, of one host


def write_sheet(here: HostScene) -> None:
    """Texts, and one picture whose download takes its host down."""
    lines = [f'row-{number},chat,mock-text,"{one}"\n' for number, one in enumerate(here.prompts, 1)]
    lines[3] = f'row-4,image,mock-image,"{here.prompts[3]}"\n'
    here.sheet.write_text("id,endpoint,model,prompt\n" + "".join(lines), encoding="utf-8")


def has_died(hosts: Sequence[Host]) -> bool:
    return not all(host.alive for host in hosts)


@pytest.mark.timeout(200)
def test_a_row_that_takes_down_three_hosts_fails_as_crashed_and_the_others_are_done(
    scene: Make,
) -> None:
    here = scene(ROWS, latency=0.1)
    write_sheet(here)
    files = ("--files", str(here.folder / "target"))
    deadly = {"ROWMILL_FAILPOINT": "file.part=kill"}
    words = ["run", str(here.sheet), "--db", here.database, "-y", "--progress", "none"]
    alive = [here.command(*words, "-c", CALLS, *files, machine="m0", **deadly)]
    here.until(lambda: here.done() > 0)
    dead: list[Host] = []
    while len(dead) < DEATHS:
        while len(alive) < 2:
            machine = f"m{len(here.hosts)}"
            alive.append(
                here.start(*files, joins=True, machine=machine, concurrency=int(CALLS), **deadly)
            )
        here.until(partial(has_died, alive))
        dead += [host for host in alive if not host.alive]
        alive = [host for host in alive if host.alive]
    codes = here.wait(alive)
    books = here.books()
    assert books.lost == 1  # its answer was paid for, and is kept
    replace(books, lost=0).assert_whole(twice=DEATHS * int(CALLS))
    assert codes == [4] * len(alive), [host.err for host in alive]
    failed = here.query("SELECT position, kind, cause FROM jobs WHERE state = 'failed'")
    assert failed == [(5, "crashed", "deaths")]
    assert books.rows == {"done": ROWS - 1, "failed": 1}
