"""`rowmill steer`: changes a run in progress, from another terminal."""

import time
from dataclasses import replace

import click

from jobs.job import JSON
from jobs.store import Transaction
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.log import ids_after, note, remember_options, unended_run
from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.console.workspaces import find_workspace
from runner.engine.steering import STEER
from runner.exits import Refusal
from runner.launch.estimate import estimate_run
from runner.preflight.gateway_info import known_info
from runner.preflight.pending_work import read_pending_work
from runner.settings.schema import Cap, Until
from runner.settings.settings import Settings
from runner.views.next_command import at_run_address
from runner.workspace.workspace import SHEET_ID, Workspace


@options.argument("sheet", required=False)
def _steer(sheet: str | None) -> None:
    order, cap = _order(time.time()), options.given().get("max_cost")
    named_sheet = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named_sheet))
    if not order and cap is None:
        raise click.UsageError(say("steer.nothing"), click.get_current_context())
    if "pause" in order and "resume" in order:
        raise click.UsageError(say("steer.both"), click.get_current_context())
    workspace = find_workspace(named_sheet)
    if not workspace.is_running():
        raise Refusal(say("steer.no_run"))
    _hand_over(workspace, order, cap if isinstance(cap, Cap) else None, settings)
    print_message(
        say("steer.done", what=", ".join(_shown(key, value) for key, value in order.items()))
    )


def _order(now: float) -> dict[str, JSON]:
    """The options given on this command line, as the run reads them."""
    order: dict[str, JSON] = {}
    for name in ("pause", "resume", "concurrency", "rpm", "tpm", "until"):
        value = options.given().get(name)
        if isinstance(value, Until):
            order[name] = value.moment(now)
        elif isinstance(value, bool | int | str) and value is not False:
            order[name] = value
    return order


def _hand_over(
    workspace: Workspace, order: dict[str, JSON], cap: Cap | None, settings: Settings
) -> None:
    """Write the order into the table, which the run reads every second; later runs keep a cap."""
    with workspace.place.open() as store, store.write() as tx:
        run = unended_run(tx, SHEET_ID)
        if run is None:
            raise Refusal(say("steer.no_run"))
        if cap is not None:
            order["max_cost"] = _keep_cap(tx, cap, at_run_address(settings, run))
        note(tx, run.id, STEER, order, event_id=ids_after(tx).take(), now=time.time())


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


def _shown(name: str, value: JSON) -> str:
    """One change in words."""
    if value is True:
        return name
    if name == "until" and isinstance(value, float):
        value = time.strftime("%H:%M:%S", time.localtime(value))
    return f"{name} {value}"


command = options.command(
    "steer",
    examples=(
        "rowmill steer prompts.xlsx --pause",
        "rowmill steer prompts.xlsx --resume -c auto",
        "rowmill steer -c 4 --rpm 60 --until 07:00",
    ),
)(_steer)
