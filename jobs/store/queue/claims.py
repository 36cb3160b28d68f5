"""Claims jobs for workers; each call is recorded before its first byte leaves."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from jobs.claimed import Claimed, Holding
from jobs.job import State, Step
from jobs.outcome import WireClass
from jobs.store.ids import Ids
from jobs.store.queue.blocked_models import NOT_BLOCKED, Block, block_parameters
from jobs.store.queue.order import AFTER_ALL
from jobs.store.queue.sharing import Sharing, add_matching_rows, grouped
from jobs.store.queue.waits import IS_DUE, due_parameters
from jobs.store.queue.walk import Walk
from jobs.store.schema import attempts, calls, jobs
from jobs.store.statements import BulkStatement, given, inserting_given


@dataclass(frozen=True, slots=True)
class MaxCost:
    """What a call may cost at most; None if unknown."""

    amount: float | None = None
    currency: str | None = None


class CallBudget(Protocol):
    """Decides how many calls, in order, the budget still covers."""

    def reserve(self, calls: Sequence[Sequence[Claimed]]) -> Sequence[MaxCost]:
        """The maximum costs of the first calls that fit, each given by its jobs.

        Called inside the transaction that opens the calls, and again if that is retried.
        """
        ...

    def hold(self, connection: Connection, opened: int) -> int:
        """How many of the calls just opened, in order, fit under a cap that others share.

        Called last in that transaction; the others are withdrawn.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """What a worker pool can take now. Blocked jobs stay as they are."""

    step: Step
    limit: int
    account: str = ""
    blocked: frozenset[Block] = frozenset()
    chosen_only: bool = False  # only jobs that this run selected
    sharing: Mapping[str, Sharing] = field(default_factory=dict)  # by endpoint: jobs of one call
    budget: CallBudget | None = None


TAKEN = (
    jobs.c.id,
    jobs.c.position,
    jobs.c.endpoint,
    jobs.c.model,
    jobs.c.fields,
    jobs.c.step,
    jobs.c.version,
    jobs.c.epoch,
    jobs.c.attempts,
    jobs.c.repeats,
    jobs.c.rank,
    jobs.c.stream,
    jobs.c.ticket,
    jobs.c.deadline,
    jobs.c.refusals,
    jobs.c.call_id,
    jobs.c.call_key,
    jobs.c.turn,
    jobs.c.requeued,
)

OF_THIS_CLAIM = or_(attempts.c.epoch == jobs.c.epoch, attempts.c.epoch.is_(None))
"""True for the attempt of a job's last claim, if its call is open.

Attempts of a table that is older than this column have none; of their calls only the last is open.
"""

# After a crash a job may be adopted whose row has left the sheet: it is not sent again.
_WANTED = or_(jobs.c.listed, jobs.c.step != Step.SEND.value)
_READY = (
    select(jobs.c.id)
    .where(
        jobs.c.batch_id == bindparam("b_sheet"),
        jobs.c.state == State.READY.value,
        jobs.c.step == bindparam("b_step"),
        IS_DUE,
        _WANTED,
    )
    .order_by(jobs.c.turn)
    .limit(bindparam("b_limit"))
    .with_for_update(skip_locked=True)
)


@cache
def _claiming(*, blocked: bool, chosen: bool, onward: bool) -> ReturningUpdate[Any]:
    ready = _READY
    if blocked:
        ready = ready.where(NOT_BLOCKED)
    if chosen:
        ready = ready.where(jobs.c.selection == bindparam("b_run"))
    if onward:
        ready = ready.where(jobs.c.turn >= bindparam("b_turn"))
    # A CTE is evaluated once. PostgreSQL may repeat a plain subquery for each row, and SKIP LOCKED
    # would then find other rows than before.
    taken = ready.cte("taken")
    return (
        update(jobs)
        .where(jobs.c.id.in_(select(taken.c.id)))
        .values(state=State.RUNNING.value, owner=bindparam("b_owner"), epoch=jobs.c.epoch + 1)
        .returning(*TAKEN)
    )


