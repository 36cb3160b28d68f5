"""Writes down that a provider batch is about to be made, before its first byte leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, null, select, update

from jobs.claimed import Holding
from jobs.job import State, Step
from jobs.outcome import TRANSITIONS, Submitted
from jobs.store.provider_batches.batch import BatchState, ProviderBatch, the_batch
from jobs.store.queue.order import FOR_BATCH
from jobs.store.schema import attempts, calls, jobs, provider_batches
from jobs.store.statements import BulkStatement, given, inserting_given


@dataclass(frozen=True, slots=True)
class PackedRow:
    """One line of a batch: its job as it was packed, the number of its call, its highest price."""

    job_id: int
    epoch: int
    version: int
    call_id: int
    row: int  # the number Excel shows
    ceiling: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What a provider batch is to be: everything that is known before anything leaves."""

    id: int
    form: str
    base_url: str
    url: str
    account: str
    endpoint: str
    model: str
    digest: str  # of its lines, in hexadecimal
    size: int
    tokens: int | None
    currency: str | None
    rows: Sequence[PackedRow]


ROWS_AT_ONCE = 1_000  # of a statement, so that a big batch takes no big memory


class ChangedRowsError(Exception):
    """Rows were changed, skipped or taken after they were packed; nothing was written."""


class TooDearError(Exception):
    """Only the first `fitting` rows fit under the cap; nothing was written."""

    def __init__(self, fitting: int) -> None:
        self.fitting = fitting
        super().__init__(fitting)


_PACKED = given(
    *("id", "epoch", "following", "call", "was_state", "was_step", "was_waiting", "state", "step"),
    *("waiting", "now", "run"),
)
_INTO_BATCH = BulkStatement(
    _PACKED,
    update(jobs)
    .where(
        jobs.c.id == _PACKED.c.id,
        jobs.c.epoch == _PACKED.c.epoch,
        jobs.c.state == _PACKED.c.was_state,
        jobs.c.step == _PACKED.c.was_step,
        jobs.c.not_before == _PACKED.c.was_waiting,
        jobs.c.listed,
    )
    .values(
        state=_PACKED.c.state,
        step=_PACKED.c.step,
        not_before=_PACKED.c.waiting,
        epoch=_PACKED.c.following,
        call_id=_PACKED.c.call,
        call_key=null(),
        ticket=null(),
        deadline=null(),
        owner=null(),
        kind=null(),
        cause=null(),
        detail=null(),
        updated_at=_PACKED.c.now,
        settled_by=_PACKED.c.run,
    ),
)
_CALL = given(
    *("id", "run_id", "endpoint", "model", "account", "call_key", "started_at", "ceiling"),
    *("currency", "provider_batch_id"),
)
_OPEN_CALL = BulkStatement(_CALL, lambda dialect: inserting_given(dialect, calls, _CALL))
_ATTEMPT = given("job_id", "call_id", "version", "epoch")
_OPEN_ATTEMPT = BulkStatement(
    _ATTEMPT, lambda dialect: inserting_given(dialect, attempts, _ATTEMPT)
)


def intend(
    connection: Connection,
    holding: Holding,
    plan: BatchPlan,
    *,
    hold: Callable[[Connection, Sequence[float | None]], int],
    now: float,
) -> ProviderBatch:
    """Open a provider batch with a call for each row, and move the rows to the wait for it.

    `hold` says how many of these highest prices, in order, fit under the cap, and holds them.
    Raises ChangedRowsError or TooDearError; the caller packs again, since every line counts in the
    digest.
    """
    taken = 0
    for at in range(0, len(plan.rows), ROWS_AT_ONCE):
        some = plan.rows[at : at + ROWS_AT_ONCE]
        taken += _INTO_BATCH.run(connection, (_into(row, holding, now) for row in some))
        _OPEN_CALL.run(connection, (_call(row, plan, holding, now) for row in some))
        _OPEN_ATTEMPT.run(connection, map(_attempt, some))
    if taken != len(plan.rows):
        raise ChangedRowsError
    connection.execute(insert(provider_batches).values(_line(plan, holding, now)))
    fitting = hold(connection, [row.ceiling for row in plan.rows])
    if fitting < len(plan.rows):
        raise TooDearError(fitting)
    return the_batch(connection, plan.id)


def queued_tokens(connection: Connection, account: str, model: str) -> int:
    """The tokens of prompts in batches that the provider has not ended yet."""
    waiting = [
        state.value for state in (BatchState.INTENDED, BatchState.UPLOADED, BatchState.CREATED)
    ]
    found = connection.execute(
        select(func.coalesce(func.sum(provider_batches.c.tokens), 0)).where(
            provider_batches.c.account == account,
            provider_batches.c.model == model,
            provider_batches.c.state.in_(waiting),
        )
    ).scalar_one()
    return int(found)


def _into(row: PackedRow, holding: Holding, now: float) -> dict[str, object]:
    state, step = TRANSITIONS[Step.SEND, Submitted]
    assert step is not None
    return {
        "id": row.job_id,
        "epoch": row.epoch,
        "following": row.epoch + 1,
        "call": row.call_id,
        "was_state": State.READY.value,
        "was_step": Step.SEND.value,
        "was_waiting": FOR_BATCH,
        "state": state.value,
        "step": step.value,
        "waiting": FOR_BATCH,
        "now": now,
        "run": holding.run_id,
    }


def _attempt(row: PackedRow) -> dict[str, object]:
    return {
        "job_id": row.job_id,
        "call_id": row.call_id,
        "version": row.version,
        "epoch": row.epoch + 1,
    }


def _line(plan: BatchPlan, holding: Holding, now: float) -> dict[str, object]:
    return {
        "id": plan.id,
        "sheet_id": holding.sheet_id,
        "run_id": holding.run_id,
        "state": BatchState.INTENDED.value,
        "owner": holding.owner,
        "epoch": 1,
        "form": plan.form,
        "base_url": plan.base_url,
        "url": plan.url,
        "account": plan.account,
        "endpoint": plan.endpoint,
        "model": plan.model,
        "digest": bytes.fromhex(plan.digest),
        "rows": len(plan.rows),
        "size": plan.size,
        "tokens": plan.tokens,
        "opened_at": now,
        "ask_at": now,
    }


def _call(row: PackedRow, plan: BatchPlan, holding: Holding, now: float) -> dict[str, object]:
    return {
        "id": row.call_id,
        "run_id": holding.run_id,
        "endpoint": plan.endpoint,
        "model": plan.model,
        "account": plan.account,
        "call_key": f"rowmill-{row.call_id}",
        "started_at": now,
        "ceiling": row.ceiling,
        "currency": plan.currency,
        "provider_batch_id": plan.id,
    }
