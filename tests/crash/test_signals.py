"""One Ctrl-C or SIGTERM drains the run, two end it at once, and no answer is lost."""

import signal
import time
from pathlib import Path

import pytest

from runner.exits import Exit
from runner.mock.picture_shapes import PictureShape
from runner.workspace.answers import MAX_INLINE_BYTES
from tests.support.toxic_proxy import ToxicProxy

from .audit import audit
from .harness import Run, Scene, scene


def at_work(scene: Scene, calls: int = 16, *more: str) -> Run:
    """A run that has sent so many calls."""
    run = scene.start(*more)
    assert scene.until_calls(calls, run)
    return run


def statuses(scene: Scene) -> dict[str, int]:
    """The number of jobs in each state."""
    found = scene.query("SELECT state, count(*) FROM jobs GROUP BY state")
    return {str(state): int(count) for state, count in found}


def spool_size(scene: Scene) -> int:
    """The size of the spool in bytes; each answer is written to it with a single write."""
    return sum(path.stat().st_size for path in scene.workspace.spool.glob("*.spool"))


def answer_sizes(scene: Scene) -> list[int]:
    """The sizes of the answers."""
    return [int(size) for (size,) in scene.query("SELECT size FROM answers")]


def open_calls(scene: Scene) -> int:
    """Calls whose end was not recorded."""
    return int(scene.query("SELECT count(*) FROM calls WHERE wire IS NULL")[0][0])


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)],
)
@pytest.mark.parametrize("endpoint", ["chat", "chat-image"])
def test_the_first_signal_drains_what_is_in_flight_and_sends_nothing_new(
    endpoint: str, number: int, code: Exit, tmp_path: Path
) -> None:
    with scene(tmp_path, rows=200, endpoint=endpoint, latency=0.4) as one:
        run = at_work(one, 40)
        run.signal(number)
        one.until_printed("Stopping", run)
        begun = one.begun()
        assert run.wait() == code, run.stderr
        sent = one.calls()
        assert sent <= begun < 200, "nothing is sent that was not begun at the signal"
        assert open_calls(one) == 0
        assert statuses(one) == {"done": sent, "ready": 200 - sent}
        assert not audit(one, [], full=False).problems
        written = (one.workspace.folder / "results.csv").read_text(encoding="utf-8-sig")
        assert written.count(",done,") == sent
        assert one.start().wait() == Exit.DONE
        found = audit(one, [])
        assert not found.problems
        assert found.billed == 200


def test_the_second_signal_gives_up_and_the_next_run_asks_again(tmp_path: Path) -> None:
    with scene(tmp_path, rows=12) as one, ToxicProxy(one.port) as line:
        line.hold()
        run = at_work(one, 12, "--base-url", line.url)
        run.signal(signal.SIGINT)
        one.until_printed("Stopping", run)
        run.signal(signal.SIGINT)
        assert run.wait() == Exit.INTERRUPTED  # with answers that never come
        assert open_calls(one) == 0
        assert one.query("SELECT DISTINCT wire FROM calls") == [("D",)]
        assert statuses(one) == {"ready": 12}
        assert one.start().wait() == Exit.DONE
        assert one.calls() == 24
        keys = [line.key for line in one.billed()]
        assert sorted(keys[:12], key=str) == sorted(
            keys[12:], key=str
        )  # the same call to a gateway


def test_three_signals_end_the_process_and_lose_nothing(tmp_path: Path) -> None:
    with scene(tmp_path, rows=60, latency=(0.1, 1.0)) as one:
        run = at_work(one, 30)
        photo = one.reached()
        while run.alive:
            run.signal(signal.SIGINT)
            time.sleep(0.05)
        # A signal while the interpreter shuts down kills it; shells report that as 130 too.
        assert run.wait() in (Exit.INTERRUPTED, -signal.SIGINT)
        photos = [one.photo("after")]
        assert photo <= photos[0].answered
        assert one.start().wait() == Exit.DONE
        # Calls cut off by the signals end as in doubt, so the table accounts for the repeats.
        found = [line for line in audit(one, photos).problems if not line.startswith("I4")]
        assert not found


def test_a_second_signal_loses_no_big_answer_that_is_being_kept(tmp_path: Path) -> None:
    """Answers with inline pictures are compressed and written to disk in a thread."""
    big = ("--set", "size=2048x2048", "--set", "n=6")
    forms = (PictureShape.INLINE,)
    with scene(tmp_path, rows=4, endpoint="chat-image", latency=0.2, forms=forms) as one:
        run = at_work(one, 4, *big)
        run.signal(signal.SIGINT)
        one.until(lambda: spool_size(one) > MAX_INLINE_BYTES, run)
        run.signal(signal.SIGINT)  # a few milliseconds of compression after the answer arrived
        at_signal = one.reached()  # none while the record is only half written
        assert run.wait() == Exit.INTERRUPTED, run.stderr
        reached = one.photo("after").answered
        assert reached
        assert at_signal <= reached
        assert max(answer_sizes(one)) > MAX_INLINE_BYTES
        asked_before = len(one.billed())
        assert one.start(*big).wait() == Exit.DONE
        shas = {line.sha for line in one.billed() if line.id in reached}
        again = {line.sha for line in one.billed()[asked_before:]}
        assert not shas & again


def test_a_second_ctrl_c_while_the_first_is_told_changes_no_exit_code(tmp_path: Path) -> None:
    with scene(tmp_path, rows=30_000) as one:
        run = one.start(ROWMILL_FAILPOINT="load.staged=sleep:5")
        one.until(one.workspace.table.exists, run)
        time.sleep(0.3)
        for _ in range(8):  # some of them while it ends
            run.signal(signal.SIGINT)
            time.sleep(0.05)
        assert run.wait() == Exit.INTERRUPTED
        assert one.calls() == 0  # a connection that is interrupted while it rolls back may say so


@pytest.mark.parametrize("wait", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_anything_is_sent_ends_the_run_without_a_traceback(
    number: int, wait: float, tmp_path: Path
) -> None:
    with scene(tmp_path, rows=30_000) as one:
        run = one.start(ROWMILL_FAILPOINT="load.staged=sleep:5")
        one.until(one.workspace.table.exists, run)
        time.sleep(wait)
        run.signal(number)
        assert run.wait() in (Exit.INTERRUPTED, Exit.TERMINATED, -signal.SIGTERM)
        assert "Traceback" not in run.stderr
        assert one.calls() == 0