def claim(
    connection: Connection,
    holding: Holding,
    order: ClaimRequest,
    *,
    ids: Ids,
    now: float,
    walk: Walk | None = None,
) -> list[Claimed]:
    """Claim at most `order.limit` due jobs, in order. A send's call opens in the same commit.

    If jobs can share calls, the limit counts calls. Jobs of one call have the same `call_id` and
    are adjacent, in the order of the call's items.
    """
    words: dict[str, object] = {
        "b_sheet": holding.sheet_id,
        "b_step": order.step.value,
        "b_limit": order.limit,
        "b_owner": holding.owner,
        **due_parameters(now),
    }
    if order.blocked:
        words |= block_parameters(order.blocked)
    if order.chosen_only:
        words["b_run"] = holding.run_id
    if walk is None or order.step is not Step.SEND:
        taken = _take(connection, order, words)
    else:
        if (start := walk.start(now)) is not None:
            words["b_turn"] = start
        taken = _take(connection, order, words)
        walk.took(taken[-1].turn if len(taken) == order.limit else None)
    if order.step is not Step.SEND or not taken:
        return [
            as_claimed(row, call_id=row.call_id or 0, call_key=row.call_key or "") for row in taken
        ]
    claimed = []
    for row in taken:
        if row.endpoint not in order.sharing:
            call_id = ids.take()
            claimed.append(
                as_claimed(row, call_id=call_id, call_key=row.call_key or f"rowmill-{call_id}")
            )
    sociable = [row for row in taken if row.endpoint in order.sharing]
    for group in grouped(sociable, order.sharing):
        add_matching_rows(connection, group, _also_ready(holding, order, now=now), _taking(holding))
        call_id = ids.take()  # a new key: with other jobs it is another request
        claimed += [
            as_claimed(row, call_id=call_id, call_key=f"rowmill-{call_id}") for row in group.rows
        ]
    together = [list(group) for _, group in groupby(claimed, key=lambda job: job.call_id)]
    reserved = order.budget.reserve(together) if order.budget else [MaxCost()] * len(together)
    _put_back(connection, together[len(reserved) :])
    opened = list(zip(together, reserved, strict=False))  # the first ones; the others do not fit
    _open_calls(connection, holding, order, opened=opened, now=now)
    if order.budget and opened:
        fitting = order.budget.hold(connection, len(opened))
        _withdraw(connection, [group for group, _ in opened[fitting:]])
        opened = opened[:fitting]
    return [job for group, _ in opened for job in group]


def _take(
    connection: Connection, order: ClaimRequest, words: Mapping[str, object]
) -> list[Row[Any]]:
    """The jobs that a claim takes, in order; from a turn on, if `words` has one."""
    statement = _claiming(
        blocked=bool(order.blocked), chosen=order.chosen_only, onward="b_turn" in words
    )
    return sorted(connection.execute(statement, words).all(), key=_in_order)


def _withdraw(connection: Connection, left: Sequence[Sequence[Claimed]]) -> None:
    """Take back calls that were opened in this transaction, as if they had never been."""
    if left:
        mine = [group[0].call_id for group in left]
        connection.execute(delete(attempts).where(attempts.c.call_id.in_(mine)))
        connection.execute(delete(calls).where(calls.c.id.in_(mine)))
        _put_back(connection, left)


def _put_back(connection: Connection, left: Sequence[Sequence[Claimed]]) -> None:
    """No call was opened for these: make them ready again."""
    if left:
        connection.execute(
            update(jobs)
            .where(jobs.c.id.in_([job.id for group in left for job in group]))
            .values(state=State.READY.value, owner=None)
        )


def _in_order(row: Row[Any]) -> tuple[float, int]:
    return float(row.turn), int(row.id)


def _also_ready(holding: Holding, order: ClaimRequest, *, now: float) -> Select[Any]:
    """Other jobs that could be sent now, in order."""
    found = (
        select(*TAKEN)
        .where(
            jobs.c.batch_id == holding.sheet_id,
            jobs.c.state == State.READY.value,
            jobs.c.step == Step.SEND.value,
            IS_DUE,
            _WANTED,
        )
        .order_by(jobs.c.turn)
        .with_for_update(skip_locked=True)
    )
    if order.chosen_only:
        found = found.where(jobs.c.selection == holding.run_id)
    return found.params(due_parameters(now))


def _taking(holding: Holding) -> ReturningUpdate[Any]:
    return (
        update(jobs)
        .values(state=State.RUNNING.value, owner=holding.owner, epoch=jobs.c.epoch + 1)
        .returning(*TAKEN)
    )


def _opening(target: Table, *names: str) -> BulkStatement:
    source = given(*names)
    return BulkStatement(source, lambda dialect: inserting_given(dialect, target, source))


_OPEN_CALL = _opening(
    calls,
    *("id", "run_id", "endpoint", "model", "account", "call_key", "started_at"),
    *("ceiling", "currency"),
)
_OPEN_ATTEMPT = _opening(attempts, "job_id", "call_id", "version", "epoch")


def _open_calls(
    connection: Connection,
    holding: Holding,
    order: ClaimRequest,
    *,
    opened: Sequence[tuple[Sequence[Claimed], MaxCost]],
    now: float,
) -> None:
    if not opened:
        return
    _OPEN_CALL.run(
        connection,
        [
            {
                "id": job.call_id,
                "run_id": holding.run_id,
                "endpoint": job.endpoint,
                "model": job.model,
                "account": order.account,
                "call_key": job.call_key,
                "started_at": now,
                "ceiling": most.amount,
                "currency": most.currency,
            }
            for (job, *_), most in opened
        ],
    )
    _OPEN_ATTEMPT.run(
        connection,
        [
            {
                "job_id": job.id,
                "call_id": job.call_id,
                "version": job.version,
                "epoch": job.epoch,
            }
            for group, _ in opened
            for job in group
        ],
    )


