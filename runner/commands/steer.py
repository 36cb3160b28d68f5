"""`rowmill steer`: changes a run in progress, from another terminal."""

import time

import click

from jobs.job import JSON
from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.console.workspaces import find_workspace
from runner.exits import Refusal
from runner.launch.orders import hand_over, obeyed
from runner.settings.schema import Cap, Until


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
    with workspace.place.open() as store:
        event = hand_over(store, order, cap if isinstance(cap, Cap) else None, settings)
        told = ", ".join(_shown(key, value) for key, value in order.items())
        if store.shared:
            print_message(obeyed(store, event, told))
        else:
            print_message(say("steer.done", what=told))


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
