"""A host takes in-doubt repeats of its run a few at a time."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from jobs.claimed import Holding
from jobs.store import Store
from jobs.store.writer import TableWriter
from runner.engine.allowance import RunAllowance
from runner.steps.context import RunState
from tests.support.run_of_hosts import RUN, add_host, open_run_of, run_row


class Writer:
    """Commits each work after a moment, as the thread that writes does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.holding = Holding(sheet_id=1, run_id=RUN, owner="a")

    async def do(self, work: Callable[[Any], Any]) -> Any:
        await asyncio.sleep(0)
        with self.store.write() as tx:
            return work(tx)


@pytest.fixture
def writer(store: Store) -> Writer:
    open_run_of(store, "a", repeats=12)
    return Writer(store)


def fresh() -> RunState:
    return RunState(max_attempts=5, hold_in_doubt=False, repeats_left=0)


async def used(allowance: RunAllowance, state: RunState) -> bool:
    """A call in doubt that would be repeated. True if it may be."""
    await allowance.refill(state)
    if state.repeats_left <= 0:
        return False
    state.repeats_left -= 1
    return True


async def test_calls_that_end_together_use_all_repeats_and_no_more(writer: Writer) -> None:
    allowance, state = RunAllowance(cast("TableWriter", writer)), fresh()
    found = await asyncio.gather(*(used(allowance, state) for _ in range(20)))
    assert sum(found) == 12
    assert run_row(writer.store)["repeats_left"] == 0


async def test_a_host_that_joined_anew_has_none_of_its_old_repeats(writer: Writer) -> None:
    allowance, state = RunAllowance(cast("TableWriter", writer)), fresh()
    await allowance.refill(state)
    assert state.repeats_left == 5
    add_host(writer.store, "b", number=1)
    writer.holding = Holding(sheet_id=1, run_id=RUN, owner="b")
    state.repeats_left = 3
    await allowance.refill(state)
    assert state.repeats_left == 5
    assert run_row(writer.store)["repeats_left"] == 2
