"""Headers from the user's settings are added to every request."""

import pytest

from runner.protocol.call import Call
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target
from tests.support.fault_server import FaultServer
from tests.support.world import TEXT, World

CALL = Call(path="/v1/chat/completions", json={"model": "m"}, timeout=20)
KEY = "sk-canary-4b7f1e9c2d8a6053"


@pytest.mark.parametrize(
    ("headers", "sent", "authorized"),
    [
        ({"api-key": "{key}"}, {"api-key": KEY}, False),
        ({"mj-api-secret": "{key}", "Authorization": "Bearer {key}"}, {"mj-api-secret": KEY}, True),
        ({"x-portkey-provider": "openai"}, {"x-portkey-provider": "openai"}, True),
        ({}, {}, True),
    ],
)
async def test_a_header_of_the_settings_goes_out(
    headers: dict[str, str], sent: dict[str, str], authorized: bool
) -> None:
    async with FaultServer() as server:
        target = Target(base_url=server.url, key=Secret(KEY), headers=headers)
        async with GatewayClient(target, in_flight=1) as client:
            await client.send(CALL)
        (seen,) = server.seen
    assert {name: seen.headers[name] for name in sent} == sent
    assert seen.headers.get("authorization") == (f"Bearer {KEY}" if authorized else None)


def test_headers_of_a_provider_reach_the_gateway(world: World) -> None:
    world.mock()
    world.settings('[provider.wenwen]\nheaders = {x-team = "pictures"}')
    done = world.run("run", world.prompts("a.csv", "a cat"), *TEXT)
    assert done.code == 0, done.err


@pytest.mark.parametrize("line", ['Host = "x"', '"a b" = "x"', "x = 3", 'x = "a\\nb"'])
def test_a_header_that_cannot_be_sent_is_refused(world: World, line: str) -> None:
    world.settings(f"[provider.wenwen.headers]\n{line}")
    assert world.run("run", world.prompts("a.csv", "a cat"), *TEXT).code == 3
