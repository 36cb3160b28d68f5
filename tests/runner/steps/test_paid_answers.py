"""No answer that reached us is paid twice or lost, and what was not sent is free."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from jobs.job import Failure, FailureClass
from jobs.outcome import WireClass
from jobs.store.log import call_books
from runner.lanes.lanes import Lanes
from runner.steps.context import RunState, StepOptions, StepServices
from runner.steps.send import Sender
from runner.workspace.workspace import SHEET_ID
from tests.runner.steps.test_resolve import JOB
from tests.support.trap import chat
from tests.support.trap_server import Injected, TrapServer, picture
from tests.support.world import PICTURE, TEXT, World

MODELS = Injected(body=b'{"object": "list", "data": []}')
MIDJOURNEY = ("-e", "mj-imagine", "-y")
BIG = "x" * 400_000  # an answer larger than the limit goes to a file


@pytest.fixture
def server(world: World) -> Iterator[TrapServer]:
    """A gateway whose answers the test sets."""
    bill = world.folder.parent / "bill-of-answers.jsonl"
    world.bills.append(bill)
    found = TrapServer((), (), models=MODELS, bill=bill)
    world.monkeypatch.setenv("ROWMILL_BASE_URL", found.url)
    yield found
    found.close()


def wires(world: World, sheet: Path) -> str:
    """The wire classes of all calls, in order."""
    with world.store(sheet) as store, store.read() as tx:
        return "".join(str(wire) for _, wire in call_books(tx, SHEET_ID))


# --- complete by its own syntax -------------------------------------------------------------------

PIECES = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello "}}]},
    {"choices": [{"index": 0, "delta": {"content": "there."}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
FINISHED = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in PIECES)


@pytest.mark.parametrize(
    "behind",
    [b"", b"data: [DONE]\n\n", b'data: {"choices":[],"usage":{"prompt_to', b": PING\n\n"],
    ids=["nothing", "done", "half a usage", "a ping"],
)
def test_a_stream_that_breaks_off_behind_its_finish_reason_is_an_answer(
    world: World, server: TrapServer, behind: bytes
) -> None:
    headers = {"Content-Type": "text/event-stream"}
    server.answers = [Injected(body=FINISHED + behind, headers=headers, short=True)]
    sheet = world.sheet("a.csv", ["prompt", "stream"], ["a cat", "true"])
    done = world.run("run", sheet, *TEXT)
    assert (done.code, len(server.asked), wires(world, sheet)) == (0, 1, "C"), done.err
    assert world.column(sheet, "result_text") == ["Hello there."]


@pytest.mark.parametrize("coding", ["", "utf-8", "none", "gzip", "deflate", "br"])
def test_a_json_object_that_closes_is_an_answer(
    world: World, server: TrapServer, coding: str
) -> None:
    headers = {"Content-Encoding": coding} if coding else {}
    answer = chat("Hello.")
    server.answers = [Injected(body=answer.body, headers=headers, short=not coding)]
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT)
    assert (done.code, len(server.asked), wires(world, sheet)) == (0, 1, "C"), done.err
    assert world.column(sheet, "result_text") == ["Hello."]


# --- an answer that could not be stored -----------------------------------------------------------


def test_an_answer_that_the_folder_cannot_take_waits_in_the_spool(
    world: World, server: TrapServer
) -> None:
    server.answers = [chat(BIG)]
    sheet = world.prompts("a.csv", "a cat")
    folder = world.workspace(sheet).folder
    folder.mkdir()
    (folder / "answers").symlink_to("/nowhere/answers")
    stopped = world.run("run", sheet, *TEXT)
    assert (stopped.code, len(server.asked)) == (7, 1), stopped.err
    assert world.standing(sheet) == {"pending": 1}
    again = world.run("run", sheet, "-y")  # the fault remains: nothing is paid, nothing is lost
    assert (again.code, len(server.asked)) == (7, 1), again.err
    (folder / "answers").unlink()
    done = world.run("run", sheet, "-y")
    assert (done.code, len(server.asked), wires(world, sheet)) == (0, 1, "C"), done.err
    assert world.standing(sheet) == {"done": 1}


# --- live and after a crash -----------------------------------------------------------------------

GIVEN = "https://example.com/in.png"


def drawn(server: TrapServer, *, inline: bool) -> Injected:
    """An answer that shows the given picture next to the new one."""
    new = f"{server.url}/files/out.png"
    if inline:
        new = "data:image/png;base64," + base64.b64encode(picture()).decode()
    return chat(f"Here: ![given]({GIVEN})\n![out]({new})")


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("killed", [True, False])
def test_the_given_picture_is_no_result_and_the_new_one_is_saved(
    world: World, server: TrapServer, *, inline: bool, killed: bool
) -> None:
    server.answers = [drawn(server, inline=inline)]
    sheet = world.sheet("a.csv", ["prompt", "image"], ["make it red", GIVEN])
    if killed:
        world.monkeypatch.setenv("ROWMILL_FAILPOINT", "answer.spooled=kill")
        process = world.start("run", sheet, *PICTURE)
        assert world.finish(process).code != 0
        world.monkeypatch.delenv("ROWMILL_FAILPOINT")
    done = world.run("run", sheet, *PICTURE)
    assert (done.code, len(server.asked)) == (0, 1), done.err
    assert len(world.files(sheet)) == 1
    assert GIVEN not in world.column(sheet, "result_urls")[0]


# --- Midjourney -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Injected(body=b"<!doctype html><html><title>Just a moment</title></html>"),
        Injected(body=b""),
        Injected(body=b"{}"),
        Injected(body=b"ok"),
        Injected(status=500, body=b"Internal Server Error"),
        Injected(status=500, body=b"<html><title>500</title></html>"),
        Injected(body=b'{"error": {"message": "upstream error", "type": "upstream_error"}}'),
    ],
    ids=["page", "empty", "object", "words", "500", "500 page", "error"],
)
def test_a_submit_without_a_ticket_and_without_a_refusal_is_held(
    world: World, server: TrapServer, answer: Injected
) -> None:
    server.answers = [answer]
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *MIDJOURNEY)
    assert (done.code, len(server.asked), wires(world, sheet)) == (4, 1, "D"), done.err
    assert world.column(sheet) == ["in_doubt"]
    later = world.run("retry", sheet, "-y")
    assert len(server.asked) == 1, later.err


@pytest.mark.parametrize("result", ["x", "", None])
def test_a_refused_submit_is_free(world: World, server: TrapServer, result: str | None) -> None:
    refused = {"code": 24, "description": "banned prompt", "result": result}
    server.answers = [Injected(body=json.dumps(refused).encode(), free=True)]
    sheet = world.prompts("a.csv", "a heron")
    done = world.run("run", sheet, *MIDJOURNEY)
    assert (done.code, len(server.asked), wires(world, sheet)) == (4, 1, "B"), done.err
    assert world.column(sheet, "result_error_class") == ["refused"]


# --- what was not sent is free, and another body has another key ----------------------------------


def test_other_bytes_go_out_under_another_key(world: World, server: TrapServer) -> None:
    refusal = b'{"error": {"message": "Invalid API key", "code": "invalid_api_key"}}'
    server.answers = [Injected(status=401, body=refusal, free=True)]
    server.models = Injected(status=401, body=refusal)
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).code == 6
    tries = len(server.asked)
    assert world.run("run", sheet, "-y").code == 6
    first, again = (server.asked[number].headers["idempotency-key"] for number in (0, tries))
    assert again == first
    server.models, server.answers = MODELS, [chat("Hello.")]
    done = world.run("run", sheet, "-y", "--set", "temperature=0.1", "--rebuy")
    assert done.code == 0, done.err
    keys: dict[str, set[bytes]] = {}
    for asked in server.asked:
        keys.setdefault(asked.headers["idempotency-key"], set()).add(asked.body)
    assert all(len(bodies) == 1 for bodies in keys.values()), "one key, two bodies"


def test_a_step_that_breaks_before_it_is_sent_costs_nothing() -> None:
    options = cast("StepOptions", SimpleNamespace(lanes=Lanes()))
    services = cast("StepServices", None)  # nothing of it is needed
    state = RunState(max_attempts=5, hold_in_doubt=False, repeats_left=1)
    sender = Sender(options, services, state)
    failure = Failure(kind=FailureClass.CRASHED, cause="ValueError")
    first, second = sender.fail([JOB, replace(JOB, id=2)], failure)
    assert first.settlement.ended is not None
    assert first.settlement.ended.wire is WireClass.NOT_SENT
    assert second.settlement.ended is not None
    assert not second.settlement.ended.is_primary
