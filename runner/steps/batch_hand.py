"""One provider batch in hand: what its steps work with, and what they come to."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobs.job import JSON, Failure
from jobs.store import Transaction
from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.moves import not_created
from runner.lanes.batch_clock import next_try
from runner.lanes.batch_wire import BatchForm, BatchOrder, PackedLines, RemoteBatch
from runner.protocol.refusals import Action
from runner.steps.context import StepServices
from runner.transport.client import GatewayClient

STOPS = frozenset({Action.STOP_KEY, Action.STOP_CREDIT})
"""Refusals of the key or the account: the whole run stops, and the batch stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStep:
    """A batch after a step, and what the run should know."""

    batch: ProviderBatch
    refused: Failure | None = None  # why it brought nothing, or brings nothing now
    stop: Action | None = None  # what that says about key or account


@dataclass(slots=True, kw_only=True)
class BatchInHand:
    """What the steps of one batch share. `lines` is where its packed lines are."""

    services: StepServices
    form: BatchForm
    wire: GatewayClient
    lines: Path
    failures: int = 0  # in a row
    was_sent_again: bool = False
    _whole: bool = False  # the packed lines are as they were packed

    def has_lines(self, batch: ProviderBatch) -> bool:
        """True if the packed lines are here, unchanged. Slow the first time."""
        if self._whole:
            return True
        digest = hashlib.sha256()
        try:
            with self.lines.open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
        except OSError:
            return False
        self._whole = digest.hexdigest() == batch.digest
        return self._whole

    def packed(self, batch: ProviderBatch) -> PackedLines:
        """Its lines, as its form takes them."""
        return PackedLines(path=self.lines, size=batch.size, rows=batch.rows, digest=batch.digest)

    def order(self, batch: ProviderBatch) -> BatchOrder:
        """What is to be created."""
        return BatchOrder(
            lines=self.packed(batch),
            model=batch.model,
            url=batch.url,
            input_file=batch.input_file or "",
        )

    async def write(self, work: Callable[[Transaction], ProviderBatch]) -> ProviderBatch:
        """Write a change of the batch down."""
        return await self.services.writer.do(work)

    async def later(self, batch: ProviderBatch, *, asked: float | None = None) -> RemoteStep:
        """Nothing was created: the same once more, after a while."""
        self.failures += 1
        ask_at = self.services.writer.now() + max(next_try(self.failures), asked or 0.0)
        return RemoteStep(batch=await self.write(lambda tx: not_created(tx, batch, ask_at=ask_at)))


def told(remote: RemoteBatch) -> dict[str, JSON]:
    """What the provider says of a batch, as the table keeps it."""
    return {
        "state": remote.state.value,
        "word": remote.word,
        "total": remote.total,
        "completed": remote.completed,
        "failed": remote.failed,
        "cancelling": remote.is_cancelling,
        "queue_full": remote.queue_full,
        "problems": [
            {"code": one.code, "message": one.message, "line": one.line}
            for one in remote.problems[:20]
        ],
    }
