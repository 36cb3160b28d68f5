"""What a run of several hosts has spent and holds for calls in flight, under one cap.

The row of the run is touched last in a transaction, since other hosts wait for it until the
commit; without a cap it is not touched at all. Amounts are in the currency of the cap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, and_, cast, func, or_, select, update

from jobs.outcome import FREE_CLASSES, WireClass
from jobs.store.money import NANO
from jobs.store.queue.settles import Settlement
from jobs.store.row_status import IS_FREE
from jobs.store.schema import calls, runs

HALF_A_NANO = 0.5 / NANO  # sums of floats may differ by less


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    """What settled calls no longer hold, and what they cost instead."""

    released: float = 0.0
    spent: float = 0.0

    def __add__(self, other: "MoneyMoved") -> "MoneyMoved":
        """Both together."""
        return MoneyMoved(self.released + other.released, self.spent + other.spent)

    def __bool__(self) -> bool:
        return self != MoneyMoved()


@dataclass(frozen=True, slots=True)
class Room:
    """How many calls fit under a cap, in order, and what it leaves for one more."""

    fitting: int
    left: float | None = None  # where not all fit


class RunMoney:
    """What one host moves in the row of its run, in the transaction that is going on.

    `counts` is False as long as the run has no cap.
    """

    def __init__(self, run_id: int, *, counts: bool) -> None:
        self.counts = counts
        self._run_id = run_id
        self._moved = MoneyMoved()

    def begin(self) -> None:
        """A transaction begins, perhaps once more."""
        self._moved = MoneyMoved()

    def of(self, connection: Connection, settlements: Sequence[Settlement]) -> MoneyMoved:
        """What these settlements will move; call it before they are written."""
        return money_moved(connection, settlements) if self.counts else MoneyMoved()

    def add(self, moved: MoneyMoved) -> None:
        """These were written."""
        self._moved += moved

    def hold(self, connection: Connection, most: Sequence[float]) -> Room:
        """Hold what these calls may cost, and write what was settled before."""
        if not self.counts:
            return Room(len(most))
        moved, self._moved = self._moved, MoneyMoved()
        return hold_money(connection, self._run_id, most, moved)

    def hold_apart(self, connection: Connection, most: Sequence[float]) -> Room:
        """The same in a part of the transaction that may be undone by itself."""
        if not self.counts:
            return Room(len(most))
        return hold_money(connection, self._run_id, most, MoneyMoved())

    def end(self, connection: Connection) -> None:
        """The transaction is about to end."""
        moved, self._moved = self._moved, MoneyMoved()
        move_money(connection, self._run_id, moved)


def count_money(connection: Connection, run_id: int, sheet_id: int) -> None:
    """Count anew what the sheet has ever cost, and what its open calls hold.

    The row is locked first: what other hosts settle meanwhile is added when they get it.
    """
    connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())
    amount = func.coalesce(calls.c.cost, calls.c.ceiling)
    mine = select(func.coalesce(func.sum(amount), 0.0)).select_from(
        calls.join(runs, runs.c.id == calls.c.run_id)
    )
    mine = mine.where(runs.c.batch_id == sheet_id)
    spent = connection.execute(mine.where(calls.c.wire.is_not(None), ~IS_FREE)).scalar_one()
    held = connection.execute(mine.where(calls.c.wire.is_(None))).scalar_one()
    connection.execute(update(runs).where(runs.c.id == run_id).values(spent=spent, held=held))


def has_cap(connection: Connection, run_id: int) -> bool:
    """True if the run is limited now."""
    found = connection.execute(select(runs.c.cap).where(runs.c.id == run_id)).scalar_one()
    return found is not None


def set_cap(connection: Connection, run_id: int, cap: float | None) -> None:
    """Another cap for all hosts, from their next claim on; None lifts it."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(cap=cap))


