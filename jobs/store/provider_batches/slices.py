"""Writes a slice of a provider batch's results; no value of a row stops the others."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from jobs.claimed import Holding
from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.intake import Place, settle_slice
from jobs.store.queue.settles import Settlement
from jobs.store.queue.unwritable import instead, is_own_fault
from jobs.store.schema import calls


def calls_of(connection: Connection, batch: ProviderBatch) -> frozenset[int]:
    """The calls that are lines of a batch, whatever has become of them."""
    mine = select(calls.c.id).where(calls.c.provider_batch_id == batch.id)
    return frozenset(connection.execute(mine).scalars())


def write_slice(
    connection: Connection,
    holding: Holding,
    batch: ProviderBatch,
    settlements: Sequence[Settlement],
    *,
    place: Place | None,
    now: float,
) -> ProviderBatch:
    """As `settle_slice`; a row whose values the table does not take is written with others."""
    try:
        with connection.begin_nested():
            return settle_slice(connection, holding, batch, settlements, place=place, now=now)
    except Exception as error:
        if not is_own_fault(error):
            raise
    for one in settlements:
        batch = _alone(connection, holding, batch, one, now=now)
    return settle_slice(connection, holding, batch, [], place=place, now=now)


def _alone(
    connection: Connection,
    holding: Holding,
    batch: ProviderBatch,
    settlement: Settlement,
    *,
    now: float,
) -> ProviderBatch:
    fault: Exception
    try:
        with connection.begin_nested():
            return settle_slice(connection, holding, batch, [settlement], now=now)
    except Exception as error:
        if not is_own_fault(error):
            raise
        fault = error
    for other in instead(settlement, fault):
        try:
            with connection.begin_nested():
                return settle_slice(connection, holding, batch, [other], now=now)
        except Exception as error:
            if not is_own_fault(error):
                raise
    raise fault
