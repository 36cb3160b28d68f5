"""Enforces the spending cap: a call starts only if even its maximum cost fits under the cap."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.claimed import Claimed
from jobs.outcome import FREE_CLASSES
from jobs.store import Transaction
from jobs.store.queue.claims import MaxCost
from jobs.store.queue.settles import Settlement
from runner.prices.money import NANO, nanos
from runner.prices.price_list import Price, PriceList
from runner.prices.request import PricedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CapReached:
    """The next call no longer fits under the cap; amounts in the cap's currency."""

    row: int
    max_cost: float | None  # None: its model has no price
    left: float


def _cap_reached(job: Claimed, max_nanos: int | None, left: int) -> CapReached:
    known = None if max_nanos is None else max_nanos / NANO
    return CapReached(row=job.row, max_cost=known, left=max(left, 0) / NANO)


class SpendingCap:
    """Tracks the money spent and in flight, in billionths. `cap` None: no limit.

    `priced` makes the priced request of a call for these jobs.

    The thread that writes the table calls `reserve`, the event loop everything else. Reservations
    count only from `open_calls` on, since the transaction may be rolled back and repeated.
    """

    def __init__(
        self,
        prices: PriceList,
        priced: Callable[[Sequence[Claimed]], PricedRequest],
        *,
        cap: float | None = None,
        spent: int = 0,
    ) -> None:
        self.prices = prices
        self._priced = priced
        self.reached: CapReached | None = None
        self._cap = None if cap is None else nanos(cap)
        self._spent = spent
        self._in_flight: dict[int, int] = {}  # by call
        self._reserved: dict[int, int] = {}
        self._ahead: dict[int, int] = {}  # by provider batch whose intention is being written
        self._lock = threading.Lock()

    def set_cap(self, cap: float | None) -> None:
        """Sets the cap, also in the middle of a run; None removes it."""
        with self._lock:
            self._cap = None if cap is None else nanos(cap)

    def set_spent(self, spent: int) -> None:
        """Sets the amount spent before this run, in billionths."""
        with self._lock:
            self._spent = spent

    def _ceiling(self, jobs: Sequence[Claimed]) -> Price | None:
        known = self.prices.of(jobs[0].model) is not None
        return self.prices.ceiling(self._priced(jobs)) if known else None

    def reserve(self, calls: Sequence[Sequence[Claimed]]) -> Sequence[MaxCost]:
        """The maximum costs of the first calls, as many as fit under the cap."""
        prices = [self._ceiling(jobs) for jobs in calls]
        max_costs: list[MaxCost] = []
        with self._lock:
            self._reserved, self.reached = {}, None
            left = None if self._cap is None else self._cap - self._committed()
            for jobs, price in zip(calls, prices, strict=True):
                max_nanos = nanos(price.amount, up=True) if price is not None else None
                if left is not None:
                    if max_nanos is None or max_nanos > left:
                        self.reached = _cap_reached(jobs[0], max_nanos, left)
                        break
                    left -= max_nanos
                self._reserved[jobs[0].call_id] = max_nanos or 0
                max_costs.append(
                    MaxCost() if price is None else MaxCost(price.amount, price.currency)
                )
        return max_costs

    def hold(self, connection: Transaction, opened: int) -> int:
        """All calls that were reserved fit: no other process spends under this cap."""
        del connection
        return opened

    def _committed(self) -> int:
        """What is spent, in flight, or about to be promised to provider batches."""
        return self._spent + sum(self._in_flight.values()) + sum(self._ahead.values())

    # --- provider batches: what their rows may cost counts as spent until it is known ----------

    def hold_ahead(
        self,
        connection: Transaction,
        batch: int,
        rows: Sequence[int],
        ceilings: Sequence[float | None],
    ) -> int:
        """How many of these rows, in order, fit under the cap; all of them are held if all fit."""
        del connection
        with self._lock:
            self._ahead.pop(batch, None)
            self.reached = None
            total, fitting = 0, 0
            left = None if self._cap is None else self._cap - self._committed()
            for row, most in zip(rows, ceilings, strict=True):
                wanted = None if most is None else nanos(most, up=True)
                if left is not None and (wanted is None or total + wanted > left):
                    known = None if wanted is None else wanted / NANO
                    room = max(left - total, 0) / NANO
                    self.reached = CapReached(row=row, max_cost=known, left=room)
                    return fitting
                total, fitting = total + (wanted or 0), fitting + 1
            self._ahead[batch] = total
            return fitting

    def spend_ahead(self, batch: int) -> None:
        """The intention of this batch is written down."""
        with self._lock:
            self._spent += self._ahead.pop(batch, 0)

    def forget_ahead(self, batch: int) -> None:
        """It was not."""
        with self._lock:
            self._ahead.pop(batch, None)

    def settle_ahead(self, settlement: Settlement, ceiling: float | None) -> None:
        """Counts the stored outcome of a row in a batch instead of the most it might have cost."""
        ended = settlement.ended
        if ended is None or not ended.is_primary:
            return
        held = 0 if ceiling is None else nanos(ceiling, up=True)
        cost = held if ended.cost is None else nanos(ended.cost)
        with self._lock:
            self._spent += (0 if ended.wire in FREE_CLASSES else cost) - held

    def open_calls(self, jobs: Sequence[Claimed]) -> bool:
        """Marks the reservations of these jobs' calls as in flight.

        Returns True if there were further calls that did not fit.
        """
        with self._lock:
            for job in jobs:
                self._in_flight.setdefault(job.call_id, self._reserved.get(job.call_id, 0))
            self._reserved = {}
            return self.reached is not None

    def settle(self, settlement: Settlement) -> None:
        """Counts a stored settlement: its call's actual cost, or its maximum if that is unknown."""
        with self._lock:
            if settlement.refund is not None:
                self._spent -= nanos(settlement.refund)
            if settlement.price is not None:
                self._spent += nanos(settlement.price.more)
            ended = settlement.ended
            if ended is None or not ended.is_primary:
                return
            max_nanos = self._in_flight.pop(settlement.job.call_id, 0)
            if ended.wire in FREE_CLASSES:
                return
            self._spent += max_nanos if ended.cost is None else nanos(ended.cost)
