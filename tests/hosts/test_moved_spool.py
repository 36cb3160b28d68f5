"""A run on a folder is killed, and its table moves into a database before the next one."""

import pytest

from tests.hosts.conftest import Make

ROWS = 120
CALLS = 4  # at once


@pytest.mark.timeout(200)
def test_an_answer_that_a_killed_run_had_spooled_is_not_bought_again_after_the_move(
    scene: Make,
) -> None:
    here = scene(ROWS, latency=0.1)
    words = ["run", str(here.sheet), "-e", "chat", "-m", here.model, "-c", str(CALLS), "-y"]
    words += ["--progress", "none", "--in-doubt", "hold"]
    killed = here.command(*words, ROWMILL_FAILPOINT="answer.spooled=kill@20")
    assert killed.wait() == -9
    moved = here.command(*words, "--db", here.database, "--move-table")
    assert moved.wait() in (0, 4), moved.err
    books = here.books()
    books.hosts.pop("live", None)  # the killed one, where its spool left nothing to take over
    books.assert_whole(twice=0)
    held = books.rows.pop("in_doubt", 0)
    assert held < CALLS  # of those in flight one was spooled
    assert books.rows == {"done": ROWS - held}
    assert not list(here.folder.rglob("*.spool"))
