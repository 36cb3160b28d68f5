"""How a provider batch ends without results: its rows are given back, or held in doubt."""

from collections.abc import Callable, Sequence

from jobs.job import Failure, FailureClass
from jobs.outcome import NotBought
from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.intake import (
    BatchRow,
    held,
    in_doubt,
    rows_left,
    settle_slice,
    taken_in,
    unbought,
)
from jobs.store.queue.settles import Settlement
from runner.steps.context import StepServices

SLICE = 500  # rows settled in one transaction


async def give_back(
    batch: ProviderBatch, services: StepServices, failure: Failure, *, again: bool = False
) -> ProviderBatch:
    """Nothing was created: its rows are pending again, at no cost."""
    outcome = NotBought(failure=None if again else failure, again=again)
    batch = await _settle_all(batch, services, lambda row: unbought(row, outcome))
    problem, writer = failure.detail or failure.cause, services.writer
    return await writer.do(lambda tx: taken_in(tx, batch, problem=problem, now=writer.now()))


async def hold(batch: ProviderBatch, services: StepServices, failure: Failure) -> ProviderBatch:
    """It may have been bought, and nothing tells: a person decides about its rows."""
    batch = await _settle_all(batch, services, lambda row: in_doubt(row, failure))
    problem, writer = failure.detail or failure.cause, services.writer
    return await writer.do(lambda tx: held(tx, batch, problem=problem, now=writer.now()))


def failure_of(cause: str, kind: FailureClass = FailureClass.SERVER) -> Failure:
    """Why a batch as a whole brought nothing."""
    return Failure(kind=kind, cause=cause)


def doubt_of(cause: str) -> Failure:
    """Why nothing tells whether a batch exists."""
    return failure_of(cause, FailureClass.NETWORK)


async def _settle_all(
    batch: ProviderBatch, services: StepServices, settlement: Callable[[BatchRow], Settlement]
) -> ProviderBatch:
    while rows := await _rows(batch, services):
        settled = [settlement(row) for row in rows]
        batch = await _slice(batch, services, settled)
        for one, row in zip(settled, rows, strict=True):
            services.cap.settle_ahead(one, row.ceiling)
    return batch


async def _rows(batch: ProviderBatch, services: StepServices) -> list[BatchRow]:
    found = await services.writer.do(lambda tx: rows_left(tx, batch, limit=SLICE))
    return list(found.values())


async def _slice(
    batch: ProviderBatch, services: StepServices, settlements: Sequence[Settlement]
) -> ProviderBatch:
    writer = services.writer
    return await writer.do(
        lambda tx: settle_slice(tx, writer.holding, batch, settlements, now=writer.now())
    )
