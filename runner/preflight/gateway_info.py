"""Asks a gateway for its prices and its balance. Free, quick, and never fails a run."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from runner.catalogue.reasons import reason
from runner.exits import Refusal
from runner.preflight.pending_work import PendingWork
from runner.prices.balance import Balance, read_billing, read_token_usage
from runner.prices.gateway_prices import read_price_list
from runner.prices.tariff import Tariff
from runner.protocol.call import Call, Delivery, Reply
from runner.secret import Secret, redacted
from runner.settings.keys import OwnedKey, sending_keys
from runner.settings.settings import Settings
from runner.transport.addresses import proxy_for
from runner.transport.client import GatewayClient, Target, TargetError

PRICING = "/api/pricing"
TOKEN_USAGE = "/api/usage/token"  # noqa: S105 - a path
SUBSCRIPTION = "/v1/dashboard/billing/subscription"
USAGE = "/v1/dashboard/billing/usage"
BUSY_STATUSES = frozenset({429, 503})
RETRY_DELAY_SECONDS = 1.0
INFO_TIMEOUT_SECONDS = 5.0  # this is only information, so a run waits no longer for it
MAX_KEPT_LIST_BYTES = 8 << 20  # bytes of a price list that is kept
KEPT_LIST_SECONDS = 30 * 86_400.0  # seconds that a kept price list is still shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListing:
    """A gateway's price list, and when it was fetched (Unix seconds)."""

    tariffs: Mapping[str, Tariff] = field(default_factory=dict)
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayInfo:
    """A gateway's price list and balance; None if it does not tell them."""

    listing: PriceListing | None = None
    balance: Balance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySession:
    """A gateway with the keys to use there, and what it told of itself."""

    keys: tuple[OwnedKey, ...]
    target: Target = field(repr=False)
    info: GatewayInfo


def open_gateway(settings: Settings, key: Secret | None, work: PendingWork) -> GatewaySession:
    """Find keys and address, and ask the gateway. Raises Refusal if one cannot be used.

    `key` replaces all others in a rehearsal. Nothing is asked of an address that only a file
    beside the sheet names.
    """
    keys = (OwnedKey(key=key),) if key is not None else sending_keys(settings, os.environ)
    try:
        target = target_of(settings, keys[0].key)
    except TargetError as error:
        raise Refusal(reason(error)) from error
    asks = settings.address_is_own and work.calls(settings.limit)
    info = ask_gateway(target) if asks else GatewayInfo()
    return GatewaySession(keys=keys, target=target, info=info)


def target_of(settings: Settings, key: Secret) -> Target:
    """Where questions to the gateway go.

    Raises TargetError for a key or proxy that cannot be used.
    """
    proxy = settings.provider.proxy.reveal() if settings.provider.proxy else None
    return Target(
        base_url=settings.base_url,
        key=key,
        proxy=proxy_for(settings.base_url, os.environ, own=proxy),
        headers=settings.provider.headers,
    )


def ask_gateway(target: Target) -> GatewayInfo:
    """Ask for prices and balance. If there is no price list now, the one of last time is used."""
    replies = asyncio.run(_ask(target, (PRICING, TOKEN_USAGE, SUBSCRIPTION, USAGE)))
    pricing, *balance = replies
    tariffs = read_price_list(pricing) if pricing else None
    listing = None
    if tariffs:
        listing = PriceListing(tariffs=tariffs, at=time.time())
        _keep(target.base_url, pricing)
    return GatewayInfo(listing=listing or last_listing(target.base_url), balance=_balance(*balance))


def known_info(base_url: str) -> GatewayInfo:
    """What is known of a gateway without asking it."""
    return GatewayInfo(listing=last_listing(base_url))


def read_balance(target: Target) -> Balance | None:
    """Ask for the balance alone."""
    return _balance(*asyncio.run(_ask(target, (TOKEN_USAGE, SUBSCRIPTION, USAGE))))


def _balance(token: bytes, subscription: bytes, usage: bytes) -> Balance | None:
    found = read_token_usage(token) or read_billing(subscription, usage)
    if found is not None and found.left is None:
        # A key without a limit of its own; what the account has may be told by the other call.
        account = read_billing(subscription, usage)
        return account if account is not None and account.left is not None else found
    return found


async def _ask(target: Target, paths: tuple[str, ...]) -> list[bytes]:
    """The bodies of the answers; empty where the answer was none of use."""
    async with GatewayClient(target, in_flight=len(paths)) as client:
        replies = await asyncio.gather(*(_get(client, path) for path in paths))
    return [one.body if isinstance(one, Reply) and one.status == 200 else b"" for one in replies]


async def _get(client: GatewayClient, path: str) -> Delivery:
    """One answer; a gateway that is busy is asked once more."""
    call = Call(path=path, method="GET", timeout=INFO_TIMEOUT_SECONDS)
    found = await client.send(call)
    if isinstance(found, Reply) and found.status in BUSY_STATUSES:
        await asyncio.sleep(RETRY_DELAY_SECONDS)
        found = await client.send(call)
    return found


# --- the price list of last time -----------------------------------------------------------------


def last_listing(base_url: str) -> PriceListing | None:
    """The price list that this gateway gave last time, or None."""
    try:
        found = json.loads(_file(base_url).read_text(encoding="utf-8"))
        at, body = float(found["at"]), str(found["body"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    tariffs = read_price_list(body.encode())
    return (
        PriceListing(tariffs=tariffs, at=at)
        if tariffs and 0 <= time.time() - at < KEPT_LIST_SECONDS  # not from the future
        else None
    )


def _keep(base_url: str, body: bytes) -> None:
    if len(body) > MAX_KEPT_LIST_BYTES:
        return
    file = _file(base_url)
    text = redacted(body.decode("utf-8", "replace"))  # a server may echo the key
    record = {"base_url": base_url, "at": time.time(), "body": text}
    with suppress(OSError):  # without it `check` only knows fewer prices
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        part.replace(file)


def _file(base_url: str) -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415 - most commands do without it

    name = hashlib.blake2b(base_url.encode(), digest_size=8).hexdigest()
    return user_cache_path("rowmill", appauthor=False) / f"prices-{name}.json"
