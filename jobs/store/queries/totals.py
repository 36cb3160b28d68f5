"""Totals of a sheet: rows by state, money spent, failures by cause."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, not_, select

from jobs.job import FailureClass, State, Step
from jobs.store.money import NANO, nanos_of
from jobs.store.row_status import IS_PAID
from jobs.store.schema import attempts, calls, jobs, rows, runs
from jobs.wire_class import WireClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows by state. `waiting` ones have not begun, `fetching` ones have their answer."""

    done: int = 0
    failed: int = 0
    in_doubt: int = 0
    skipped: int = 0
    waiting: int = 0
    sending: int = 0
    polling: int = 0
    fetching: int = 0
    parked: int = 0

    @property
    def total(self) -> int:
        """All rows of the sheet, without parked ones."""
        return self.done + self.failed + self.in_doubt + self.skipped + self.pending

    @property
    def pending(self) -> int:
        """Rows that are not settled."""
        return self.waiting + self.sending + self.polling + self.fetching


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a sheet has used; `cost` is None if no call has a known price.

    `costs` is by currency; `cost` and `currency` are set if there is only one.
    """

    calls: int
    unknown_calls: int  # in doubt: may have been billed without an answer
    unpriced_calls: int  # answered, price unknown
    cost: float | None
    currency: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    costs: Mapping[str, float] = field(default_factory=dict)
    estimated_calls: int = 0  # priced by list prices
    doubtful: Mapping[str, float] = field(default_factory=dict)  # maximum cost of those in doubt
    doubtful_unpriced: int = 0  # in doubt, with an unknown maximum cost


def counts(connection: Connection, sheet_id: int) -> Counts:
    """Rows by state; jobs without a row are subtracted.

    Answered from indexes alone, since a display asks twice a second.
    """
    mine = jobs.c.batch_id == sheet_id
    # Grouping by an expression makes SQLite use the index of the few unlisted jobs.
    state, step = func.lower(jobs.c.state), func.lower(jobs.c.step)
    everywhere = _by_place(jobs.c.state, jobs.c.step).where(mine)
    unlisted = _by_place(state, step).where(mine, not_(jobs.c.listed))
    numbers: dict[str, int] = defaultdict(int)
    for sign, query in ((1, everywhere), (-1, unlisted)):
        for found, at, count in connection.execute(query):
            numbers[_place(State(found), Step(at))] += sign * count
    # Each row of the sheet has its own job, so the others have left the sheet.
    all_rows = select(func.count()).select_from(rows).where(rows.c.batch_id == sheet_id)
    numbers["parked"] = connection.execute(all_rows).scalar_one() - sum(numbers.values())
    return Counts(**numbers)


def _by_place(state: ColumnElement[str], step: ColumnElement[str]) -> Select[str, str, int]:
    return select(state, step, func.count()).group_by(state, step)


def _place(state: State, step: Step) -> str:
    if state not in (State.READY, State.RUNNING):
        return state.value
    if step is Step.SEND:
        return "sending" if state is State.RUNNING else "waiting"
    return "polling" if step is Step.POLL else "fetching"


def spent(connection: Connection, sheet_id: int, *, since: float = 0.0) -> Spent:
    """Calls, cost and tokens of a sheet; only of calls begun since then, if a time is given."""
    mine = and_(runs.c.batch_id == sheet_id, calls.c.started_at >= since)
    joined = calls.join(runs, runs.c.id == calls.c.run_id)
    in_doubt = calls.c.wire == WireClass.IN_DOUBT.value
    money = connection.execute(
        select(
            calls.c.currency,
            func.count(),
            func.count(case((in_doubt, 1))),
            func.count(case((and_(IS_PAID, calls.c.cost.is_(None)), 1))),
            func.sum(nanos_of(calls.c.cost)),
            func.count(case((and_(calls.c.estimated, calls.c.cost.is_not(None)), 1))),
            func.sum(case((in_doubt, nanos_of(calls.c.ceiling)))),
            func.count(case((and_(in_doubt, calls.c.ceiling.is_(None)), 1))),
        )
        .select_from(joined)
        .where(mine)
        .group_by(calls.c.currency)
    ).all()
    tokens = connection.execute(
        select(
            func.sum(attempts.c.prompt_tokens),
            func.sum(attempts.c.completion_tokens),
            func.sum(attempts.c.total_tokens),
        )
        .select_from(joined.join(attempts, attempts.c.call_id == calls.c.id))
        .where(mine)
    ).one()
    # PostgreSQL's sum of large numbers is no int, and JSON does not take it.
    prompt, completion, total = (None if one is None else int(one) for one in tokens)
    costs = {row[0] or "": int(row[4]) / NANO for row in money if row[4] is not None}
    only = len(costs) == 1
    return Spent(
        calls=sum(row[1] for row in money),
        unknown_calls=sum(row[2] for row in money),
        unpriced_calls=sum(row[3] for row in money),
        cost=next(iter(costs.values())) if only else None,
        currency=next(iter(costs)) or None if only else None,
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total,
        costs=costs,
        estimated_calls=sum(row[5] for row in money),
        doubtful={row[0] or "": int(row[6]) / NANO for row in money if row[6] is not None},
        doubtful_unpriced=sum(row[7] for row in money),
    )


@dataclass(frozen=True, slots=True)
class FailedAlike:
    """Failed or doubtful rows of one cause."""

    kind: str  # a failure class, or `in_doubt`
    cause: str
    count: int
    first: int  # row
    words: str  # of the provider, for one of them


def failures(connection: Connection, sheet_id: int) -> list[FailedAlike]:
    """Failed and doubtful rows by cause, the most frequent first."""
    doubtful = State.IN_DOUBT.value
    kind = case((jobs.c.state == doubtful, doubtful), else_=jobs.c.kind)
    cause = func.coalesce(jobs.c.cause, "")
    found = connection.execute(
        select(
            kind,
            cause,
            func.count(),
            func.min(jobs.c.position),
            func.max(func.coalesce(jobs.c.detail, "")),
        )
        .where(
            jobs.c.batch_id == sheet_id,
            jobs.c.listed,
            jobs.c.state.in_([State.FAILED.value, doubtful]),
        )
        .group_by(kind, cause)
        .order_by(func.count().desc(), func.min(jobs.c.position))
    )
    return [FailedAlike(*row) for row in found]


def by_class(groups: Iterable[FailedAlike]) -> dict[FailureClass, int]:
    """How many failed rows each class has, without those in doubt."""
    found: Counter[FailureClass] = Counter()
    for group in groups:
        if group.kind != State.IN_DOUBT:
            found[FailureClass(group.kind)] += group.count
    return dict(found)
