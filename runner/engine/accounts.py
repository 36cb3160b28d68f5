"""Opens the connections of one run: a wire for each key, with the keys grouped by account."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Protocol

from jobs.store.log import account_of
from jobs.store.writer import TableWriter
from runner.engine.descriptors import max_connections
from runner.pacing.accounts import Account, Accounts, KeyLine
from runner.pacing.pace import Pace, auto_calls
from runner.pacing.quota import Quota, QuotaStore, SharedQuota
from runner.pacing.rate_window import Limits
from runner.protocol.lane_rule import FLEX
from runner.settings.keys import OwnedKey
from runner.settings.schema import AUTO
from runner.settings.settings import Settings
from runner.settings.values import site
from runner.transport.addresses import proxy_for
from runner.transport.client import GatewayClient, Target

MAX_CALLS_IN_FLIGHT = 1000
"""The most calls at once that `steer -c` may raise a run to."""
POLL_WORKERS = 8  # questions after remote tasks at once
FILE_WORKERS = 16  # downloads at once


def limits_of(settings: Settings, *, accounts: int = 1) -> Limits:
    """What the user allows each account, as far as this process has descriptors for it."""
    auto = settings.concurrency == AUTO
    patient = settings.lane == FLEX
    wanted = auto_calls(patient=patient) if auto else int(settings.concurrency)
    fitting = max_connections(wanted * accounts, POLL_WORKERS + FILE_WORKERS) // accounts
    return Limits(
        in_flight=max(1, fitting),
        auto=auto,
        rpm=settings.rpm,
        tpm=settings.tpm,
        patient=patient,
    )


async def open_accounts(
    stack: AsyncExitStack, settings: Settings, keys: Sequence[OwnedKey], writer: TableWriter
) -> Accounts:
    """The accounts of a run; the stack closes their wires."""
    quotas = await _quotas(stack, settings, writer)
    proxy = settings.provider.proxy.reveal() if settings.provider.proxy else None
    proxy = proxy_for(settings.base_url, os.environ, own=proxy)
    limits = limits_of(settings, accounts=len(keys))
    in_flight = max(limits.in_flight, MAX_CALLS_IN_FLIGHT) + POLL_WORKERS
    accounts: dict[str, Account] = {}
    for number, owned in enumerate(keys, start=1):
        label = account_label(settings.provider.name, owned, number, among=len(keys))
        target = Target(
            base_url=settings.base_url,
            key=owned.key,
            proxy=proxy,
            headers=settings.provider.headers,
        )
        wire = await stack.enter_async_context(GatewayClient(target, in_flight=in_flight))
        if label not in accounts:
            pace = Pace(limits, quota=quotas.of(owned, limits))
            accounts[label] = Account(label=label, pace=pace, lines=[])
        accounts[label].lines.append(
            KeyLine(
                name=f"{settings.provider.name} key {number}", wire=wire, mark=quotas.mark(owned)
            )
        )

    async def label_of_call(call_id: int) -> str | None:
        return await writer.do(lambda tx: account_of(tx, call_id))

    return Accounts(accounts.values(), label_of_call)


def account_label(provider: str, owned: OwnedKey, number: int, *, among: int) -> str:
    """The account's name in the table."""
    if owned.account is not None:
        return f"{provider}/{owned.account}"
    return provider if among == 1 else f"{provider}/key {number}"


class Quotas(Protocol):
    """Limits of accounts that other processes share."""

    def of(self, owned: OwnedKey, limits: Limits) -> Quota | None:
        """The quota of a key's account; None if there is no limit to share."""
        ...

    def mark(self, owned: OwnedKey) -> str:
        """What tells other hosts which key this is, and nobody else what it is."""
        ...


async def _quotas(stack: AsyncExitStack, settings: Settings, writer: TableWriter) -> Quotas:
    """Those of this machine, or those of all hosts of a shared table."""
    if not writer.store.shared:
        return MachineQuotas(site(settings.base_url))
    from runner.engine.host_quotas import HostQuotas  # noqa: PLC0415 - only on a shared table

    own = writer.store.beside_reading()
    return await asyncio.to_thread(HostQuotas.of_store, stack, own, site(settings.base_url))


class MachineQuotas:
    """Limits belong to an account, so every process on this machine shares them in a file."""

    def __init__(self, of_site: str) -> None:
        self._site = of_site

    def of(self, owned: OwnedKey, limits: Limits) -> Quota | None:
        """The quota of a key's account; None if there is no limit to share."""
        if limits.rpm is None and limits.tpm is None:
            return None
        from platformdirs import user_state_path  # noqa: PLC0415 - only where there is a limit

        place = QuotaStore(folder=user_state_path("rowmill", appauthor=False) / "pace")
        try:
            path = place.of(f"{self._site} {owned.account_words}")
        except OSError:  # the quota finds that it cannot write there, and says so
            path = place.folder / "none"
        return SharedQuota(path, limits)

    def mark(self, owned: OwnedKey) -> str:
        """No other host is to be told."""
        del owned
        return ""
