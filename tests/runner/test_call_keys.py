"""An Idempotency-Key belongs to the bytes of its body: another body goes out with another key."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from runner.protocol.call import Call, EncodedBody
from runner.protocol.call_key import bound_key, unbound_key
from runner.transport.bodies import encoded
from tests.support.trap import chat
from tests.support.trap_server import Injected, TrapServer
from tests.support.world import TEXT, World

CALL = Call(path="/v1/chat/completions", json={"prompt": "a cat"})
MODELS = Injected(body=b'{"object": "list", "data": []}')
REFUSAL = b'{"error": {"message": "Invalid API key", "code": "invalid_api_key"}}'


@pytest.fixture
def server(world: World) -> Iterator[TrapServer]:
    """A gateway whose answers the test sets."""
    bill = world.folder.parent / "bill-of-answers.jsonl"
    world.bills.append(bill)
    found = TrapServer((), (), models=MODELS, bill=bill)
    world.monkeypatch.setenv("ROWMILL_BASE_URL", found.url)
    yield found
    found.close()


def key_of(call: Call) -> str:
    body = encoded(call).encoded
    assert isinstance(body, EncodedBody)
    return bound_key("rowmill-7", call, body)


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, json={"prompt": "a dog"}),
        replace(CALL, json={"prompt": "a cat", "stream": True}),
        replace(CALL, path="/v1/messages"),
    ],
)
def test_another_request_has_another_key_and_the_same_request_the_same(other: Call) -> None:
    assert key_of(CALL) == key_of(replace(CALL))
    assert key_of(other) != key_of(CALL)


def test_the_tables_key_is_found_in_the_key_that_was_sent() -> None:
    assert unbound_key(key_of(CALL)) == unbound_key("rowmill-7") == "rowmill-7"


@pytest.mark.parametrize(("fault", "same"), [("502", True), ("504", False)])
def test_a_repeat_has_the_key_of_its_call_only_with_the_same_body(
    world: World, fault: str, same: bool
) -> None:
    world.mock({"cat": [fault]})
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    first, repeat = world.calls
    assert (first["key"] == repeat["key"]) is same, "a repeat after 504 is streamed"
    assert unbound_key(first["key"]) == unbound_key(repeat["key"])


@pytest.mark.parametrize(
    ("own", "then", "same"),
    [
        ((), ("--set", "stream=true"), False),
        (("--set", "stream=true"), ("--set", "stream=false"), False),
        ((), (), True),
    ],
)
def test_a_row_put_back_by_an_earlier_run_keeps_its_key_only_with_its_bytes(
    world: World, server: TrapServer, own: tuple[str, ...], then: tuple[str, ...], same: bool
) -> None:
    server.answers = [Injected(status=401, body=REFUSAL, free=True)]
    server.models = Injected(status=401, body=REFUSAL)
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT, *own).code == 6
    first = server.asked[-1]
    server.models, server.answers = MODELS, [chat("Hello.")]
    done = world.run("run", sheet, "-y", *then)
    assert done.code == 0, done.err
    last = server.asked[-1]
    assert (first.body == last.body) is same
    assert (first.headers["idempotency-key"] == last.headers["idempotency-key"]) is same
