"""A client of a fault server, for tests of the transport."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runner.protocol.call import Call, Delivery
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target
from runner.transport.receive import ClientLimits
from tests.support.fault_server import FaultServer

KEY = "sk-canary-0123456789abcdef"
CALL = Call(path="/v1/chat/completions", json={"model": "m", "prompt": "猫"}, timeout=5)


@asynccontextmanager
async def wired(
    url: str, *, in_flight: int = 4, proxy: str | None = None, **limits: Any
) -> AsyncIterator[GatewayClient]:
    target = Target(base_url=url, key=Secret(KEY), proxy=proxy)
    async with GatewayClient(target, in_flight=in_flight, limits=ClientLimits(**limits)) as wire:
        yield wire


async def sent_to(server: FaultServer, call: Call = CALL, **limits: Any) -> Delivery:
    async with server, wired(server.url, **limits) as wire:
        return await wire.send(call)
