"""Cancels provider batches and removes their files, where no run does it."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from jobs.store.provider_batches.batch import ProviderBatch
from runner.engine.accounts import account_label
from runner.lanes.batch_offers import batch_offer, form_of
from runner.lanes.batch_wire import BatchForm, BatchOffer
from runner.protocol.call import Reply
from runner.protocol.lane_rule import BATCH
from runner.settings.keys import OwnedKey
from runner.settings.settings import Settings
from runner.steps.batch_asking import delete_files
from runner.transport.addresses import proxy_for
from runner.transport.client import GatewayClient, Target


class BatchErrands:
    """What is done for batches at one address, with the key of each batch's account."""

    def __init__(self, settings: Settings, wires: dict[str, GatewayClient]) -> None:
        self._settings = settings
        self._wires = wires

    def has_key_for(self, batch: ProviderBatch) -> bool:
        """True if the batch is at this address, and a key of its account is here."""
        return batch.base_url == self._settings.base_url and batch.account in self._wires

    async def cancel(self, batch: ProviderBatch) -> bool:
        """Have a batch ended early; False if its provider did not say yes, or never does."""
        form = self._form(batch)
        if batch.remote_id is None or not form.can_cancel:
            return False
        found = await self._wires[batch.account].send(form.cancel(batch.remote_id))
        return isinstance(found, Reply) and 200 <= found.status < 300

    async def clean(self, batch: ProviderBatch) -> bool:
        """Delete what is left of a batch at its provider; True if nothing is."""
        return await delete_files(batch, self._form(batch), self._wires[batch.account])

    def _form(self, batch: ProviderBatch) -> BatchForm:
        """The form in which the batch was created, as far as its provider is still known."""
        own = self._settings.provider.lanes.get(BATCH)
        offer = batch_offer(batch.base_url, own, batch.endpoint, batch.model)
        if offer is None or offer.form != batch.form:
            offer = BatchOffer(form=batch.form)
        return form_of(offer)


@asynccontextmanager
async def errands(settings: Settings, keys: Sequence[OwnedKey]) -> AsyncIterator[BatchErrands]:
    """The errands with these keys; the first key of an account is used."""
    proxy = settings.provider.proxy.reveal() if settings.provider.proxy else None
    proxy = proxy_for(settings.base_url, os.environ, own=proxy)
    wires: dict[str, GatewayClient] = {}
    async with AsyncExitStack() as stack:
        for number, owned in enumerate(keys, start=1):
            label = account_label(settings.provider.name, owned, number, among=len(keys))
            if label in wires:
                continue
            target = Target(
                base_url=settings.base_url,
                key=owned.key,
                proxy=proxy,
                headers=settings.provider.headers,
            )
            wires[label] = await stack.enter_async_context(GatewayClient(target, in_flight=2))
        yield BatchErrands(settings, wires)
