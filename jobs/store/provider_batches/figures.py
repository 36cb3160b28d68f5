"""Counts what has become of the rows of provider batches, and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, case, func, select

from jobs.outcome import FREE_CLASSES, PAID_CLASSES
from jobs.store.money import nanos_of
from jobs.store.schema import attempts, calls, provider_batches

_FAILED = "giveup"
_IN_DOUBT = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFigures:
    """The rows of one batch by outcome; amounts in billionths by currency.

    `open` rows have none yet, `given_back` were not bought. `most` is what counts for rows that are
    open or in doubt, `unknown` the number of billed rows without a known cost.
    """

    open: int = 0
    done: int = 0
    failed: int = 0
    in_doubt: int = 0
    given_back: int = 0
    cost: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0


def batch_figures(connection: Connection, sheet_id: int) -> dict[int, BatchFigures]:
    """The figures of all provider batches of a sheet, by number."""
    paid = calls.c.wire.in_(sorted(one.value for one in PAID_CLASSES))
    free = calls.c.wire.in_(sorted(one.value for one in FREE_CLASSES))
    is_open, failed = calls.c.wire.is_(None), attempts.c.outcome == _FAILED
    found = connection.execute(
        select(
            provider_batches.c.id,
            calls.c.currency,
            _count(is_open),
            _count(paid & ~failed),
            _count(failed),
            _count(attempts.c.outcome == _IN_DOUBT),
            _count(free & ~failed),
            func.sum(case((paid, nanos_of(calls.c.cost)))),
            func.sum(case((~(paid | free) | is_open, nanos_of(calls.c.ceiling)))),
            _count(paid & calls.c.cost.is_(None)),
        )
        .select_from(provider_batches)
        .join(calls, calls.c.provider_batch_id == provider_batches.c.id)
        .join(attempts, attempts.c.call_id == calls.c.id)
        .where(provider_batches.c.sheet_id == sheet_id)
        .group_by(provider_batches.c.id, calls.c.currency)
    )
    figures: dict[int, BatchFigures] = {}
    for number, currency, *counts, cost, most, unknown in found:
        before = figures.get(number, BatchFigures())
        figures[number] = _with(before, currency or "", counts, (cost, most), unknown)
    return figures


def _with(
    before: BatchFigures,
    currency: str,
    counts: list[int],
    amounts: tuple[int | None, int | None],
    unknown: int,
) -> BatchFigures:
    """The figures with those of the rows in one currency."""
    is_open, done, failed, in_doubt, given_back = counts
    cost, most = amounts
    return BatchFigures(
        open=before.open + is_open,
        done=before.done + done,
        failed=before.failed + failed,
        in_doubt=before.in_doubt + in_doubt,
        given_back=before.given_back + given_back,
        cost=before.cost if cost is None else {**before.cost, currency: int(cost)},
        most=before.most if most is None else {**before.most, currency: int(most)},
        unknown=before.unknown + unknown,
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
