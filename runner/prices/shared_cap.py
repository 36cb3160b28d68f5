"""The spending cap of a run of several hosts: it lies in the table, and each claim asks there."""

from collections.abc import Callable, Sequence

from jobs.claimed import Claimed
from jobs.store import Transaction
from jobs.store.queue.claims import MaxCost
from jobs.store.queue.settles import Settlement
from jobs.store.run_money import RunMoney
from runner.prices.money import NANO, nanos
from runner.prices.price_list import PriceList
from runner.prices.request import PricedRequest
from runner.prices.spending_cap import CapReached, SpendingCap


class SharedSpendingCap(SpendingCap):
    """Knows prices; what is spent and in flight on all hosts is known to the table alone."""

    def __init__(
        self,
        prices: PriceList,
        priced: Callable[[Sequence[Claimed]], PricedRequest],
        money: RunMoney,
    ) -> None:
        super().__init__(prices, priced)
        self.money = money
        self._calls: list[tuple[Claimed, float | None]] = []  # reserved last: the most it may cost

    def set_cap(self, cap: float | None) -> None:
        """The table has the new cap already; from now on this host counts what it spends."""
        self.money.counts = self.money.counts or cap is not None
        self.reached = None

    def reserve(self, calls: Sequence[Sequence[Claimed]]) -> Sequence[MaxCost]:
        """The maximum costs of these calls; under a cap only of those before an unpriced one."""
        max_costs: list[MaxCost] = []
        self._calls, self.reached = [], None
        for jobs in calls:
            price = self.prices.ceiling(self._priced(jobs))
            if price is None and self.money.counts:
                self.reached = CapReached(row=jobs[0].row, max_cost=None, left=0.0)
                break
            most = None if price is None else nanos(price.amount, up=True) / NANO
            self._calls.append((jobs[0], most))
            currency = None if price is None else price.currency
            max_costs.append(MaxCost(most, currency))
        return max_costs

    def hold(self, connection: Transaction, opened: int) -> int:
        """How many of the calls fit under what all hosts have left."""
        most = [amount or 0.0 for _, amount in self._calls[:opened]]
        room = self.money.hold(connection, most)
        if room.fitting < opened:
            job, amount = self._calls[room.fitting]
            self.reached = CapReached(row=job.row, max_cost=amount, left=max(room.left or 0.0, 0.0))
        return room.fitting

    def open_calls(self, jobs: Sequence[Claimed]) -> bool:
        """True if there were further calls that did not fit."""
        del jobs
        return self.reached is not None

    def settle(self, settlement: Settlement) -> None:
        """Nothing to do: the transaction that settles counts it."""

    def hold_ahead(
        self,
        connection: Transaction,
        batch: int,
        rows: Sequence[int],
        ceilings: Sequence[float | None],
    ) -> int:
        """How many of these rows, in order, fit under what all hosts have left."""
        del batch
        self.reached = None
        known = [most for most in ceilings if most is not None]
        if self.money.counts and len(known) < len(ceilings):
            fitting = ceilings.index(None)
            self.reached = CapReached(row=rows[fitting], max_cost=None, left=0.0)
            return fitting
        room = self.money.hold_apart(connection, [most or 0.0 for most in ceilings])
        if room.fitting < len(ceilings):
            left = max(room.left or 0.0, 0.0)
            most = ceilings[room.fitting]
            self.reached = CapReached(row=rows[room.fitting], max_cost=most, left=left)
        return room.fitting

    def spend_ahead(self, batch: int) -> None:
        """Nothing to do: the table holds it."""

    def settle_ahead(self, settlement: Settlement, ceiling: float | None) -> None:
        """Nothing to do: the transaction that settles counts it."""
