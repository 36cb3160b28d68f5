"""Damaged, missing, read-only and locked tables or folders lose nothing and name the fault."""

import contextlib
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobs import filesystem
from jobs.store import database
from runner.exits import Exit

from .audit import audit
from .disks import disk
from .harness import Scene, scene
from .prefork import Prefork


def finished(scene: Scene) -> Scene:
    """A scene after a complete run."""
    assert scene.start().wait() == Exit.DONE, scene.runs[-1].stderr
    return scene


# --- folders that cannot be written ---------------------------------------------------------------


def test_a_read_only_disk_is_refused_before_anything_is_sent(
    tmp_path: Path, prefork: Prefork
) -> None:
    with (
        disk(tmp_path) as place,
        scene(tmp_path, rows=4, prefork=prefork, desk=place.place) as one,
    ):
        place.read_only()
        run = one.start()
        assert run.wait() == Exit.UNUSABLE, run.stderr
        assert "Read-only" in run.stderr
        place.writable()
        finished(one)
        calls = one.calls()
        (one.sheet).write_text(one.sheet.read_text() + "new,Another lamp\n")
        place.read_only()
        run = one.start()
        assert run.wait() in (Exit.UNUSABLE, Exit.OUTPUT), run.stderr
        assert one.calls() == calls
        assert "Traceback" not in run.stderr


def test_a_disk_that_turns_read_only_stops_the_buying(tmp_path: Path, prefork: Prefork) -> None:
    with (
        disk(tmp_path) as place,
        scene(tmp_path, rows=60, prefork=prefork, latency=0.2, desk=place.place) as one,
    ):
        place.settle()
        run = one.start(concurrency=4)
        assert one.until_calls(8, run)
        place.freeze_for_writers()
        time.sleep(0.1)
        sent = one.calls()
        assert run.wait() == Exit.OUTPUT, run.stderr
        assert one.calls() <= sent + 4
        place.repair()
        finished(one)
        assert not [text for text in audit(one, []).problems if not text.startswith("I4")]


@pytest.mark.parametrize("what", ["file", "gone"])
def test_a_files_folder_that_is_taken_away_is_made_again_or_named(
    what: str, tmp_path: Path, prefork: Prefork
) -> None:
    with scene(tmp_path, rows=20, endpoint="chat-image", latency=0.1, prefork=prefork) as one:
        run = one.start(concurrency=2)
        assert one.until(one.workspace.files.exists, run)
        shutil.rmtree(one.workspace.files, ignore_errors=True)
        if what == "file":
            one.workspace.files.write_text("mine")
        code = run.wait()
        assert "Traceback" not in run.stderr
        assert code in (Exit.DONE, Exit.SOME_FAILED, Exit.OUTPUT)
        if what == "file":
            assert one.workspace.files.read_text() == "mine"
            one.workspace.files.unlink()
        assert one.start(command="retry").wait() == Exit.DONE, one.runs[-1].stderr
        assert one.calls() == 20, "a lost folder buys no second picture"


# --- damaged tables -------------------------------------------------------------------------------


