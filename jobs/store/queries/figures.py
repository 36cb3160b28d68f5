"""Figures for the charts of a report: rows over time, waits, failures by class, cost by model."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, cast, func, not_, select

from jobs.job import State
from jobs.store.queries.pace import ENDED
from jobs.store.row_status import COST, WITH_LAST_CALL
from jobs.store.schema import calls, jobs, rows

MOST_BINS = 48
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
NIGHT = 12 * 3600.0  # a pause this long begins a new night
BARS = 24  # of a histogram, at most
LEAST = 10  # ended rows; fewer need no chart
STRETCH = 600.0  # seconds, of which one may be called slow
FEW = 5  # fewer rows say nothing about a period
MICRO = 1_000_000  # whole microseconds divide the same way in every database


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBin:
    """Rows that ended in one period, by state."""

    at: float
    done: int
    failed: int
    in_doubt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long answers took: counts by equal steps of `width` seconds, the last one open."""

    width: float
    counts: tuple[int, ...]
    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """What one model cost; None if no price is known. Does not include `unpriced` rows."""

    model: str
    done: int
    cost: float | None
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that the charts show. `finished` covers the last night only, in steps of `width`."""

    width: float
    finished: tuple[TimeBin, ...]
    waits: Waits | None
    classes: tuple[tuple[str, int], ...]  # the most frequent first
    models: tuple[ModelCost, ...]  # the most expensive first
    slow: tuple[tuple[float, float], ...]  # from, to: answers took twice as long as usual


NOTHING = Figures(width=1.0, finished=(), waits=None, classes=(), models=(), slow=())


def figures(connection: Connection, sheet_id: int) -> Figures:
    """Compute the figures; empty ones if too few rows have ended for a chart."""
    here = and_(rows.c.batch_id == sheet_id, not_(rows.c.parked))
    ended = and_(here, jobs.c.state.in_(ENDED))
    done = and_(here, jobs.c.state == State.DONE.value)
    if connection.execute(_counting(ended)).scalar_one() < LEAST:
        return NOTHING
    night = and_(ended, jobs.c.updated_at >= _night_began(connection, ended))
    width, finished = _finished(connection, night)
    return Figures(
        width=width,
        finished=finished,
        waits=_waits(connection, done),
        classes=_classes(connection, here),
        models=_models(connection, done),
        slow=_slow(connection, night),
    )


def _counting(chosen: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(WITH_LAST_CALL).where(chosen)


def _place(value: ColumnElement[Any], width: float) -> ColumnElement[int]:
    """The step of `width` seconds in which a value lies."""
    return cast(value * MICRO, BigInteger) // round(width * MICRO)


def _night_began(connection: Connection, ended: ColumnElement[bool]) -> float:
    """When the first row ended after the last long pause."""
    at = jobs.c.updated_at
    before = func.lag(at).over(order_by=at)
    times = select(at.label("at"), before.label("before")).select_from(WITH_LAST_CALL)
    found = times.where(ended).subquery()
    query = select(func.max(found.c.at)).where(found.c.at - found.c.before > NIGHT)
    return float(connection.execute(query).scalar_one() or 0.0)


def _finished(
    connection: Connection, night: ColumnElement[bool]
) -> tuple[float, tuple[TimeBin, ...]]:
    """The width of a bin, so that there are few and each begins at a round time, and all bins."""
    at = jobs.c.updated_at
    ends = select(func.min(at), func.max(at)).select_from(WITH_LAST_CALL).where(night)
    first, last = connection.execute(ends).one()
    width = float(next((one for one in WIDTHS if (last - first) / one < MOST_BINS), WIDTHS[-1]))
    place = _place(at, width)
    query = select(place, jobs.c.state, func.count()).select_from(WITH_LAST_CALL).where(night)
    counts: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(ENDED, 0))
    for number, state, count in connection.execute(query.group_by(place, jobs.c.state)):
        counts[number][state] = count
    bins = range(min(counts), max(counts) + 1)
    return width, tuple(TimeBin(at=number * width, **counts[number]) for number in bins)


def _waits(connection: Connection, done: ColumnElement[bool]) -> Waits | None:
    answered = and_(done, calls.c.seconds.is_not(None))
    found = _quantiles(connection, answered, (0.5, 0.95, 0.99))
    if found is None:
        return None
    p50, p95, most = found
    width = _step(most / BARS)
    last = int(most // width)
    place = _place(calls.c.seconds, width)
    query = select(place, func.count()).select_from(WITH_LAST_CALL).where(answered)
    counts = [0] * (last + 1)
    for number, count in connection.execute(query.group_by(place)):
        counts[min(number, last)] += count
    return Waits(width=width, counts=tuple(counts), p50=p50, p95=p95)


def _quantiles(
    connection: Connection, chosen: ColumnElement[bool], shares: Sequence[float]
) -> list[float] | None:
    """Waits below which these shares lie, between two waits in proportion; None without any."""
    total = connection.execute(_counting(chosen)).scalar_one()
    if not total:
        return None
    wanted = [share * (total - 1) for share in shares]
    needed = {int(one) + more for one in wanted for more in (0, 1)}
    place = (func.row_number().over(order_by=calls.c.seconds) - 1).label("place")
    ordered = select(place, calls.c.seconds).select_from(WITH_LAST_CALL).where(chosen).subquery()
    query = select(ordered.c.place, ordered.c.seconds).where(ordered.c.place.in_(needed))
    at = {number: float(seconds) for number, seconds in connection.execute(query)}
    at[total] = at.get(total - 1, 0.0)  # beyond the last, in proportion of nothing
    return [at[int(one)] + (one - int(one)) * (at[int(one) + 1] - at[int(one)]) for one in wanted]


def _step(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    size = 0.001
    while True:
        for factor in (1, 2, 5):
            if size * factor >= least:
                return size * factor
        size *= 10


def _classes(connection: Connection, here: ColumnElement[bool]) -> tuple[tuple[str, int], ...]:
    """Failed rows by class; those in doubt are a class of their own."""
    kind = func.coalesce(jobs.c.kind, "crashed")
    query = select(kind, func.count()).select_from(WITH_LAST_CALL)
    failed = query.where(here, jobs.c.state == State.FAILED.value).group_by(kind)
    counts = [(str(name), int(count)) for name, count in connection.execute(failed)]
    doubtful = _counting(and_(here, jobs.c.state == State.IN_DOUBT.value))
    if count := connection.execute(doubtful).scalar_one():
        counts.append((State.IN_DOUBT.value, count))
    return tuple(sorted(counts, key=lambda one: (-one[1], one[0])))


def _models(connection: Connection, done: ColumnElement[bool]) -> tuple[ModelCost, ...]:
    query = (
        select(jobs.c.model, func.count(), func.count(COST), func.sum(COST))
        .select_from(WITH_LAST_CALL)
        .where(done)
        .group_by(jobs.c.model)
    )
    found = [
        ModelCost(model=model, done=count, cost=cost, unpriced=count - priced)
        for model, count, priced, cost in connection.execute(query)
    ]
    return tuple(sorted(found, key=lambda one: (one.cost is None, -(one.cost or 0.0), -one.done)))


def _slow(connection: Connection, night: ColumnElement[bool]) -> tuple[tuple[float, float], ...]:
    """Periods in which the median wait was more than twice that of the whole night."""
    answered = and_(night, calls.c.seconds.is_not(None))
    usual = _quantiles(connection, answered, (0.5,))
    if usual is None:
        return ()
    place = _place(jobs.c.updated_at, STRETCH)
    rank = func.row_number().over(partition_by=place, order_by=calls.c.seconds)
    size = func.count().over(partition_by=place)
    ranked = (
        select(place.label("place"), calls.c.seconds, rank.label("rank"), size.label("size"))
        .select_from(WITH_LAST_CALL)
        .where(answered)
        .subquery()
    )
    middle = ranked.c.rank * 2
    median = func.avg(ranked.c.seconds)
    query = (
        select(ranked.c.place)
        .where(middle >= ranked.c.size, middle <= ranked.c.size + 2, ranked.c.size >= FEW)
        .group_by(ranked.c.place)
        .having(median > 2 * usual[0])
        .order_by(ranked.c.place)
    )
    return _joined(connection.execute(query).scalars().all())


def _joined(places: Sequence[int]) -> tuple[tuple[float, float], ...]:
    """Adjacent periods, merged."""
    stretches: list[tuple[float, float]] = []
    for place in places:
        begin, end = STRETCH * place, STRETCH * (place + 1)
        if stretches and stretches[-1][1] == begin:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((begin, end))
    return tuple(stretches)
