"""Every protocol trap, run through the command line, has its calls, wire classes and row result."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.store.log import call_books
from runner.steps import resolve_poll
from runner.workspace.workspace import SHEET_ID
from tests.support.trap import HERE, Trap, chat, refusal
from tests.support.trap_server import Injected, TrapServer, picture
from tests.support.traps import ELSEWHERE, TRAPS
from tests.support.world import World

TESTS = Path(__file__).parents[1]
TRAPS_IN_ALL = 71
MODELS = Injected(body=b'{"object": "list", "data": []}')


@pytest.fixture
def serving(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Trap], TrapServer]]:
    """Start the server of a trap in this world; waits that only cost time are short."""
    monkeypatch.setattr(resolve_poll, "POLL_SECONDS", 0.05)
    started: list[TrapServer] = []

    def serve(trap: Trap) -> TrapServer:
        bill = world.folder.parent / "bill-of-traps.jsonl"
        world.bills.append(bill)
        server = TrapServer((), (), models=trap.models or MODELS, bill=bill)
        started.append(server)
        server.answers = [_placed(one, server) for one in trap.answers]
        server.polls = [_placed(one, server) for one in trap.polls]
        world.monkeypatch.setenv("ROWMILL_BASE_URL", server.url + trap.base)
        return server

    yield serve
    for server in started:
        server.close()


def _placed(answer: Injected, server: TrapServer) -> Injected:
    """The answer with the server's own address filled in."""
    return replace(answer, body=answer.body.replace(HERE.encode(), server.url.encode()))


@pytest.mark.parametrize("trap", TRAPS, ids=[trap.id for trap in TRAPS])
def test_a_trap_is_not_stepped_into(
    world: World, serving: Callable[[Trap], TrapServer], trap: Trap
) -> None:
    server = serving(trap)
    if trap.settings:
        world.settings(trap.settings)
    (world.folder / "in.png").write_bytes(picture())
    sheet = world.sheet("a.csv", ["prompt", *trap.cells], ["a heron", *trap.cells.values()])
    done = world.run("run", sheet, "-e", trap.endpoint, "-m", trap.model, "-y")
    row = world.results(sheet)[0]
    with world.store(sheet) as store, store.read() as tx:
        wire = "".join(str(wire) for _, wire in call_books(tx, SHEET_ID))
    assert (wire, row["result_status"], row["result_error_class"]) == (
        trap.wire,
        trap.status,
        trap.kind,
    ), done.err
    assert done.code == trap.ends_with, done.err
    assert len(server.asked) == len(trap.wire)
    assert trap.sent(server.asked[-1]), server.asked[-1]
    assert trap.text is None or trap.text in row["result_text"] + row["result_data"]
    assert trap.files is None or len(world.files(sheet)) == trap.files
    for column, value in trap.columns.items():
        assert row[column] == value, column


def test_every_trap_of_the_wire_has_its_case() -> None:
    numbers = {trap.number for trap in TRAPS} | set(ELSEWHERE)
    assert numbers == set(range(1, TRAPS_IN_ALL + 1))


@pytest.mark.parametrize("where", ELSEWHERE.values(), ids=map(str, ELSEWHERE))
def test_a_case_elsewhere_exists(where: str) -> None:
    file, _, name = where.partition("::")
    assert re.search(rf"def {name}\(", (TESTS / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("refused", "at", "left"),
    [
        (refusal(501, "API not implemented", "api_not_implemented"), "endpoint messages", 3),
        (refusal(404, "The model m-1 does not exist", "model_not_found"), "Model m-1 was", 6),
    ],
)
def test_a_refused_form_stops_one_endpoint_and_a_refused_model_all(
    world: World,
    serving: Callable[[Trap], TrapServer],
    refused: Injected,
    at: str,
    left: int,
) -> None:
    server = serving(Trap(number=0, name="forms", answers=(chat("yes"),), wire=""))
    server.by_path["/v1/messages"] = refused
    rows = [["messages", f"a {n}"] for n in range(4)] + [["chat", f"b {n}"] for n in range(3)]
    sheet = world.sheet("a.csv", ["endpoint", "prompt"], *rows)
    done = world.run("run", sheet, "-m", "m-1", "-y", "-c", 1, "--json")
    assert done.code == 6, done.err
    assert at in done.err
    assert (done.json["rows"]["pending"], done.json["rows"]["failed"]) == (left, 1)
    assert [one.path for one in server.asked].count("/v1/messages") == 1
