"""All hosts of a run spend under one cap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from jobs.claimed import Claimed
from jobs.job import Step
from jobs.outcome import Finished, GiveUp, WireClass
from jobs.result import Result
from jobs.store import Store
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.queue.settles import CallEnd, Settlement, settle
from jobs.store.run_money import (
    MoneyMoved,
    count_money,
    fitting_under,
    give_up_money,
    hold_money,
    money_moved,
    move_money,
    set_cap,
)
from jobs.store.schema import calls
from tests.support.loading import asking, load
from tests.support.run_of_hosts import RUN, holding_of, open_run_of, run_row
from tests.support.working import FAILURE, IDS

FINISHED = Finished(result=Result(text="here"))


def opened(store: Store, count: int, *, most: float) -> list[Claimed]:
    """Claim so many rows whose calls may cost so much, and hold that."""
    with store.write() as tx:
        order = ClaimRequest(step=Step.SEND, limit=count)
        taken = claim(tx, holding_of("a"), order, ids=IDS, now=1000.0)
        tx.execute(update(calls).where(calls.c.ceiling.is_(None)).values(ceiling=most))
        hold_money(tx, RUN, [most] * len(taken), MoneyMoved())
    return taken


def ended(store: Store, job: Claimed, wire: WireClass, cost: float | None) -> None:
    """Settle a job, with its money."""
    end = CallEnd(wire=wire, seconds=1.0, cost=cost)
    outcome = FINISHED if wire is WireClass.ANSWERED else GiveUp(failure=FAILURE)
    one = Settlement(job=job, outcome=outcome, ended=end)
    with store.write() as tx:
        moved = money_moved(tx, [one])
        settle(tx, holding_of("a"), [one], now=1001.0)
        move_money(tx, RUN, moved)


def amounts(store: Store) -> tuple[float, float]:
    """What the run has spent, and what it holds."""
    row = run_row(store)
    return round(float(str(row["spent"])), 9), round(float(str(row["held"])), 9)


def test_a_claim_gets_as_many_calls_as_fit(store: Store) -> None:
    open_run_of(store, cap=1.0)
    with store.write() as tx:
        assert hold_money(tx, RUN, [0.3] * 3, MoneyMoved()).fitting == 3
    with store.write() as tx:
        room = hold_money(tx, RUN, [0.05, 0.05, 0.05], MoneyMoved())
    assert room.fitting == 2
    assert room.left == pytest.approx(0.0)
    assert amounts(store) == (0.0, 1.0)


def test_what_settles_makes_room_in_the_same_claim(store: Store) -> None:
    open_run_of(store, cap=1.0)
    with store.write() as tx:
        hold_money(tx, RUN, [1.0], MoneyMoved())
        assert hold_money(tx, RUN, [0.5], MoneyMoved(released=1.0, spent=0.4)).fitting == 1
    assert amounts(store) == (0.4, 0.5)


@pytest.mark.parametrize(
    ("wire", "cost", "spent"),
    [
        (WireClass.ANSWERED, 0.2, 0.2),
        (WireClass.ANSWERED, None, 0.5),
        (WireClass.IN_DOUBT, None, 0.5),
        (WireClass.REFUSED, None, 0.0),
        (WireClass.NOT_SENT, None, 0.0),
    ],
)
def test_settling_moves_what_was_held(
    store: Store, wire: WireClass, cost: float | None, spent: float
) -> None:
    load(store, asking("a", "b"))
    open_run_of(store, cap=2.0)
    first, _ = opened(store, 2, most=0.5)
    ended(store, first, wire, cost)
    assert amounts(store) == (spent, 0.5)
    ended(store, first, wire, cost)
    assert amounts(store) == (spent, 0.5), "a settle that is repeated moves nothing"


def test_a_late_answer_corrects_what_a_lost_host_was_counted_for(store: Store) -> None:
    load(store, asking("a"))
    open_run_of(store, cap=2.0)
    (job,) = opened(store, 1, most=0.5)
    with store.write() as tx:
        give_up_money(tx, RUN, [job.call_id])
        tx.execute(update(calls).values(wire=WireClass.IN_DOUBT.value))
    assert amounts(store) == (0.5, 0.0)
    ended(store, job, WireClass.ANSWERED, 0.1)
    assert amounts(store) == (0.1, 0.0)


def test_counting_anew_gives_what_was_kept(store: Store) -> None:
    load(store, asking("a", "b", "c"))
    open_run_of(store, cap=2.0)
    first, second, _ = opened(store, 3, most=0.5)
    ended(store, first, WireClass.ANSWERED, 0.2)
    ended(store, second, WireClass.IN_DOUBT, None)
    kept = amounts(store)
    with store.write() as tx:
        count_money(tx, RUN, 1)
    assert amounts(store) == kept == (0.7, 0.5)


def test_a_lifted_cap_lets_everything_through(store: Store) -> None:
    open_run_of(store, cap=1.0)
    with store.write() as tx:
        set_cap(tx, RUN, None)
        assert hold_money(tx, RUN, [5.0], MoneyMoved()).fitting == 1


def test_calls_of_the_test_have_a_ceiling(store: Store) -> None:
    load(store, asking("a"))
    open_run_of(store, cap=1.0)
    opened(store, 1, most=0.5)
    with store.read() as tx:
        assert tx.execute(select(calls.c.ceiling)).scalar_one() == 0.5


@given(st.floats(0, 10), st.lists(st.floats(0, 3), max_size=10))
def test_the_calls_that_fit_never_exceed_the_cap(left: float, most: list[float]) -> None:
    fitting = fitting_under(left, most)
    assert sum(most[:fitting]) <= left + 1e-9
    assert fitting == len(most) or sum(most[: fitting + 1]) > left - 1e-9