def flipped(table: Path) -> None:
    data = bytearray(table.read_bytes())
    for place in range(4096, len(data), 3000):
        data[place] ^= 0xFF
    table.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "bits": flipped,
    "cut": lambda table: os.truncate(table, table.stat().st_size // 2),
    "cut-inside-a-page": lambda table: os.truncate(table, 5000),
    "zeros": lambda table: table.write_bytes(bytes(table.stat().st_size)),
    "text": lambda table: table.write_bytes(b"not a table"),
    "head-only": lambda table: os.truncate(table, 100),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", ["run", "status", "export"])
def test_a_damaged_table_is_named_and_left_as_it_is(
    damage: str, command: str, tmp_path: Path, prefork: Prefork
) -> None:
    with scene(tmp_path, rows=30, prefork=prefork, latency=0.0) as one:
        finished(one)
        one.sheet.write_text(one.sheet.read_text() + "new,Another lamp\n")
        DAMAGES[damage](one.workspace.table)
        before, calls = one.workspace.table.read_bytes(), one.calls()
        words = [command, str(one.sheet)]
        told = tmp_path / "told.txt"
        environ = one.environment()
        run = prefork.start(words, environ=environ, out=tmp_path / "out.txt", err=told)
        assert run.wait(60) in (Exit.UNUSABLE, Exit.OUTPUT), told.read_text()
        assert "Traceback" not in told.read_text()
        assert "jobs.db" in told.read_text()
        assert one.calls() == calls
        assert one.workspace.table.read_bytes() == before


def test_a_stale_shm_is_no_trouble(tmp_path: Path, prefork: Prefork) -> None:
    with scene(tmp_path, rows=30, prefork=prefork, latency=0.1) as one:
        run = one.start()
        assert one.until_calls(16, run)
        run.kill()
        one.workspace.table.with_name("jobs.db-shm").write_bytes(b"\x7f" * 32768)
        finished(one)
        assert not [text for text in audit(one, []).problems if not text.startswith("I4")]


# --- other processes ------------------------------------------------------------------------------


def test_a_table_that_is_replaced_stops_the_run_and_saves_what_it_wrote(
    tmp_path: Path, prefork: Prefork
) -> None:
    with scene(tmp_path, rows=60, prefork=prefork, latency=0.3) as one:
        run = one.start(concurrency=4)
        assert one.until_calls(8, run)
        table = one.workspace.table
        table.rename(tmp_path / "moved.db")
        table.write_bytes(b"")
        assert run.wait() == Exit.OUTPUT, run.stderr
        sent = one.calls()
        assert sent < 60
        (rescued,) = table.parent.glob("jobs.rescued.*.db")
        assert str(rescued) in run.stderr
        with closing(sqlite3.connect(rescued)) as found:
            answers = found.execute("SELECT count(*) FROM answers WHERE complete").fetchone()
        assert answers == (sent,)
        for left in table.parent.glob("jobs.db*"):
            left.unlink()
        rescued.rename(table)
        finished(one)
        assert one.calls() == 60


def test_a_reader_that_stays_for_long_does_not_stop_the_run(
    tmp_path: Path, prefork: Prefork
) -> None:
    with scene(tmp_path, rows=300, prefork=prefork, latency=0.0) as one:
        run = one.start()
        assert one.until_calls(10, run)
        with closing(sqlite3.connect(one.workspace.table)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM jobs").fetchone()
            assert run.wait() == Exit.DONE, run.stderr
            log = one.workspace.table.with_name("jobs.db-wal").stat().st_size
            print(f"the log grew to {log / 1e6:.1f} MB for 300 rows")
            assert log < 20_000_000
        assert not audit(one, []).problems


def test_a_writer_that_holds_the_table_is_waited_for(tmp_path: Path, prefork: Prefork) -> None:
    held = 3.0
    with scene(tmp_path, rows=16, prefork=prefork, latency=0.3) as one:
        run = one.start()
        assert one.until_calls(16, run)
        with closing(sqlite3.connect(one.workspace.table, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(held)
            other.execute("ROLLBACK")
        assert run.wait() == Exit.DONE, run.stderr
        assert one.calls() == 16
        assert not audit(one, []).problems


@pytest.mark.parametrize("kind", ["nfs", "cifs", "9p", "fuse.sshfs", "smb3", "drvfs"])
def test_on_a_network_disk_the_table_is_written_the_safe_way(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/x / ext4 rw 0 0\nhost:/share {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(filesystem, "MOUNTS", mounts)
    table = tmp_path / "jobs.db"
    engine = database.open_sqlite(table)
    with engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    engine.dispose()
    assert (mode, level) == ("delete", 3)


# --- memory and descriptors -----------------------------------------------------------------------


def limited(scene: Scene, *limits: str) -> "subprocess.CompletedProcess[bytes]":
    """A run under `ulimit`."""
    words = scene.words("-c", "100")
    line = "; ".join(f"ulimit {one}" for one in limits) + '; exec "$@"'
    return subprocess.run(
        ["bash", "-c", line, "bash", *words],
        env=scene.environment(), capture_output=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ulimit is of Unix")
def test_with_few_descriptors_fewer_calls_run_and_a_person_is_told(tmp_path: Path) -> None:
    with scene(tmp_path, rows=120, endpoint="chat-image", latency=0.05) as one:
        done = limited(one, "-n 128")
        told = done.stderr.decode()
        assert done.returncode == Exit.DONE, told
        assert "ulimit" in told
        assert one.gateway.gateway.max_in_flight < 100
        assert not audit(one, []).problems


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ulimit is of Unix")
def test_without_memory_a_run_ends_like_any_other_death(tmp_path: Path) -> None:
    with scene(tmp_path, rows=200, latency=0.0) as one:
        done = limited(one, "-v 420000")
        print(done.returncode, done.stderr.decode()[-300:])
        photos = [one.photo("after")]
        finished(one)
        assert not audit(one, photos).problems


def test_a_slow_disk_holds_up_new_calls_and_loses_none(tmp_path: Path, prefork: Prefork) -> None:
    """While files cannot be flushed, only a bounded number of answers waits."""
    with scene(tmp_path, rows=24, endpoint="chat-image", latency=0.0, prefork=prefork) as one:
        run = one.start(concurrency=4, ROWMILL_FAILPOINT="disk.flush=sleep:0.2")
        most = 0
        while run.alive:
            waiting = one.query("SELECT count(*) FROM calls WHERE wire IS NULL")
            most = max(most, sum(count for (count,) in waiting))
            time.sleep(0.02)
        assert run.wait() == Exit.DONE, run.stderr
        assert most <= 4
        assert not audit(one, []).problems


# --- the terminal and the clock -------------------------------------------------------------------


def test_a_hangup_drains_like_ctrl_c(tmp_path: Path, prefork: Prefork) -> None:
    with scene(tmp_path, rows=60, prefork=prefork, latency=0.4) as one:
        run = one.start()
        assert one.until_calls(16, run)
        run.signal(signal.SIGHUP)
        one.until_printed("Stopping", run)
        begun = one.begun()
        assert run.wait() == Exit.INTERRUPTED, run.stderr
        assert one.calls() <= begun < 60
        assert one.query("SELECT count(*) FROM calls WHERE wire IS NULL") == [(0,)]
        finished(one)
        assert one.calls() == 60


@pytest.mark.deep
def test_a_kill_ten_seconds_after_sigterm_is_like_any_other(
    tmp_path: Path, prefork: Prefork
) -> None:
    """As a service manager stops a process, only sooner: no call starts after SIGTERM."""
    ended = "SELECT count(*) FROM calls WHERE wire IS NOT NULL"
    with scene(tmp_path, rows=60, prefork=prefork, latency=(0.1, 4.0)) as one:
        run = one.start()
        assert one.until_calls(20, run)
        run.signal(signal.SIGTERM)
        one.until_printed("Stopping", run)
        begun, before = one.begun(), one.query(ended)
        assert one.until(lambda: one.query(ended) > before, run)
        assert run.kill()
        assert one.calls() <= begun < 60
        photos = [one.photo("after")]
        assert photos[0].open_calls
        finished(one)
        assert not audit(one, photos).problems


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a pseudo-terminal")
def test_a_terminal_that_goes_away_stops_the_run_in_order(tmp_path: Path) -> None:
    with scene(tmp_path, rows=60, latency=0.4) as one:
        outer, inner = pty.openpty()
        words = [word for word in one.words() if word not in ("--progress", "none")]
        process = subprocess.Popen(
            ["env", "--default-signal=HUP", "setsid", "--ctty", *words],  # nohup would persist
            stdin=inner, stdout=inner, stderr=inner, env=one.environment(),
        )  # fmt: skip
        os.close(inner)
        drain = threading.Thread(target=drained, args=(outer,), daemon=True)
        drain.start()
        assert one.until(lambda: one.calls() >= 16)
        os.close(outer)
        assert process.wait(60) in (Exit.INTERRUPTED, Exit.OUTPUT)
        sent = one.calls()
        assert sent < 60
        assert one.query("SELECT count(*) FROM calls WHERE wire IS NULL") == [(0,)]
        finished(one)
        assert one.calls() == 60


def drained(terminal: int) -> None:
    """Read what a terminal shows until it is closed."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


def test_a_blocked_event_loop_puts_no_call_in_doubt(tmp_path: Path, prefork: Prefork) -> None:
    with scene(tmp_path, rows=12, prefork=prefork, latency=0.2) as one:
        run = one.start(concurrency=6, ROWMILL_FAILPOINT="answer.spooled=sleep:0.5")
        assert run.wait() == Exit.DONE, run.stderr
        assert one.calls() == 12
        assert one.query("SELECT count(*) FROM calls WHERE wire = 'D'") == [(0,)]


def test_one_step_that_breaks_fails_its_row_and_no_other(tmp_path: Path, prefork: Prefork) -> None:
    """If a bug of ours breaks a step, the answer is kept, and a fixed version reads it."""
    with scene(tmp_path, rows=12, prefork=prefork, latency=0.0) as one:
        run = one.start(concurrency=1, ROWMILL_FAILPOINT="answer.parsed=break@12")
        assert run.wait() == Exit.SOME_FAILED, run.stderr
        assert one.query("SELECT state, count(*) FROM jobs GROUP BY state ORDER BY state") == [
            ("done", 11),
            ("failed", 1),
        ]
        assert one.query("SELECT count(*) FROM answers WHERE complete") == [(12,)]
        assert one.start().wait() == Exit.SOME_FAILED, "the same version reads nothing new"
        with closing(sqlite3.connect(one.workspace.table)) as table, table:
            table.execute("UPDATE runs SET program = '0.0.9'")
        run = one.start()
        assert run.wait() == Exit.DONE, run.stderr
        assert one.calls() == 12, "what was paid for is read again, not bought"
        assert not audit(one, []).problems
