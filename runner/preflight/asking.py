"""Asks the gateway about itself, before anything is bought of it."""

import os
from dataclasses import dataclass, field

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.exits import Refusal
from runner.preflight.gateway_info import GatewayInfo, ask_gateway
from runner.preflight.pending_work import PendingWork
from runner.secret import Secret
from runner.settings.keys import OwnedKey, find_keys, keys_name
from runner.settings.settings import Settings
from runner.transport.addresses import proxy_for
from runner.transport.client import Target, TargetError


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySession:
    """Who will be asked, with which keys, and what it says of itself."""

    keys: tuple[OwnedKey, ...]
    target: Target = field(repr=False)
    told: GatewayInfo


def open_gateway(settings: Settings, key: Secret | None, due: PendingWork) -> GatewaySession:
    """Find keys and address, and ask. Raises Refusal for want of one that can be used.

    `key` stands for all others where a rehearsal brings its own.
    """
    keys = (OwnedKey(key=key),) if key is not None else _keys(settings)
    target = _target(settings, keys[0].key)
    told = ask_gateway(target) if due.calls(settings.limit) else GatewayInfo()
    return GatewaySession(keys=keys, target=target, told=told)


def _keys(settings: Settings) -> tuple[OwnedKey, ...]:
    found = find_keys(settings, os.environ)
    if not found:
        raise Refusal(say("keys.missing", name=keys_name(settings), url=settings.base_url))
    return found


def _target(settings: Settings, key: Secret) -> Target:
    """Where questions to the gateway go. Raises Refusal for a key or proxy that cannot be used."""
    proxy = settings.provider.proxy.reveal() if settings.provider.proxy else None
    try:
        return Target(
            base_url=settings.base_url,
            key=key,
            proxy=proxy or proxy_for(settings.base_url, os.environ),
        )
    except TargetError as error:
        raise Refusal(reason(error)) from error
