"""On a full disk no new calls start, and answers already paid for are kept."""

from pathlib import Path

import pytest

from runner.exits import Exit
from runner.mock.picture_shapes import PictureShape
from tests.support.toxic_proxy import ToxicProxy

from .audit import audit
from .disks import Disk, disk
from .harness import Scene, scene
from .prefork import Prefork

IN_FLIGHT = 32


def through(line: ToxicProxy) -> tuple[str, ...]:
    """Send calls through a line that can delay answers; pictures come from the gateway directly."""
    return ("--base-url", line.url, "--allow-host", "127.0.0.1")


def go_on(scene: Scene, power: Disk, *more: str) -> None:
    """Free the space again: the rest runs, and nothing is paid twice."""
    power.make_room()
    assert scene.start(*more, concurrency=IN_FLIGHT).wait() == Exit.DONE, scene.runs[-1].stderr
    found = audit(scene, [])
    assert not found.problems
    assert found.repeats == 0
    assert found.billed == len(scene.prompts)


@pytest.mark.deep
@pytest.mark.parametrize("endpoint", ["chat", "chat-image"])
def test_all_answers_in_flight_are_kept_when_the_disk_fills_up(
    endpoint: str, tmp_path: Path, prefork: Prefork
) -> None:
    with (
        disk(tmp_path, megabytes=24) as full,
        scene(
            tmp_path, rows=IN_FLIGHT + 8, endpoint=endpoint, latency=0.0, prefork=prefork,
            forms=(PictureShape.MARKDOWN,), desk=full.place,
        ) as one,
        ToxicProxy(one.port) as line,
    ):  # fmt: skip
        line.hold()
        run = one.start(*through(line), concurrency=IN_FLIGHT)
        assert one.until_calls(IN_FLIGHT, run)
        full.fill()
        line.let_go()
        assert run.wait() == Exit.OUTPUT, run.stderr
        assert "disk is full" in run.stderr
        assert one.calls() == IN_FLIGHT
        kept = one.query("SELECT count(*) FROM answers WHERE complete")[0][0] + len(one.spooled())
        print(f"answers saved: {kept} of {IN_FLIGHT}")
        assert kept == IN_FLIGHT
        go_on(one, full, *through(line))


def test_big_answers_that_find_no_room_stay_in_the_spool_or_beside_it(
    tmp_path: Path, prefork: Prefork
) -> None:
    with (
        disk(tmp_path, megabytes=48) as full,
        scene(
            tmp_path, rows=3, endpoint="chat-image", latency=0.0, prefork=prefork,
            forms=(PictureShape.INLINE,), desk=full.place,
            options=("--set", "size=2048x2048", "--set", "n=2"),
        ) as one,
        ToxicProxy(one.port) as line,
    ):  # fmt: skip
        line.hold()
        run = one.start(*through(line))
        assert one.until_calls(3, run)
        full.fill(leave=1 << 20)
        line.let_go()
        assert run.wait() == Exit.OUTPUT, run.stderr
        full.make_room()
        assert one.start(*through(line)).wait() == Exit.DONE, one.runs[-1].stderr
        assert one.calls() == 3
        assert not audit(one, []).problems


def test_nothing_is_bought_on_a_disk_that_is_full_at_the_start(
    tmp_path: Path, prefork: Prefork
) -> None:
    with (
        disk(tmp_path, megabytes=16) as full,
        scene(tmp_path, rows=4, prefork=prefork, desk=full.place) as one,
    ):
        full.fill(leave=1 << 20)
        run = one.start(concurrency=IN_FLIGHT)
        assert run.wait() == Exit.OUTPUT, run.stderr
        assert "free" in run.stderr
        assert one.calls() == 0
        go_on(one, full)


def test_a_disk_without_names_left_is_a_full_disk(tmp_path: Path, prefork: Prefork) -> None:
    """A disk can run out of inodes before it runs out of bytes: no new file can be made."""
    with (
        disk(tmp_path, megabytes=24, inodes=40) as full,
        scene(
            tmp_path, rows=40, endpoint="chat-image", latency=0.05, prefork=prefork,
            forms=(PictureShape.MARKDOWN,), desk=full.place,
        ) as one,
    ):  # fmt: skip
        run = one.start(concurrency=4)
        assert run.wait() == Exit.OUTPUT, run.stderr
        assert one.calls() < 40
        assert "Traceback" not in run.stderr
        assert not [text for text in audit(one, [], full=False).problems if "I3" in text]
