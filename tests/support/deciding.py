"""A server in a world that answers each request by what it asks for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.trap_server import Asked, Injected, TrapServer
from tests.support.world import World

MODELS = Injected(body=b'{"object": "list", "data": []}')


@contextmanager
def deciding(
    world: World, decide: Callable[[Asked], Injected], *, models: Injected = MODELS
) -> Iterator[TrapServer]:
    """Known to every command from now on; it bills what it gives away."""
    world.bills.append(world.folder.parent / f"bill-deciding-{len(world.bills)}.jsonl")
    server = TrapServer((), (), models=models, bill=world.bills[-1])
    server.decide = decide
    world.monkeypatch.setenv("ROWMILL_BASE_URL", server.url)
    try:
        yield server
    finally:
        server.close()


def prompt_of(asked: Asked) -> str:
    """The words of a chat request."""
    return str(asked.json["messages"][-1]["content"])
