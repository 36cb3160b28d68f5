"""A kill during recovery from an earlier kill is harmless: replaying is idempotent."""

import json
import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from runner.exits import Exit
from runner.mock.faults import Fault, FaultPlan
from runner.mock.picture_shapes import PictureShape
from runner.protocol.call import Reply
from runner.steps.recover import MAX_DEATHS
from runner.workspace.spool import Spool, pack

from .audit import audit
from .harness import Run, Scene, prompts_of, scene

_ADOPTED = (
    "SELECT count(*) FROM jobs WHERE state = 'running' "
    "AND owner = (SELECT owner FROM runs ORDER BY id DESC LIMIT 1)"
)
_JOBS_BY_KIND = "SELECT kind, count(*) FROM jobs GROUP BY kind ORDER BY kind DESC"
_RUNS = "SELECT count(*) FROM runs"


def in_recovery(scene: Scene) -> Run:
    """A run that has just taken over from a dead one, and has settled only a few calls."""
    before = scene.query(_RUNS)
    run = scene.start()
    scene.until(lambda: scene.query(_RUNS) > before and scene.query(_ADOPTED) > [(0,)], run)
    return run


def answer_of(request: str, text: str) -> Reply:
    """A complete chat answer as the gateway sends it."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    body = {"id": "c", "object": "chat.completion", "model": "mock-text", "choices": [choice]}
    headers = {"content-type": "application/json", "x-oneapi-request-id": request}
    return Reply(status=200, headers=headers, body=json.dumps(body).encode(), seconds=1.0)


def spool_open_calls(scene: Scene) -> dict[int, str]:
    """Put an answer for every open call into the spool, as if the kill had come a moment later."""
    ids = {line.key: line.id for line in scene.billed()}
    found = scene.query("SELECT id, call_key FROM calls WHERE wire IS NULL")
    spooled = {call: ids[key] for call, key in found if key in ids}
    with (scene.workspace.spool / "00000099.spool").open("wb") as file:
        for call, request in spooled.items():
            file.write(pack(call, answer_of(request, "kept by the spool")))
        file.write(pack(1, answer_of("torn", "torn"))[:-3])
    return spooled


def test_answers_that_came_while_the_table_was_away_survive_a_kill(tmp_path: Path) -> None:
    """A lock of another process blocks the commit, so only the spool has the answers."""
    with scene(tmp_path, rows=16, latency=1.0) as one:
        run = one.start()
        assert one.until_calls(16, run)
        with closing(sqlite3.connect(one.workspace.table, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert one.until(lambda: len(one.spooled()) == 16, run)
            assert run.kill()
            other.execute("ROLLBACK")
        photos = [one.photo("1")]
        assert one.start().wait() == Exit.DONE
        found = audit(one, photos)
        assert not found.problems
        assert found.billed == 16
        assert found.spooled == 16


def test_kills_during_recovery_repeat_nothing_and_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    with scene(tmp_path, rows=40, latency=1.5) as one:
        run = one.start()
        assert one.until_calls(16, run)
        run.kill()
        spooled = spool_open_calls(one)
        assert len(spooled) == 16
        photos = [one.photo("0")]
        for number in range(1, 6):
            run = in_recovery(one)
            time.sleep(chance.choice((0.0, 0.0, 0.005)))
            run.kill()
            photos.append(one.photo(str(number)))
        assert one.start().wait() == Exit.DONE
        found = audit(one, photos)
        assert not found.problems
        kept = one.query("SELECT count(*) FROM attempts WHERE text = 'kept by the spool'")
        assert kept == [(16,)]


def test_calls_without_an_answer_are_settled_in_one_commit(tmp_path: Path) -> None:
    """One commit for each call would delay the first request by one disk flush for each."""
    with scene(tmp_path, rows=16, latency=1.0) as one:
        run = one.start()
        assert one.until_calls(16, run)
        run.kill()
        photos = [one.photo("0")]
        assert one.start().wait() == Exit.DONE
        assert not audit(one, photos).problems
        moments = one.query("SELECT count(*), count(DISTINCT ended_at) FROM calls WHERE wire = 'D'")
        assert moments == [(16, 1)]


def test_an_answer_in_spool_and_table_alike_does_not_stop_the_next_run(tmp_path: Path) -> None:
    """The run was killed after the commit, before the spool was cleared, while saving files."""
    with scene(tmp_path, rows=4, endpoint="chat-image") as one:
        assert one.start().wait() == Exit.DONE
        with closing(sqlite3.connect(one.workspace.table)) as connection, connection:
            connection.execute("UPDATE jobs SET state = 'running', step = 'fetch', owner = 'dead'")
        spool = Spool(one.workspace.spool)
        for call, headers, body in one.query(
            "SELECT call_id, headers, body FROM answers WHERE coding = 'raw'"
        ):
            spool.append(call, Reply(status=200, headers=json.loads(headers), body=body))
        run = one.start()
        assert run.wait() == Exit.DONE, run.stderr
        found = audit(one, [])
        assert not found.problems
        assert found.billed == 4


def test_a_file_that_takes_the_process_down_three_times_fails_alone(tmp_path: Path) -> None:
    """The others are still saved, and a later retry saves this one without a new call."""
    with scene(tmp_path, rows=4, endpoint="chat-image", forms=(PictureShape.MARKDOWN,)) as one:
        assert one.start("--limit", "3").wait() == Exit.DONE
        for _ in range(MAX_DEATHS):
            assert one.start(ROWMILL_FAILPOINT="file.part=kill").wait() == -signal.SIGKILL
        assert one.start().wait() == Exit.SOME_FAILED
        assert one.query(_JOBS_BY_KIND) == [("crashed", 1), (None, 3)]
        assert one.start(command="retry").wait() == Exit.DONE
        assert one.calls() == 4
        assert not audit(one, []).problems


def test_a_file_that_was_being_saved_at_a_death_is_saved_also_by_a_run_that_stops(
    tmp_path: Path,
) -> None:
    """Used-up credit stops new calls, but paid results are still saved."""
    spent = FaultPlan(script={prompts_of(2)[1]: (Fault.CREDIT,) * 9})
    with scene(
        tmp_path, rows=2, endpoint="chat-image", forms=(PictureShape.MARKDOWN,), faults=spent
    ) as one:
        dying = one.start("--limit", "1", ROWMILL_FAILPOINT="file.part=kill")
        assert dying.wait() == -signal.SIGKILL
        assert one.start().wait() == Exit.PROVIDER
        assert one.query("SELECT state, step FROM jobs ORDER BY position") == [
            ("done", "fetch"),
            ("ready", "send"),
        ]
