"""Acceptance 2: several hosts that start at once on an empty database load once and pay once."""

import pytest

from tests.hosts.conftest import Make


@pytest.mark.parametrize("turn", range(20))
def test_two_runs_that_start_at_once_load_the_sheet_once(scene: Make, turn: int) -> None:
    made = scene(50)
    hosts = [made.start(machine=name) for name in ("east", "west")]
    codes = made.wait(hosts)
    said = [host.err for host in hosts]
    assert codes == [0, 0], said
    books = made.books()
    books.assert_whole()
    assert books.rows == {"done": 50}, said
    assert (made.query("SELECT count(*) FROM rows"), books.billed) == ([(50,)], 50)
