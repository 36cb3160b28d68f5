"""Reads what must be known before money is spent: past costs and pending requests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, not_, or_, select

from jobs.job import JSON, State, Step
from jobs.outcome import WireClass
from jobs.store.money import nanos_of
from jobs.store.row_status import IS_FREE
from jobs.store.schema import calls, files, jobs, runs
from jobs.store.spans import within

SAMPLE_ROWS = 100  # rows of each kind from which the price is estimated


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a sheet has ever cost, in billionths by currency, including calls without a known end.

    A call whose cost is unknown counts at its ceiling. `uncounted` have neither.
    """

    amounts: Mapping[str, int] = field(default_factory=dict)
    uncounted: int = 0


def committed(connection: Connection, sheet_id: int) -> Committed:
    """The amounts that count against a cap."""
    amount = nanos_of(func.coalesce(calls.c.cost, calls.c.ceiling))
    found = connection.execute(
        select(
            calls.c.currency,
            func.sum(amount),
            func.count(case((amount.is_(None), 1))),
        )
        .select_from(calls.join(runs, runs.c.id == calls.c.run_id))
        .where(runs.c.batch_id == sheet_id, or_(calls.c.wire.is_(None), ~IS_FREE))
        .group_by(calls.c.currency)
    ).all()
    return Committed(
        amounts={row[0] or "": int(row[1]) for row in found if row[1] is not None},
        uncounted=sum(row[2] for row in found),
    )


def paid_for(connection: Connection, call_id: int) -> float | None:
    """What a call cost; None if unknown."""
    cost: float | None = connection.execute(
        select(calls.c.cost).where(calls.c.id == call_id)
    ).scalar_one_or_none()
    return cost


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestGroup:
    """Rows with the same endpoint and model; the fields of some of them as examples."""

    endpoint: str
    model: str
    rows: int
    examples: tuple[dict[str, JSON], ...] = ()


def to_send(
    connection: Connection,
    sheet_id: int,
    *,
    positions: tuple[tuple[int, int], ...] | None = None,
    requeued: bool = False,
    selection: int | None = None,
) -> list[RequestGroup]:
    """The rows that are to be sent, by endpoint and model, most frequent first.

    `requeued` takes only those that a person's retry put back, `selection` only those marked so.
    """
    mine = jobs.c.batch_id == sheet_id
    if selection is not None:
        mine = and_(mine, jobs.c.selection == selection)
    if positions is not None:
        mine = and_(mine, within(jobs.c.position, positions))
    if requeued:
        mine = and_(mine, jobs.c.requeued)
    wanted = and_(mine, _at_send(jobs.c.state, jobs.c.step), jobs.c.listed)
    return [
        RequestGroup(
            endpoint=endpoint,
            model=model,
            rows=count,
            examples=_examples(connection, wanted, endpoint, model),
        )
        for endpoint, model, count in _kinds(connection, mine, wanted)
    ]


def _kinds(
    connection: Connection, mine: ColumnElement[bool], wanted: ColumnElement[bool]
) -> list[tuple[str, str, int]]:
    """Endpoint, model and row count. Most sheets have one kind, so only the others are grouped."""
    kind = (jobs.c.endpoint, jobs.c.model)
    first = connection.execute(select(*kind).where(wanted).limit(1)).one_or_none()
    if first is None:
        return []
    endpoint, model = first
    differs = or_(jobs.c.endpoint != endpoint, jobs.c.model != model)
    others = connection.execute(
        select(*kind, func.count()).where(differs, wanted).group_by(*kind)
    ).all()
    same = _number(connection, mine) - sum(count for _, _, count in others)
    found = [(endpoint, model, same), *(tuple(row) for row in others)]
    return sorted(found, key=lambda one: -one[2])


def _number(connection: Connection, mine: ColumnElement[bool]) -> int:
    """How many of these are to be sent, from two indexes: all of them, and the few unlisted."""
    every = and_(mine, _at_send(jobs.c.state, jobs.c.step))
    unlisted = and_(
        mine,
        _at_send(func.lower(jobs.c.state), func.lower(jobs.c.step)),
        not_(jobs.c.listed),
    )
    numbers = [
        connection.execute(select(func.count()).where(wanted)).scalar_one()
        for wanted in (every, unlisted)
    ]
    return numbers[0] - numbers[1]


def _at_send(state: ColumnElement[str], step: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(state == State.READY.value, step == Step.SEND.value)


def _examples(
    connection: Connection, wanted: ColumnElement[bool], endpoint: str, model: str
) -> tuple[dict[str, JSON], ...]:
    found = connection.execute(
        select(jobs.c.fields)
        .where(wanted, jobs.c.endpoint == endpoint, jobs.c.model == model)
        .limit(SAMPLE_ROWS)
    ).scalars()
    return tuple(json.loads(one) for one in found)


def mean_costs(connection: Connection, sheet_id: int) -> dict[tuple[str, str], tuple[float, int]]:
    """The mean cost of answered online calls and their number, by model and currency."""
    found = connection.execute(
        select(calls.c.model, calls.c.currency, func.avg(calls.c.cost), func.count())
        .select_from(calls.join(runs, runs.c.id == calls.c.run_id))
        .where(
            runs.c.batch_id == sheet_id,
            calls.c.wire == WireClass.ANSWERED.value,
            calls.c.cost.is_not(None),
            calls.c.provider_batch_id.is_(None),
        )
        .group_by(calls.c.model, calls.c.currency)
    ).all()
    return {(model, currency or ""): (float(mean), count) for model, currency, mean, count in found}


def mean_file_size(connection: Connection, sheet_id: int) -> float | None:
    """The mean size of saved files in bytes; None if there are none."""
    ours = exists().where(jobs.c.id == files.c.job_id, jobs.c.batch_id == sheet_id)
    mean = connection.execute(
        select(func.avg(files.c.size)).where(files.c.state == "done", ours)
    ).scalar_one()
    return None if mean is None else float(mean)
