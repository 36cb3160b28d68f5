"""A COMMIT that was made and whose answer never came."""

from dataclasses import replace
from urllib.parse import urlsplit

from tests.hosts.conftest import Make
from tests.support.commit_cutter import CLAIM, SETTLE, CommitCutter


def test_commits_without_an_answer_leave_nothing_running_and_pay_nothing_twice(
    scene: Make,
) -> None:
    here = scene(1_000, latency=0.1)
    with CommitCutter(here.server.folder, every=4, most=10) as cutter:
        database = urlsplit(here.database).path[1:]
        through = replace(
            here, database=f"postgresql://postgres@127.0.0.1:{cutter.port}/{database}"
        )
        first = through.start("--in-doubt", "hold")
        through.until(lambda: here.done() > 20)
        second = through.start(machine="other", joins=True)
        assert through.wait() == [0, 0], (first.err, second.err)
    books = here.books()
    books.assert_whole()
    assert books.rows == {"done": 1_000}
    assert min(cutter.cut[CLAIM], cutter.cut[SETTLE]) >= 10
