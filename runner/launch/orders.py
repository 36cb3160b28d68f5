"""Gives orders to a run in progress, through its table."""

import time
from dataclasses import dataclass, replace

from jobs.job import JSON
from jobs.store import Store, Transaction
from jobs.store.hosts import AT_WORK, database_time, hosts_of
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.log import ids_after, note, remember_options, unended_run
from jobs.store.run_findings import obeying
from jobs.store.run_money import set_cap
from runner.catalogue import say
from runner.engine.steering import STEER
from runner.exits import Refusal
from runner.launch.estimate import estimate_run
from runner.preflight.gateway_info import known_info
from runner.preflight.pending_work import read_pending_work
from runner.settings.schema import Cap
from runner.settings.settings import Settings
from runner.views.next_command import at_run_address
from runner.workspace.workspace import SHEET_ID

OBEY_SECONDS = 4.0  # an order is followed within 2 s by a machine that is well
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """An order in the table."""

    run_id: int
    event_id: int


def hand_over(
    store: Store, order: dict[str, JSON], cap: Cap | None, settings: Settings
) -> RunOrder:
    """Write the order into the table, which the run reads every second; later runs keep a cap."""
    with store.write() as tx:
        run = unended_run(tx, SHEET_ID)
        if run is None:
            raise Refusal(say("steer.no_run"))
        if cap is not None:
            order["max_cost"] = _keep_cap(tx, cap, at_run_address(settings, run))
            if store.shared:
                amount = order["max_cost"]
                set_cap(tx, run.id, amount if isinstance(amount, float) else None)
        now = database_time(tx) if store.shared else time.time()
        event_id = ids_after(tx).take()
        note(tx, run.id, STEER, order, event_id=event_id, now=now)
    return RunOrder(run_id=run.id, event_id=event_id)


def obeyed(store: Store, order: RunOrder, what: str) -> str:
    """Wait until every machine follows the order, and say how many do."""
    deadline = time.monotonic() + OBEY_SECONDS
    while True:
        with store.read() as tx:
            at_work = sum(one.state in AT_WORK for one in hosts_of(tx, order.run_id))
            following = min(obeying(tx, order.run_id, order.event_id), at_work)
        if following == at_work or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    key = "steer.all_obeyed" if following == at_work else "steer.some_obeyed"
    return say(key, what=what, count=f"{following:,}", of=f"{at_work:,}")


def _keep_cap(tx: Transaction, cap: Cap, settings: Settings) -> float | str:
    """The cap as a sum over the workspace's whole life, remembered; or that there is none.

    Raises Refusal where a run would refuse it: a price is unknown, or there are two currencies.
    """
    loaded = loaded_sheet(tx, SHEET_ID)
    assert loaded is not None
    settings = replace(settings, max_cost=cap)
    work = read_pending_work(tx, settings)
    budget = estimate_run(settings, work, known_info(settings.base_url)).budget
    kept = cap if budget is None else Cap(amount=budget.amount)
    remember_options(tx, SHEET_ID, {**loaded.options, "max_cost": str(kept)})
    return str(kept) if budget is None else budget.amount
