"""Files of several hosts go to one target: right bytes under right names, bought once."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from runner.mock.picture_shapes import PictureShape
from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene
from tests.support.s3 import BUCKET, S3Server, running_s3

TARGET = f"s3://{BUCKET}/jobs"


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with running_s3() as server:
        yield server


def pictures(scene: HostScene) -> None:
    scene.endpoint, scene.model = "chat-image", "mock-image"


def started(
    scene: HostScene,
    server: S3Server,
    machine: str,
    *,
    joins: bool = False,
    concurrency: int = 4,
    **env: str,
) -> Host:
    """A host that knows the S3 server."""
    return scene.start(
        machine=machine,
        joins=joins,
        concurrency=concurrency,
        **(server.environ | env),
    )


def the_table_names_these_bytes(scene: HostScene, server: S3Server) -> int:
    """The number of saved files, each the object of its own name."""
    kept = scene.query("SELECT name, sha256 FROM files WHERE state = 'done'")
    for name, sha256 in kept:
        assert hashlib.sha256(server.get(f"jobs/files/{name}")).digest() == bytes(sha256), name
    assert len({name.casefold() for name, _ in kept}) == len(kept)
    return len(kept)


@pytest.mark.parametrize("rows", [16, pytest.param(200, marks=pytest.mark.long)])
def test_rows_of_one_file_name_and_a_host_killed_between_put_and_settle(
    scene: Make, s3: S3Server, rows: int
) -> None:
    one = scene(rows, latency=0.05, forms=(PictureShape.INLINE, PictureShape.MARKDOWN))
    pictures(one)
    one.timeout = 60.0  # server, gateway and hosts share two cores
    one.options = (
        *("--files", TARGET, "--name", "same", "--in-doubt", "hold"),
        *("--set", "size=2048x2048", "--set", "n=3"),
    )
    dying = started(one, s3, "a", ROWMILL_FAILPOINT="target.put=kill@5")
    one.until(lambda: one.asked() > 0)
    other = started(one, s3, "b", joins=True, ROWMILL_FILES=TARGET, ROWMILL_IN_DOUBT="hold")
    assert dying.wait() == -9, dying.err
    replacing = started(one, s3, "c", joins=True, ROWMILL_FILES=TARGET, ROWMILL_IN_DOUBT="hold")
    codes = {other.wait(), replacing.wait()}
    assert codes <= {0, 4}, other.err + replacing.err
    one.books().assert_whole()
    done = one.done()
    assert done + one.books().rows.get("in_doubt", 0) == rows
    assert the_table_names_these_bytes(one, s3) == 3 * done
    checked = one.command("fetch", one.url, "--verify", "--json", "--files", TARGET, **s3.environ)
    assert checked.wait() == 0, checked.err
    assert '"missing": [], "damaged": []' in checked.out, checked.out
    apart = one.query("SELECT call_id FROM answers WHERE coding = 'file'")
    assert {f"jobs/answers/{call}.gz" for (call,) in apart} <= set(s3.keys("jobs/answers"))


def test_a_host_that_joins_reads_the_sheet_s_pictures_from_the_target(
    scene: Make, s3: S3Server
) -> None:
    one = scene(6, latency=0.3)
    one.endpoint, one.model = "image-edit", "mock-image"
    home = one.home("a")
    for number in range(1, 7):
        Image.new("RGB", (16 + number, 16), "green").save(home / f"{number}.png")
    one.sheet.write_text(
        "id,prompt,image\n"
        + "".join(f'row-{n},"{one.prompts[n - 1]}",{n}.png\n' for n in range(1, 7)),
        encoding="utf-8",
    )
    without = started(one, s3, "a")
    assert without.wait() == 3, without.err
    assert one.asked() == 0
    one.options = ("--files", TARGET)
    first = started(one, s3, "a", concurrency=1)
    one.until(lambda: one.asked() > 0)
    for picture in home.glob("*.png"):
        picture.unlink()  # no host needs the sheet's folder any more
    second = started(one, s3, "b", joins=True, ROWMILL_FILES=TARGET)
    assert [first.wait(), second.wait()] == [0, 0], first.err + second.err
    one.books().assert_whole()
    assert len(s3.keys("jobs/inputs/")) == 6
    by_owner = one.query("SELECT count(DISTINCT run_id) FROM calls")
    assert by_owner[0][0] >= 1
    assert the_table_names_these_bytes(one, s3) == 6


def test_fetch_restores_a_file_itself_or_by_the_hosts_at_work(scene: Make, s3: S3Server) -> None:
    one = scene(8, latency=1.5)
    pictures(one)
    one.options = ("--files", TARGET)
    running = started(one, s3, "a", concurrency=1)
    one.until(lambda: len(s3.keys("jobs/files/")) > 1 and one.done() > 1)
    gone = one.query("SELECT name FROM files WHERE state = 'done' ORDER BY number LIMIT 1")[0][0]
    s3.delete(f"jobs/files/{gone}")
    fetch = ("fetch", one.url, "--json", "--files", TARGET)
    beside = one.command(*fetch, machine="b", **s3.environ)
    assert beside.wait() == 0, beside.err
    assert running.alive, "it did not wait for the run"
    assert running.wait() == 0, running.err
    assert f"jobs/files/{gone}" in s3.keys("jobs/files/"), "a host at work restored it"
    assert the_table_names_these_bytes(one, s3) == 8
    s3.delete(f"jobs/files/{gone}")
    after = one.command(*fetch, machine="b", **s3.environ)
    assert after.wait() == 0, after.err
    assert the_table_names_these_bytes(one, s3) == 8
    assert one.asked() == 8
    one.books().assert_whole()


def test_without_a_target_nothing_is_sent_for_pictures(scene: Make) -> None:
    one = scene(2)
    pictures(one)
    refused = one.start()
    assert refused.wait() == 3, refused.err
    assert "--files" in refused.err
    assert one.asked() == 0


def test_a_host_with_another_target_sends_nothing(
    scene: Make, s3: S3Server, tmp_path: Path
) -> None:
    one = scene(8, latency=1.0)
    pictures(one)
    one.options = ("--files", TARGET)
    first = started(one, s3, "a", concurrency=1)
    one.until(lambda: one.asked() > 0)
    asked = one.asked()
    other = started(one, s3, "b", joins=True, ROWMILL_FILES=str(tmp_path / "other"))
    none = started(one, s3, "c", joins=True)
    assert [other.wait(), none.wait()] == [3, 3], other.err + none.err
    assert TARGET in other.err
    assert TARGET in none.err
    assert first.wait() == 0, first.err
    assert one.asked() == 8
    assert asked <= 8


def test_big_answers_stay_in_the_table_without_a_target(scene: Make) -> None:
    one = scene(96)
    one.endpoint, one.model = "embedding", "mock-embedding"
    one.options = ("--column", "prompt=input", "--set", "dimensions=3072")
    first = one.start()
    assert first.wait() == 0, first.err
    found = one.query("SELECT coding, size FROM answers ORDER BY size DESC LIMIT 1")
    assert found[0][0] != "file"
    assert found[0][1] > 256 * 1024
    assert not list(one.home("desk").rglob("answers"))
    vectors = one.command("export", one.url, machine="b")
    assert vectors.wait() == 0, vectors.err
    assert vectors.out.count("done") == 96


def test_a_host_whose_disk_is_full_leaves_and_the_others_finish(
    scene: Make, tmp_path: Path
) -> None:
    with small_disk(tmp_path, 64 << 20) as disk:
        one = scene(60, latency=0.05, forms=(PictureShape.INLINE,))
        pictures(one)
        one.timeout = 60.0
        one.options = ("--files", str(tmp_path / "share"), "--set", "size=2048x2048")
        first = one.start(machine="a", concurrency=4)
        one.until(lambda: one.asked() > 0)
        full = one.start(
            "--workspace",
            str(disk / "work"),
            joins=True,
            machine="b",
            concurrency=4,
            ROWMILL_FILES=str(tmp_path / "share"),
        )
        one.until(lambda: "Joins" in full.err or full.process.poll() is not None)
        fill(disk)
        assert full.wait() == 7, full.err
        assert first.wait() == 0, first.err
        one.books().assert_whole()


def fill(disk: Path) -> None:
    """Leave less room than one answer takes."""
    free = os.statvfs(disk)
    with (disk / "ballast").open("wb") as ballast:
        left = free.f_bavail * free.f_frsize - (1 << 20)
        while left > 0:
            left -= ballast.write(bytes(min(left, 1 << 20)))


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of its own in a file, or a skip that names what is missing."""
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts a small disk")
    image = folder / "disk.img"
    image.write_bytes(b"")
    os.truncate(image, size)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    at = folder / "disk"
    at.mkdir()
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=False)
    if mounted.returncode:
        pytest.skip("cannot mount a file as a disk here")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)
