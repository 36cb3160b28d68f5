"""Answers that an older version could not read are read again, without another call."""

import json

from sqlalchemy import select

from jobs.store import Store
from jobs.store.answers import answer as stored_answer
from jobs.store.answers import files_of
from jobs.store.queue.settles import Answer, replace_answer
from jobs.store.schema import jobs
from runner.steps.reread import read_again
from tests.support.deciding import deciding
from tests.support.trap import answer
from tests.support.world import World


def test_an_address_relative_to_the_gateway_is_completed_when_it_is_read_again(
    world: World,
) -> None:
    with deciding(world, lambda asked: answer({"data": []})) as server:
        sheet = world.prompts("a.csv", "a cat")
        done = world.run("run", sheet, "-e", "image", "-m", "m", "-y")
        assert done.code == 4, done.err
        workspace = world.workspace(sheet)
        with Store.open(workspace.table) as store:
            with store.write() as tx:
                job = tx.execute(select(jobs.c.id, jobs.c.call_id)).one()
                assert stored_answer(tx, job.call_id) is not None
                body = json.dumps({"data": [{"url": "/files/a.png"}]}).encode()
                digest = b"0" * 16
                readable = Answer(
                    status=200, headers="{}", body=body, size=len(body), digest=digest
                )
                replace_answer(tx, job.call_id, readable)
            assert read_again(store, workspace) == 1
            with store.read() as tx:
                (file,) = files_of(tx, job.id, job.call_id)
        host = server.url.split("/v1")[0]
        assert file.url == f"{host}/files/a.png"
