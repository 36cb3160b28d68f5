"""The gateway as the page asks about it: presets, its models, a new key that is tested and kept."""

import asyncio
import os

from jobs.job import JSON, FailureClass
from runner.catalogue import explain, say
from runner.exits import Refusal
from runner.preflight.gateway_info import ask_gateway, target_of
from runner.preflight.models import ask_for_models, models_in
from runner.protocol.call import Delivery, Reply
from runner.secret import Secret
from runner.settings.keys import NO_KEY, find_key, key_file, new_key, store_key
from runner.settings.presets import PRESETS
from runner.settings.settings import Settings
from runner.settings.values import site

REFUSED = frozenset({401, 403})
MAX_MODELS = 2000


def presets() -> list[JSON]:
    """The providers that need only a key, by name."""
    return [
        {"name": name, "base_url": preset.base_url}
        for name, preset in PRESETS.items()
        if preset.base_url is not None
    ]


def models_of(settings: Settings) -> dict[str, JSON]:
    """The models of the gateway, or why they are unknown. Its price list is kept on the way."""
    if not settings.address_is_own:
        return {"models": None, "words": say("desk.address_foreign", url=settings.base_url)}
    target = target_of(settings, find_key(settings, os.environ) or Secret(NO_KEY))
    delivery = asyncio.run(ask_for_models(target))
    models = models_in(delivery)
    if models is None:
        return {"models": None, "words": _why(delivery, settings)}
    ask_gateway(target)
    return {
        "models": list(models[:MAX_MODELS]),
        "words": say("desk.models", count=f"{len(models):,}", site=site(settings.base_url)),
    }


def keep_key(settings: Settings, text: str) -> str:
    """Test a key with the free list of models and store it. Raises Refusal if it is not kept."""
    if not settings.address_is_own:
        raise Refusal(say("desk.address_foreign", url=settings.base_url))
    key = new_key(text)
    delivery = asyncio.run(ask_for_models(target_of(settings, key)))
    if not isinstance(delivery, Reply) or delivery.status in REFUSED:
        raise Refusal(say("desk.key_not_kept", reason=_why(delivery, settings)))
    store_key(settings.base_url, key, key_file())
    proven = models_in(delivery) is not None
    words = "desk.key_kept" if proven else "desk.key_kept_unproven"
    return say(words, site=site(settings.base_url))


def _why(delivery: Delivery, settings: Settings) -> str:
    """Why there is no list of models."""
    place = site(settings.base_url)
    if not isinstance(delivery, Reply):
        told = explain(FailureClass.NETWORK, getattr(delivery, "cause", ""))
        return say("desk.unreached", site=place, reason=told.meaning)
    if delivery.status in REFUSED:
        return say("desk.key_refused", site=place)
    return say("desk.no_models", site=place, status=str(delivery.status))
