"""Provider batches as the store sees them: rows that wait, packed rows, outcomes."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from jobs.claimed import Claimed
from jobs.outcome import Finished, NotBought, Outcome, WireClass
from jobs.result import Result
from jobs.store import Store
from jobs.store.provider_batches.batch import BatchState, ProviderBatch
from jobs.store.provider_batches.intake import BatchRow, rows_left, settle_slice
from jobs.store.provider_batches.intend import BatchPlan, PackedRow, intend
from jobs.store.provider_batches.moves import created, creating, ended, uploaded
from jobs.store.provider_batches.waiting import WaitingKind, keep_for_batches, waiting_rows
from jobs.store.queue.settles import CallEnd, Settlement
from jobs.store.schema import jobs
from tests.support.loading import asking, load
from tests.support.working import IDS, ME

KIND = WaitingKind(endpoint="chat", model="m", rows=0)
NOW = 1000.0


def wanting_batches(store: Store, *words: str) -> None:
    """Rows for which a batch was asked, kept for one."""
    load(store, asking(*words))
    with store.write() as tx:
        for row in tx.execute(select(jobs.c.id, jobs.c.fields)).all():
            fields = json.dumps(json.loads(row.fields) | {"lane": "batch"}, separators=(",", ":"))
            tx.execute(update(jobs).where(jobs.c.id == row.id).values(fields=fields))
        assert keep_for_batches(tx, 1) == len(words)


def packed(jobs_: Sequence[Claimed]) -> list[PackedRow]:
    """These rows as lines."""
    return [PackedRow(job.id, job.epoch, job.version, IDS.take(), job.row, 0.25) for job in jobs_]


def plan_of(store: Store) -> BatchPlan:
    """A batch of all that waits."""
    with store.read() as tx:
        waiting = [job for job, _ in waiting_rows(tx, 1, KIND)]
    return BatchPlan(
        id=IDS.take(),
        form="openai",
        base_url="https://e.x",
        url="/v1/chat/completions",
        account="e",
        endpoint="chat",
        model="m",
        digest="ab" * 32,
        size=100,
        tokens=7,
        currency="USD",
        rows=packed(waiting),
    )


def all_fit(_connection: Connection, ceilings: Sequence[float | None]) -> int:
    """No cap."""
    return len(ceilings)


def intended(store: Store) -> ProviderBatch:
    """A batch of all that waits, written down."""
    plan = plan_of(store)
    with store.write() as tx:
        return intend(tx, ME, plan, hold=all_fit, now=NOW)


def brought_to(store: Store, state: BatchState) -> ProviderBatch:
    """A batch of all that waits, in this state."""
    batch = intended(store)
    with store.write() as tx:
        if state is not BatchState.INTENDED:
            batch = uploaded(tx, batch, input_file="file-1")
        if state in (BatchState.CREATED, BatchState.ENDED):
            begun = creating(tx, batch, now=NOW)
            assert begun is not None
            batch = begun
            batch = created(
                tx, batch, remote_id="batch-1", told={"word": "validating"}, due_at=None, now=NOW
            )
        if state is BatchState.ENDED:
            batch = ended(tx, batch, told={}, files=["out-1"], problem=None, now=NOW)
    return batch


def open_rows(store: Store, batch: ProviderBatch) -> list[BatchRow]:
    """Its rows without an outcome."""
    with store.read() as tx:
        return list(rows_left(tx, batch).values())


def answered(row: BatchRow, outcome: Outcome | None = None) -> Settlement:
    """What a line with an answer comes to."""
    free = isinstance(outcome, NotBought)
    wire = WireClass.REFUSED if free else WireClass.ANSWERED
    return Settlement(
        job=row.job,
        outcome=outcome or Finished(result=Result(text=f"answer of {row.job.row}")),
        ended=CallEnd(wire=wire, seconds=0.0, status=200, cost=None if free else 0.125),
    )


def take_slice(store: Store, batch: ProviderBatch, rows: Sequence[BatchRow]) -> ProviderBatch:
    """Answers for these rows, in one transaction."""
    with store.write() as tx:
        return settle_slice(tx, ME, batch, [answered(row) for row in rows], now=NOW)
