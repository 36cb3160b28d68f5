"""What `run`, `retry` and `rehearse` share: take the sheet in, ask, run."""

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs import failpoints
from jobs.filesystem import on_shared_file_system
from jobs.store import Store
from jobs.store.batches import LoadedSheet, loaded_sheet
from jobs.store.log import last_run
from jobs.store.queries.totals import Counts, counts
from jobs.store.queue.choices import ask_again
from runner.catalogue import say
from runner.catalogue.findings import describe
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.intake.intake import SheetSource, take_in
from runner.intake.loaded import Intake, how_read
from runner.launch.locate import tell_absent
from runner.launch.request import RunRequest, program_version
from runner.preflight.pending_work import PendingWork, read_pending_work
from runner.secret import keep_out_of_dumps
from runner.settings.schema import SCHEMA, SettingKind
from runner.settings.settings import Settings, is_loopback
from runner.settings.values import read_value
from runner.startup import seldom_collected
from runner.workspace.log_file import end_log, log_to
from runner.workspace.lookup import remember
from runner.workspace.workspace import SHEET_ID, Workspace

if TYPE_CHECKING:
    from runner.engine.session import Ending
    from runner.launch.consent import CostEstimate

CAP = next(one for one in SCHEMA if one.kind is SettingKind.CAP)
SHORT_OPTIONS = {"endpoint": "-e", "model": "-m", "prompt": "-p"}


def launch(job: RunRequest) -> int:
    """Run it; returns the exit code. Nothing is sent before everything is understood and agreed."""
    workspace = job.workspace
    _arm(job.settings)
    keep_out_of_dumps()
    workspace.make()
    if workspace.open_to_others:
        print_message(say("run.open_folder", folder=str(workspace.folder)))
    if on_shared_file_system(workspace.table):
        print_message(say("run.shared_disk", folder=str(workspace.folder)))
    lock = workspace.hold()
    try:
        handler = log_to(workspace.log)
        store = Store.open(workspace.table)
        try:
            return _run(job, store)
        finally:
            store.close()
            end_log(handler)
    finally:
        lock.release()


def _arm(settings: Settings) -> None:
    """Failpoints are for tests; where real money is, a run does not begin with them."""
    words = os.environ.get(failpoints.VARIABLE, "")
    if not words:
        return
    if not is_loopback(settings.base_url):
        raise Refusal(say("run.failpoint", reason=settings.base_url))
    try:
        failpoints.arm(words)
    except ValueError as error:
        raise Refusal(say("run.failpoint", reason=str(error))) from error


def _run(job: RunRequest, store: Store) -> int:
    incoming = SheetSource(sheet=job.sheet, edits=job.edits)
    capped = _under_the_last_cap(store, job.settings)
    intake = take_in(store, job.workspace, incoming, capped, now=time.time())
    _tell_intake(intake, job.settings)
    with store.read() as tx:
        tell_absent(tx, job.sheet.name, job.settings.rows)
    remember(job.sheet, job.workspace)
    with store.read() as tx:
        last = last_run(tx, SHEET_ID)
    if last is not None and last.program != program_version():
        _read_again(store, job.workspace)
    loaded, standing, due = _foreseen(job, store)
    if not standing.pending:
        return _finished(job, store, loaded)
    ending, outlay = _go_on(job, store, loaded, due)
    with seldom_collected():
        return _finished(job, store, loaded, ending, outlay)


def _go_on(
    job: RunRequest, store: Store, loaded: LoadedSheet, due: PendingWork
) -> "tuple[Ending, CostEstimate]":
    """Ask, weigh up, agree, run: `run` has begun to import what each needs, one after the other."""
    from runner.preflight.gateway_info import open_gateway  # noqa: PLC0415

    seller = open_gateway(job.settings, job.key, due)
    from runner.launch.pending import go_on  # noqa: PLC0415

    return go_on(job, store, loaded, due, seller)


def _finished(
    job: RunRequest,
    store: Store,
    loaded: LoadedSheet,
    ending: "Ending | None" = None,
    outlay: "CostEstimate | None" = None,
) -> int:
    from runner.launch.finish import finish  # noqa: PLC0415 - as `_go_on` says

    return finish(job, store, loaded, ending, outlay)


def _under_the_last_cap(store: Store, settings: Settings) -> Settings:
    """The settings with the cap of last time: a new one is kept only when it can be held."""
    with store.read() as tx:
        known = loaded_sheet(tx, SHEET_ID)
    kept = known.options.get("max_cost") if known is not None else None
    cap = read_value(CAP, kept) if isinstance(kept, str) else None
    source = "default" if cap is None else "remembered"
    sources = {**settings.sources, "max_cost": source}
    return replace(settings, max_cost=cap, sources=sources)  # type: ignore[arg-type]  # a Cap


def _read_again(store: Store, workspace: Workspace) -> None:
    from runner.steps.reread import read_again  # noqa: PLC0415 - after an update only

    if better := read_again(store, workspace):
        print_message(say("run.read_again", count=f"{better:,}"))


def _foreseen(job: RunRequest, store: Store) -> tuple[LoadedSheet, Counts, PendingWork]:
    """How the rows will stand once they are put back; nothing is put back before a yes."""
    with store.session() as tx, tx.begin() as trial:
        told = job.before(tx) if job.before is not None else ()
        ask_again(tx, SHEET_ID, now=time.time())
        loaded, standing = loaded_sheet(tx, SHEET_ID), counts(tx, SHEET_ID)
        due = read_pending_work(tx, job.settings)
        trial.rollback()
    assert loaded is not None
    for sentence in told:
        print_message(sentence)
    return loaded, standing, due


# --- before ---------------------------------------------------------------------------------------


def _tell_intake(intake: Intake, settings: Settings) -> None:
    if settings.quiet:
        return
    for finding in intake.findings:
        if finding.severity == "warning":
            print_message(say("cli.warning", text=describe(finding)))
    options = [
        f"{SHORT_OPTIONS.get(name, '--' + name)} {getattr(settings, name)}"
        for name in ("endpoint", "model", "prompt", "tab", "id")
        if settings.sources.get(name) == "remembered"
    ]
    if options:
        print_message(say("run.remembered", options=" ".join(options)))
    if intake.unread:
        print_message(say("run.unread", sheet=intake.sheet.name))
    elif intake.plan is not None:
        plan = intake.plan
        how = " · ".join(how_read(intake.layout))
        print_message(say("run.read", sheet=intake.sheet.name, rows=f"{plan.staged:,}", how=how))
        if not plan.first:
            numbers = ("unchanged", "refreshed", "changed", "new", "returned", "removed")
            print_message(say("run.plan", **{name: f"{getattr(plan, name):,}" for name in numbers}))
        if plan.answered_already:
            print_message(say("run.found_answered", count=f"{plan.answered_already:,}"))
        if plan.bad:
            print_message(say("run.skipping_bad", count=f"{plan.bad:,}"))
