"""Several hosts claim under one cap that lies in their table."""

from jobs.claimed import Claimed
from jobs.job import Step
from jobs.store import Store
from jobs.store.queries.totals import counts
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.run_money import RunMoney, count_money
from jobs.store.schema import calls
from runner.prices.price_list import PriceList
from runner.prices.shared_cap import SharedSpendingCap
from runner.prices.user_prices import OwnPrice
from runner.steps.priced_request import priced_call
from tests.support.loading import asking, load
from tests.support.run_of_hosts import RUN, holding_of, open_run_of, run_row
from tests.support.working import IDS

PRICES = PriceList(own={"m": OwnPrice(call=0.4, currency="USD")}, gateway={})


def host_cap(*, counts: bool = True) -> SharedSpendingCap:
    return SharedSpendingCap(PRICES, priced_call, RunMoney(RUN, counts=counts))


def claimed(store: Store, cap: SharedSpendingCap, name: str, limit: int = 10) -> list[Claimed]:
    order = ClaimRequest(step=Step.SEND, limit=limit, budget=cap)
    with store.write() as tx:
        cap.money.begin()
        return claim(tx, holding_of(name), order, ids=IDS, now=1000.0)


def test_hosts_together_open_no_more_calls_than_fit(store: Store) -> None:
    load(store, asking(*"abcdef"))
    open_run_of(store, cap=1.3)
    ours, theirs = host_cap(), host_cap()
    assert len(claimed(store, ours, "a", limit=2)) == 2
    assert len(claimed(store, theirs, "b")) == 1
    assert theirs.reached is not None
    assert round(theirs.reached.left, 6) == 0.1
    assert claimed(store, ours, "a") == []
    assert round(float(str(run_row(store)["held"])), 6) == 1.2


def test_calls_that_do_not_fit_leave_no_trace(store: Store) -> None:
    load(store, asking(*"abc"))
    open_run_of(store, cap=0.5)
    (job,) = claimed(store, host_cap(), "a")
    with store.read() as tx:
        assert [row.id for row in tx.execute(calls.select())] == [job.call_id]
        assert counts(tx, 1).pending == 3
    assert [one.id for one in claimed(store, host_cap(counts=False), "b")] != [job.id]


def test_without_a_cap_the_run_is_not_touched(store: Store) -> None:
    load(store, asking(*"abc"))
    open_run_of(store)
    assert len(claimed(store, host_cap(counts=False), "a")) == 3
    assert run_row(store)["held"] == 0


def test_a_cap_that_comes_later_counts_what_is_in_flight(store: Store) -> None:
    load(store, asking(*"abc"))
    open_run_of(store)
    cap = host_cap(counts=False)
    claimed(store, cap, "a", limit=2)
    cap.set_cap(1.0)
    with store.write() as tx:
        count_money(tx, RUN, 1)
    assert round(float(str(run_row(store)["held"])), 6) == 0.8
