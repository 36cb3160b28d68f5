"""Asks a gateway for the models it offers. The list is free, and it proves a key."""

import json

from jobs.job import JSON
from runner.protocol.call import Call, Delivery, Reply
from runner.transport.client import GatewayClient, Target

MODELS = "/v1/models"
MODELS_TIMEOUT_SECONDS = 15.0


async def ask_for_models(target: Target) -> Delivery:
    """What came of asking for the list."""
    async with GatewayClient(target, in_flight=1) as wire:
        return await wire.send(Call(path=MODELS, method="GET", timeout=MODELS_TIMEOUT_SECONDS))


def models_in(delivery: Delivery) -> tuple[str, ...] | None:
    """The names in any known form of model list; None if the answer is no such list."""
    if not isinstance(delivery, Reply) or delivery.status != 200:
        return None
    found = json_object(delivery.body)
    data = (found or {}).get("data", (found or {}).get("models"))
    if not isinstance(data, list):
        return None
    names = [one.get("id") or one.get("name") if isinstance(one, dict) else one for one in data]
    return tuple(sorted({name for name in names if isinstance(name, str)}))


def json_object(body: bytes) -> dict[str, JSON] | None:
    """The JSON object of a body, or None if it is something else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