def money_moved(connection: Connection, settlements: Sequence[Settlement]) -> MoneyMoved:
    """What these settlements will move once they are written; call it before that."""
    ended = {
        one.job.call_id: one.ended
        for one in settlements
        if one.ended is not None and one.ended.is_primary
    }
    refunded = {one.job.call_id for one in settlements if one.refund is not None}
    repriced = sum(one.price.more for one in settlements if one.price is not None)
    moved = MoneyMoved(0.0, repriced)
    if not ended and not refunded:
        return moved
    for row in connection.execute(
        select(calls.c.id, calls.c.wire, calls.c.cost, calls.c.ceiling).where(
            calls.c.id.in_([*ended, *refunded])
        )
    ):
        most = row.ceiling or 0.0
        before = _cost(row.wire, row.cost, most)
        if row.id in refunded:
            moved += MoneyMoved(0.0, -before)
        end = ended.get(row.id)
        if end is None or row.wire not in (None, WireClass.IN_DOUBT.value):
            continue  # its end stays as it is
        after = _cost(end.wire.value, end.cost, most)
        moved += MoneyMoved(most if row.wire is None else 0.0, after - before)
    return moved


def _cost(wire: str | None, cost: float | None, most: float) -> float:
    if wire is None or WireClass(wire) in FREE_CLASSES:
        return 0.0
    return most if cost is None else cost


def move_money(connection: Connection, run_id: int, moved: MoneyMoved) -> None:
    """Write what settled calls moved, where the same transaction claims nothing."""
    if moved:
        connection.execute(_moving(run_id, moved))


def give_up_money(connection: Connection, run_id: int, call_ids: Sequence[int]) -> None:
    """Count open calls of a lost host at the most they may cost; call it before they end."""
    held = connection.execute(
        select(func.coalesce(func.sum(calls.c.ceiling), 0.0)).where(
            calls.c.id.in_(call_ids), calls.c.wire.is_(None)
        )
    ).scalar_one()
    if held and has_cap(connection, run_id):
        move_money(connection, run_id, MoneyMoved(held, held))


def hold_money(
    connection: Connection, run_id: int, most: Sequence[float], moved: MoneyMoved
) -> Room:
    """Hold what these calls may cost at most, for as many of them as fit under the cap."""
    if _hold(connection, run_id, sum(most), moved):
        return Room(len(most))
    row = connection.execute(
        select(runs.c.cap, runs.c.spent, runs.c.held).where(runs.c.id == run_id).with_for_update()
    ).one()
    cap = float("inf") if row.cap is None else row.cap
    left = cap - row.spent - row.held + moved.released - moved.spent
    fitting = fitting_under(left, most)
    connection.execute(_moving(run_id, moved + MoneyMoved(-sum(most[:fitting]), 0.0)))
    return Room(fitting, left - sum(most[:fitting]))


def fitting_under(left: float, most: Sequence[float]) -> int:
    """How many of the first calls fit, all at their maximum."""
    for number, one in enumerate(most):
        left -= one
        if left < -HALF_A_NANO:
            return number
    return len(most)


def _hold(connection: Connection, run_id: int, amount: float, moved: MoneyMoved) -> bool:
    after = runs.c.spent + runs.c.held + (amount + moved.spent - moved.released)
    fits: ColumnElement[bool] = or_(runs.c.cap.is_(None), after <= runs.c.cap + HALF_A_NANO)
    change = _moving(run_id, moved + MoneyMoved(-amount, 0.0)).where(fits)
    return connection.execute(change).rowcount == 1


def _moving(run_id: int, moved: MoneyMoved) -> Any:
    return (
        update(runs)
        .where(and_(runs.c.id == run_id))
        .values(held=_whole(runs.c.held - moved.released), spent=_whole(runs.c.spent + moved.spent))
    )


def _whole(amount: ColumnElement[float]) -> Any:
    """Rounded to a billionth, so that sums of floats do not drift."""
    return cast(func.round(amount * NANO), Float) / NANO
