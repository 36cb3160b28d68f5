"""Checks a gateway by its list of models, which costs nothing."""

from enum import Enum

from runner.protocol.call import Call, Reply
from runner.transport.client import GatewayClient

TIMEOUT_SECONDS = 20.0


class ModelListHealth(Enum):
    """What asking for the list of models showed."""

    GOOD = "good"
    KEY = "key"  # it answers, and does not accept this key
    GONE = "gone"  # no answer, or one that is not the gateway's: a network's login page


async def health(wire: GatewayClient) -> ModelListHealth:
    """Ask the gateway for its list of models."""
    found = await wire.send(Call(path="/v1/models", method="GET", timeout=TIMEOUT_SECONDS))
    if not isinstance(found, Reply) or found.status >= 500 or 300 <= found.status < 400:
        return ModelListHealth.GONE
    if found.body.lstrip()[:1] == b"<" and found.status == 200:
        return ModelListHealth.GONE
    return ModelListHealth.KEY if found.status in (401, 403) else ModelListHealth.GOOD
