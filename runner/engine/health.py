"""Asks the gateway itself how it is, which costs nothing."""

from enum import Enum

from runner.protocol.call import Call, Reply
from runner.transport.client import GatewayClient

SECONDS = 20.0


class ModelListHealth(Enum):
    """What the list of models tells."""

    GOOD = "good"
    KEY = "key"  # it is there, and does not accept this key
    GONE = "gone"  # nobody is there, or somebody else: the login page of a network


async def health(wire: GatewayClient) -> ModelListHealth:
    """How the gateway is, asked for its list of models."""
    found = await wire.send(Call(path="/v1/models", method="GET", timeout=SECONDS))
    if not isinstance(found, Reply) or found.status >= 500 or 300 <= found.status < 400:
        return ModelListHealth.GONE
    if found.body.lstrip()[:1] == b"<" and found.status == 200:
        return ModelListHealth.GONE
    return ModelListHealth.KEY if found.status in (401, 403) else ModelListHealth.GOOD
