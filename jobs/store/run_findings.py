"""What all hosts of a run find out together: useless answers, failed rows, what is left."""

from collections.abc import Collection
from enum import Enum

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, update

from jobs.claimed import Holding
from jobs.job import FailureClass, State, Step
from jobs.outcome import WireClass
from jobs.store.ids import first_id_at
from jobs.store.log import lock_run
from jobs.store.queue.blocked_models import NOT_BLOCKED, Block, block_parameters
from jobs.store.queue.choices import one_more_pass, suspects_too
from jobs.store.queue.order import AFTER_ALL
from jobs.store.schema import attempts, calls, hosts, jobs, runs

OF_THE_ROW = (FailureClass.REFUSED, FailureClass.BAD_INPUT, FailureClass.TRUNCATED)
"""Unusable answers that prove nothing about the model."""


def are_useless(
    connection: Connection, run_id: int, model: str, *, count: int, since: float
) -> bool:
    """True if the newest paid answers of a model since then, so many of them, were all useless.

    The row of the run is locked: of two hosts that ask at once, the second sees the first's.
    """
    lock_run(connection, run_id)
    tells = or_(
        calls.c.wire == WireClass.ANSWERED.value,
        and_(
            calls.c.wire == WireClass.UNUSABLE.value,
            func.coalesce(attempts.c.kind, "").not_in([kind.value for kind in OF_THE_ROW]),
        ),
    )
    newest = connection.execute(
        select(calls.c.wire)
        .join(attempts, attempts.c.call_id == calls.c.id)
        .where(
            calls.c.run_id == run_id,
            calls.c.model == model,
            calls.c.id >= first_id_at(since),
            tells,
        )
        .order_by(calls.c.id.desc())
        .limit(count)
    ).scalars()
    found = list(newest)
    return len(found) == count and set(found) == {WireClass.UNUSABLE.value}


def has_good_answer(connection: Connection, run_id: int) -> bool:
    """True if a call of this run was answered with what was asked for."""
    good = select(calls.c.id).where(
        calls.c.run_id == run_id, calls.c.wire == WireClass.ANSWERED.value
    )
    return connection.execute(good.limit(1)).first() is not None


def ended_share(connection: Connection, run_id: int, *, window: int) -> tuple[int, int]:
    """Of the rows of this run that ended last, at most `window`: how many failed, and of how many.

    They count in the order in which their calls began.
    """
    ended = [State.DONE.value, State.FAILED.value, State.IN_DOUBT.value]
    newest = (
        select(jobs.c.state)
        .join(calls, calls.c.id == jobs.c.call_id)
        .where(calls.c.run_id == run_id, jobs.c.state.in_(ended))
        .order_by(calls.c.id.desc())
        .limit(window)
        .subquery()
    )
    failed = func.count(case((newest.c.state == State.FAILED.value, 1)))
    row = connection.execute(select(failed, func.count()).select_from(newest)).one()
    return int(row[0]), int(row[1])


class Left(Enum):
    """What is left for a host that finds nothing to do."""

    ELSEWHERE = "elsewhere"  # other hosts are at work, or something becomes ready later
    AGAIN = "again"  # suspects of crashes, or failed rows, were made ready
    NOTHING = "nothing"


def what_is_left(
    connection: Connection,
    holding: Holding,
    *,
    now: float,
    blocked: Collection[Block] = (),
    chosen_only: bool = False,
    may_send: bool = True,
) -> Left:
    """Look at the whole table, under the lock of the run; the last pass is made once a run.

    `may_send` is False where nothing more may be sent: then only work that goes on counts.
    """
    lock_run(connection, holding.run_id)
    mine = jobs.c.batch_id == holding.sheet_id
    going_on = select(jobs.c.id).where(mine, jobs.c.state == State.RUNNING.value).limit(1)
    if connection.execute(going_on).first() is not None:
        return Left.ELSEWHERE
    if not may_send:
        return Left.NOTHING
    ready = select(jobs.c.id).where(
        mine, jobs.c.state == State.READY.value, jobs.c.not_before < AFTER_ALL
    )
    wanted = _wanted(holding, chosen_only=chosen_only)
    found = connection.execute(ready.where(wanted).limit(1), block_parameters(blocked)).first()
    if found is not None:
        return Left.ELSEWHERE
    if suspects_too(connection, holding.sheet_id, now=now):
        return Left.AGAIN
    if _passed(connection, holding.run_id):
        return Left.NOTHING
    again = one_more_pass(connection, holding, now=now, blocked=blocked)
    return Left.AGAIN if again else Left.NOTHING


def _wanted(holding: Holding, *, chosen_only: bool) -> ColumnElement[bool]:
    """What this run would take: it sends listed rows, of models that are not stopped."""
    sendable = and_(jobs.c.listed, NOT_BLOCKED)
    if chosen_only:
        sendable = and_(sendable, jobs.c.selection == holding.run_id)
    return or_(jobs.c.step != Step.SEND.value, sendable)


def _passed(connection: Connection, run_id: int) -> bool:
    """True if the run has had its last pass; from now on it has."""
    passing = update(runs).where(runs.c.id == run_id, ~runs.c.passed).values(passed=True)
    return connection.execute(passing).rowcount == 0


def obey(connection: Connection, owner: str, event_id: int) -> None:
    """Record the newest order that this host follows."""
    connection.execute(update(hosts).where(hosts.c.owner == owner).values(obeyed=event_id))


def obeying(connection: Connection, run_id: int, event_id: int) -> int:
    """How many hosts follow this order or a later one."""
    return connection.execute(
        select(func.count()).where(hosts.c.run_id == run_id, hosts.c.obeyed >= event_id)
    ).scalar_one()
