"""The provider batches that this process has in hand, each with what its steps work with."""

from collections.abc import Callable
from pathlib import Path

from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.moves import lease
from runner.lanes.batch_offers import batch_offer, form_of
from runner.lanes.batch_wire import BatchForm, BatchOffer
from runner.protocol.lane_rule import LaneRule
from runner.steps.batch_hand import BatchInHand
from runner.steps.context import StepServices


class BatchHands:
    """Takes batches in hand, as far as this host has the key of their account.

    `own` is what the person's settings say about batches; `lines_of` names the file of the lines.
    """

    def __init__(
        self,
        services: StepServices,
        base_url: str,
        own: LaneRule | None,
        *,
        lines_of: Callable[[int], Path],
    ) -> None:
        self._services = services
        self._base_url = base_url
        self._own = own
        self._lines_of = lines_of
        self._batches: dict[int, ProviderBatch] = {}
        self._tools: dict[int, BatchInHand] = {}

    def has_key_of(self, batch: ProviderBatch) -> bool:
        """True if this host can ask after the batch."""
        known = self._services.accounts.line_labelled(batch.account) is not None
        return known and batch.base_url == self._base_url

    async def take(self, batch: ProviderBatch) -> ProviderBatch | None:
        """The batch, leased; None if another host has it."""
        mine = self._batches.get(batch.id)
        if mine is not None and (mine.owner, mine.epoch) == (batch.owner, batch.epoch):
            return batch
        writer = self._services.writer
        return await writer.do(lambda tx: lease(tx, writer.holding, batch))

    def keep(self, batch: ProviderBatch) -> None:
        """It is in hand, as it is now; one that has ended for us is not any more."""
        if batch.is_open:
            self._batches[batch.id] = batch
        else:
            self.forget(batch.id)
            self._lines_of(batch.id).unlink(missing_ok=True)

    def forget(self, number: int) -> None:
        """Another host has it."""
        self._batches.pop(number, None)
        self._tools.pop(number, None)

    def tools_of(self, batch: ProviderBatch) -> BatchInHand:
        """What the steps of a batch work with."""
        found = self._tools.get(batch.id)
        if found is None:
            line = self._services.accounts.line_labelled(batch.account)
            assert line is not None
            # an offer may have gone from settings or data since it was bought
            form = self.form_of(batch.endpoint, batch.model) or form_of(BatchOffer(form=batch.form))
            found = self._tools[batch.id] = BatchInHand(
                services=self._services,
                form=form,
                wire=line.wire,
                lines=self._lines_of(batch.id),
            )
        return found

    def form_of(self, endpoint: str, model: str) -> BatchForm | None:
        """How batches of this kind are worded; None if they are not sold here."""
        offer = batch_offer(self._base_url, self._own, endpoint, model)
        return None if offer is None else form_of(offer)