def as_claimed(row: Any, *, call_id: int, call_key: str) -> Claimed:
    """A job as workers see it; `row` starts with the columns of `TAKEN`."""
    job_id, position, endpoint, model, fields, step, version, epoch, *others = row
    attempts, repeats, rank, stream, ticket, deadline, refusals, *more = others
    _call_id, _call_key, _turn, requeued, *_ = more
    return Claimed(
        id=job_id,
        row=position,
        endpoint=endpoint,
        model=model,
        fields=json.loads(fields),
        step=Step(step),
        version=version,
        epoch=epoch,
        attempts=attempts,
        repeats=repeats,
        rank=rank,
        stream=bool(stream),
        ticket=ticket,
        deadline=deadline,
        refusals=refusals,
        call_id=call_id,
        call_key=call_key,
        requeued=bool(requeued),
    )


def next_due(connection: Connection, holding: Holding, order: ClaimRequest) -> float | None:
    """When the next job that this request could claim is due (Unix seconds), or None."""
    found = select(func.min(jobs.c.not_before)).where(
        jobs.c.batch_id == holding.sheet_id,
        jobs.c.state == State.READY.value,
        jobs.c.step == order.step.value,
        jobs.c.not_before < AFTER_ALL,
        _WANTED,
    )
    if order.blocked:
        found = found.where(NOT_BLOCKED)
    if order.chosen_only:
        found = found.where(jobs.c.selection == holding.run_id)
    words = block_parameters(order.blocked) if order.blocked else {}
    moment: float | None = connection.execute(found, words).scalar_one()
    return moment


def adopt(connection: Connection, holding: Holding) -> list[Claimed]:
    """Adopt every job that a dead process left running; the caller settles each.

    A send comes with its open call. If exactly one job was polling or downloading, the death counts
    against it: of several, the culprit is unknown, and a send only waits for the network
    (`count_death` counts those whose answer is read). The count is written when the job is settled.
    """
    left = update(jobs).where(
        jobs.c.batch_id == holding.sheet_id, jobs.c.state == State.RUNNING.value
    )
    taken = connection.execute(
        left.values(owner=holding.owner).returning(*TAKEN, jobs.c.deaths)
    ).all()
    if not taken:
        return []
    found = connection.execute(
        select(attempts.c.job_id, calls.c.id, calls.c.call_key)
        .join(calls, calls.c.id == attempts.c.call_id)
        .where(attempts.c.job_id.in_([row.id for row in taken]))
        .order_by(calls.c.wire.is_(None), calls.c.id)
    ).all()
    latest = {job_id: (call_id, key) for job_id, call_id, key in found}  # open calls come last
    in_hand = [row.id for row in taken if row.step != Step.SEND]
    guilty = in_hand[0] if len(in_hand) == 1 else None
    adopted = []
    for row in sorted(taken, key=_in_order):
        call_id, key = (row.call_id or 0, row.call_key or "")
        if row.step == Step.SEND:
            call_id, key = latest[row.id]
        claimed = as_claimed(row, call_id=call_id, call_key=key)
        adopted.append(replace(claimed, deaths=row.deaths + (row.id == guilty)))
    return adopted


def open_calls(connection: Connection) -> set[int]:
    """The calls that have no end yet, so that the table does not have their answers.

    The answers of provider batches lie at their provider, not in a spool.
    """
    mine = and_(calls.c.wire.is_(None), calls.c.provider_batch_id.is_(None))
    return set(connection.execute(select(calls.c.id).where(mine)).scalars())


def count_death(connection: Connection, job: Claimed) -> None:
    """Count a death before the step that may cause it; settling the job resets the count.

    On a shared table another host may have claimed the job since, which is not to blame.
    """
    mine = and_(jobs.c.id == job.id, jobs.c.epoch == job.epoch)
    connection.execute(update(jobs).where(mine).values(deaths=jobs.c.deaths + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledCalls:
    """What the table knows of calls whose answers lie in a spool."""

    open: Mapping[int, list[Claimed]]  # by call: its jobs, if its answer is still news
    known: frozenset[int]  # calls that are in the table at all


def spooled_calls(connection: Connection, call_ids: Collection[int]) -> SpooledCalls:
    """The jobs of calls without a known end, as their own host had claimed them."""
    wanted = calls.c.id.in_(list(call_ids))
    known = connection.execute(select(calls.c.id).where(wanted)).scalars()
    found = connection.execute(
        select(
            *(*TAKEN, jobs.c.deaths, calls.c.call_key.label("sent_key")),
            *(attempts.c.call_id.label("sent_call"), attempts.c.epoch.label("sent_epoch")),
            attempts.c.version.label("sent_version"),
        )
        .join(attempts, attempts.c.call_id == calls.c.id)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(wanted, or_(calls.c.wire.is_(None), calls.c.wire == WireClass.IN_DOUBT.value))
        .order_by(attempts.c.call_id, jobs.c.turn, jobs.c.id)
    )
    by_call: dict[int, list[Claimed]] = {}
    for row in found:
        job = replace(
            as_claimed(row, call_id=row.sent_call, call_key=row.sent_key),
            step=Step.SEND,
            epoch=row.epoch if row.sent_epoch is None else row.sent_epoch,
            version=row.sent_version,
            deaths=row.deaths,
        )
        by_call.setdefault(row.sent_call, []).append(job)
    return SpooledCalls(open=by_call, known=frozenset(known))
