"""`rowmill batches`: the provider batches of a sheet; cancels them, and removes their files."""

import asyncio
import json
import os
import time
from collections.abc import Sequence

import click

from jobs.store import Store
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import last_run
from jobs.store.provider_batches.batch import BatchState
from jobs.store.provider_batches.moves import removed, want_cancelled
from runner.catalogue import say
from runner.console import options
from runner.console.layout import Page
from runner.console.screen import print_data, print_message
from runner.console.workspaces import find_workspace
from runner.engine.batch_errands import errands
from runner.exits import Exit, Refusal
from runner.settings.keys import KeyRefusal, OwnedKey, sending_keys
from runner.settings.settings import Settings
from runner.views.batches import BatchStatus, batch_record, fact_of, read_batches
from runner.views.next_command import at_last_address
from runner.views.records import BatchesRecord
from runner.workspace.workspace import Workspace


@options.argument("sheet", required=False)
@click.option("--cancel", cls=options.CommandOption, metavar="ID")
@click.option("--clean", cls=options.CommandOption, is_flag=True)
def _batches(sheet: str | None, *, cancel: str | None, clean: bool) -> int:
    named = options.sheet_path(sheet)
    workspace = find_workspace(named)
    found, loaded = _read(workspace)
    settings = _settings(workspace, loaded)
    code = Exit.DONE
    if cancel is not None:
        _cancel(workspace, settings, _chosen(found, cancel))
    if clean:
        code = _clean(workspace, settings, [one for one in found if one.has_leftovers])
    if cancel is not None or clean:
        found, _ = _read(workspace)
    if settings.json:
        print_data(json.dumps(_record(workspace, loaded, found), ensure_ascii=False, indent=2))
    elif not settings.quiet:
        _draw(found, Page(color=settings.color))
    return code


def _read(workspace: Workspace) -> tuple[tuple[BatchStatus, ...], LoadedSheet]:
    with workspace.place.look() as store, store.read() as tx:
        return read_batches(tx), workspace.loaded_in(tx)


def _settings(workspace: Workspace, loaded: LoadedSheet) -> Settings:
    """The settings of the sheet's last run: its batches are at that address."""
    settings = options.settings(
        folder=workspace.sheet_of(loaded).parent,
        remembered=loaded.options,
        workspace=workspace.folder,
    )
    with workspace.place.look() as store, store.read() as tx:
        return at_last_address(settings, last_run(tx, loaded.id), workspace)


def _chosen(found: Sequence[BatchStatus], wanted: str) -> BatchStatus:
    """The batch of this id or number. Raises Refusal if there is none."""
    for one in found:
        if wanted in (one.batch.remote_id, str(one.number), f"#{one.number}", str(one.batch.id)):
            return one
    raise Refusal(say("batches.unknown", id=wanted))


# --- cancel ---------------------------------------------------------------------------------------


def _cancel(workspace: Workspace, settings: Settings, one: BatchStatus) -> None:
    with workspace.place.open() as store:
        with store.write() as tx:
            going_on = want_cancelled(tx, one.batch.id, now=time.time())
        if not going_on:
            raise Refusal(say("batches.over", id=one.name))
        if workspace.is_running():
            print_message(say("batches.run_cancels", id=one.name))
            return
        is_told = one.batch.state is BatchState.CREATED and _is_told(settings, one)
    key = "batches.cancelled" if is_told else "batches.next_run_cancels"
    print_message(say(key, id=one.name))


def _is_told(settings: Settings, one: BatchStatus) -> bool:
    """Tell the provider now. What it does not hear, the next run tells it."""
    try:
        keys = sending_keys(settings, os.environ)
    except KeyRefusal:
        return False
    return asyncio.run(_tell(settings, keys, one))


async def _tell(settings: Settings, keys: Sequence[OwnedKey], one: BatchStatus) -> bool:
    async with errands(settings, keys) as going:
        return going.has_key_for(one.batch) and await going.cancel(one.batch)


# --- clean ----------------------------------------------------------------------------------------


def _clean(workspace: Workspace, settings: Settings, left: Sequence[BatchStatus]) -> Exit:
    """Remove the files of batches that are over."""
    if not left:
        print_message(say("batches.clean"))
        return Exit.DONE
    with workspace.place.open() as store:
        cleaned = asyncio.run(_removed(store, settings, left))
    print_message(say("batches.cleaned", count=f"{cleaned:,}"))
    if cleaned == len(left):
        return Exit.DONE
    print_message(say("batches.not_cleaned", count=f"{len(left) - cleaned:,}"))
    return Exit.PROVIDER


async def _removed(store: Store, settings: Settings, left: Sequence[BatchStatus]) -> int:
    count = 0
    async with errands(settings, sending_keys(settings, os.environ)) as going:
        for one in left:
            if not going.has_key_for(one.batch) or not await going.clean(one.batch):
                continue
            with store.write() as tx:
                removed(tx, one.batch.id, now=time.time())
            count += 1
    return count


# --- what is shown --------------------------------------------------------------------------------


def _draw(found: Sequence[BatchStatus], page: Page) -> None:
    if not found:
        page.text(say("batches.none"))
        return
    page.facts(map(fact_of, found))
    if left := sum(one.has_leftovers for one in found):
        page.gap()
        page.text(say("batches.leftovers", count=f"{left:,}"), style="dim")


def _record(
    workspace: Workspace, loaded: LoadedSheet, found: Sequence[BatchStatus]
) -> BatchesRecord:
    return {
        "schema": 1,
        "sheet": loaded.sheet,
        "workspace": str(workspace.folder),
        "batches": [batch_record(one) for one in found],
    }


command = options.command(
    "batches",
    examples=(
        "rowmill batches prompts.xlsx",
        "rowmill batches prompts.xlsx --cancel 2",
        "rowmill batches prompts.xlsx --clean",
    ),
)(_batches)
