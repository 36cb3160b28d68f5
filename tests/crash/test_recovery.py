"""Claims about kills during the recovery of an earlier kill: replaying is idempotent."""

import json
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from runner.exits import Exit
from runner.spool import Spool, pack
from runner.wire import Reply

from .audit import audit
from .harness import Run, Scene, scene


def runs_written(scene: Scene) -> int:
    """Runs that wrote down their beginning; recovery follows at once."""
    found = scene.query("SELECT count(*) FROM runs")
    return int(found[0][0]) if found else 0


def in_recovery(scene: Scene) -> Run:
    """A run that has just begun to recover."""
    before = runs_written(scene)
    run = scene.start()
    assert scene.until(lambda: runs_written(scene) > before, run)
    return run


def answer_of(request: str, text: str) -> Reply:
    """A whole chat answer as the gateway sends it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
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


def test_kills_during_recovery_repeat_nothing_and_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    with scene(tmp_path, rows=40, latency=1.5) as one:
        run = one.start()
        assert one.until_calls(16, run)
        run.kill()
        spooled = spool_open_calls(one)
        assert len(spooled) == 16
        photos = [one.photo("0")]
        for number in range(1, 7):
            run = in_recovery(one)
            time.sleep(chance.uniform(0.0, 0.04))
            run.kill()
            photos.append(one.photo(str(number)))
        assert one.start().wait() == Exit.DONE
        found = audit(one, photos)
        assert not found.problems
        kept = one.query("SELECT count(*) FROM attempts WHERE text = 'kept by the spool'")
        assert kept == [(16,)]


def test_an_answer_in_spool_and_table_alike_does_not_stop_the_next_run(tmp_path: Path) -> None:
    """Killed after the commit and before the spool forgot it, with the files being saved."""
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
