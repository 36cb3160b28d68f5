"""One run from its sheet to its results: take in, estimate, agree, pilot, run, finish, notify."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobs import failpoints
from jobs.filesystem import on_shared_file_system
from jobs.store import Store
from jobs.store.batches import LoadedSheet, loaded_sheet
from jobs.store.log import last_run
from jobs.store.queries.totals import Counts, counts
from jobs.store.queue.choices import ask_again
from runner.catalogue import say
from runner.catalogue.findings import describe
from runner.console.screen import print_data, print_message
from runner.exits import Refusal
from runner.intake.intake import SheetSource, take_in
from runner.intake.loaded import Intake, how_read
from runner.launch.locate import tell_absent
from runner.launch.request import RunRequest, program_version
from runner.preflight.pending_work import PendingWork, read_pending_work
from runner.secret import keep_out_of_dumps
from runner.settings.known_address import note_use, remember_address
from runner.settings.schema import AUTO, SCHEMA, SHORT_OPTIONS, SettingKind
from runner.settings.settings import Settings, is_loopback
from runner.settings.values import read_value
from runner.startup import Phase, preload, seldom_collected
from runner.workspace.log_file import end_log, log_to
from runner.workspace.lookup import remember
from runner.workspace.workspace import SHEET_ID, Workspace

if TYPE_CHECKING:
    from runner.engine.session import Ending
    from runner.launch.consent import CostEstimate
    from runner.preflight.gateway_info import GatewaySession

# Imports inside the functions below are those of a later phase of the run (`startup.Phase`).
CAP_SETTING = next(one for one in SCHEMA if one.kind is SettingKind.CAP)
SECONDS_TO_FIRST_CALLS = 2.0  # after which a run's first calls are under way


@dataclass(frozen=True, slots=True, kw_only=True)
class _TakenIn:
    """The sheet as the table has it now, and the rows that are still to be sent."""

    loaded: LoadedSheet
    counts: Counts
    work: PendingWork


def launch(request: RunRequest) -> int:
    """Run it; returns the exit code. Nothing is sent before everything is understood and agreed."""
    _arm_failpoints(request.settings)
    keep_out_of_dumps()
    with _opened(request.workspace) as store:
        taken = _take_in(request, store)
        if not taken.counts.pending:
            return _finish(request, store, taken.loaded)
        gateway, estimate = _estimate(request, taken.work)
        _agree(request, store, taken.loaded, estimate)
        ending = _run(request, store, taken.loaded, gateway, estimate)
        return _finish(request, store, taken.loaded, ending, estimate)


# --- open -----------------------------------------------------------------------------------------


def _arm_failpoints(settings: Settings) -> None:
    """Failpoints are for tests: a run that would spend real money refuses them."""
    words = os.environ.get(failpoints.VARIABLE, "")
    if not words:
        return
    if not is_loopback(settings.base_url):
        raise Refusal(say("run.failpoint", reason=settings.base_url))
    try:
        failpoints.arm(words)
    except ValueError as error:
        raise Refusal(say("run.failpoint", reason=str(error))) from error


@contextmanager
def _opened(workspace: Workspace) -> Iterator[Store]:
    """The workspace's table, locked for this run, with the log open."""
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
            yield store
        finally:
            store.close()
            end_log(handler)
    finally:
        lock.release()


# --- take in --------------------------------------------------------------------------------------


def _take_in(request: RunRequest, store: Store) -> _TakenIn:
    """Load or reconcile the sheet, and see what is left to be sent."""
    source = SheetSource(sheet=request.sheet, edits=request.edits)
    settings = _under_the_last_cap(store, request.settings)
    intake = take_in(store, request.workspace, source, settings, now=time.time())
    _tell_intake(intake, request.settings)
    with store.read() as tx:
        tell_absent(tx, request.sheet.name, request.settings.rows)
    remember(request.sheet, request.workspace)
    if not request.rehearsal:
        _remember_address(request.workspace.folder, request.settings)
    with store.read() as tx:
        last = last_run(tx, SHEET_ID)
    if last is not None and last.program != program_version():
        _read_again(store, request.workspace)
    return _foreseen(request, store)


def _remember_address(folder: Path, settings: Settings) -> None:
    """Later commands for this workspace use the address that a flag gave."""
    by_default = settings.sources["base_url"] == "default"
    if settings.sources["provider" if by_default else "base_url"] == "flag":
        remember_address(folder, settings.base_url)
    if settings.address_is_own:
        note_use(folder, settings.base_url)


def _under_the_last_cap(store: Store, settings: Settings) -> Settings:
    """The settings with the cap of last time: a new cap is kept only once it is known to hold."""
    with store.read() as tx:
        known = loaded_sheet(tx, SHEET_ID)
    kept = known.options.get("max_cost") if known is not None else None
    cap = read_value(CAP_SETTING, kept) if isinstance(kept, str) else None
    source = "default" if cap is None else "remembered"
    sources = {**settings.sources, "max_cost": source}
    return replace(settings, max_cost=cap, sources=sources)  # type: ignore[arg-type]  # a Cap


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


def _read_again(store: Store, workspace: Workspace) -> None:
    """Read stored answers again: another version of rowmill may find more in them."""
    from runner.steps.reread import read_again  # noqa: PLC0415 - after an update only

    if better := read_again(store, workspace):
        print_message(say("run.read_again", count=f"{better:,}"))


def _foreseen(request: RunRequest, store: Store) -> _TakenIn:
    """The rows as they will be once `retry` has put its own back; the table is left as it is."""
    with store.session() as tx, tx.begin() as trial:
        told = request.before(tx) if request.before is not None else ()
        ask_again(tx, SHEET_ID, now=time.time())
        loaded = loaded_sheet(tx, SHEET_ID)
        assert loaded is not None
        found = _TakenIn(
            loaded=loaded,
            counts=counts(tx, SHEET_ID),
            work=read_pending_work(tx, request.settings),
        )
        trial.rollback()
    for sentence in told:
        print_message(sentence)
    return found


# --- estimate and agree ---------------------------------------------------------------------------


def _estimate(request: RunRequest, work: PendingWork) -> "tuple[GatewaySession, CostEstimate]":
    """What the rest will cost, by what the gateway tells of itself."""
    from runner.preflight.gateway_info import open_gateway  # noqa: PLC0415 - Phase.ASK

    gateway = open_gateway(request.settings, request.key, work)
    from runner.launch.consent import estimate_run  # noqa: PLC0415 - imported while it answered

    return gateway, estimate_run(request.settings, work, gateway.target, gateway.info)


def _agree(
    request: RunRequest, store: Store, loaded: LoadedSheet, estimate: "CostEstimate"
) -> None:
    """Tell what the run will cost, and get a yes where one is needed.

    Raises Refusal without a yes: nothing was sent, and nothing in the table was changed.
    """
    from runner.launch.consent import consent, keep_cap, tell_ahead  # noqa: PLC0415 - Phase.AGREE

    settings = request.settings
    _tell_other_address(request, store)
    if not settings.quiet:
        endpoints = str(settings.endpoint or loaded.options.get("endpoint") or say("run.by_row"))
        model = settings.model or loaded.options.get("model") or ""
        what = " ".join(word for word in (endpoints, str(model)) if word)
        tell_ahead(estimate, settings, what, request.workspace.folder)
    if not request.rehearsal:
        consent(estimate, settings)
    keep_cap(store, loaded, estimate.budget)
    if request.before is not None:
        with store.write() as tx:
            request.before(tx)


def _tell_other_address(request: RunRequest, store: Store) -> None:
    """Warn where this run's calls go to another address than those of the last run."""
    with store.read() as tx:
        last = last_run(tx, SHEET_ID)
    before = last.options.get("base_url") if last is not None else None
    now = request.settings.base_url
    if isinstance(before, str) and before != now and not request.rehearsal:
        sentence = say("run.other_address", before=before, now=now)
        print_message(say("cli.warning", text=sentence))


# --- pilot and run --------------------------------------------------------------------------------


def _run(
    request: RunRequest,
    store: Store,
    loaded: LoadedSheet,
    gateway: "GatewaySession",
    estimate: "CostEstimate",
) -> "Ending":
    """Run the rows; where a pilot was asked for, its few rows before the others."""
    from runner.console.progress import Display  # noqa: PLC0415 - Phase.RUN
    from runner.engine.accounts import limits_of  # noqa: PLC0415 - Phase.RUN
    from runner.engine.session import Assignment, Session  # noqa: PLC0415 - Phase.RUN
    from runner.launch.pilot import go_piloted  # noqa: PLC0415 - Phase.RUN
    from runner.prices.spending_cap import SpendingCap  # noqa: PLC0415 - Phase.RUN
    from runner.steps.priced_request import priced_call  # noqa: PLC0415 - Phase.RUN

    def run_rows(settings: Settings, jobs: tuple[int, ...] | None) -> "Ending":
        """Run the rows of these settings, or only the named jobs of them."""
        cap_amount = estimate.budget.amount if estimate.budget is not None else None
        assignment = Assignment(
            settings=settings,
            workspace=request.workspace,
            loaded=loaded,
            keys=gateway.keys,
            cap=SpendingCap(estimate.prices, priced_call, cap=cap_amount),
            title=f"{request.sheet.name} → {urlsplit(settings.base_url).netloc}",
            program=program_version(),
            limit=settings.limit,
            rows=settings.rows,
            jobs=jobs,
            remembered=loaded.options,
        )
        display = Display("none" if settings.quiet else settings.progress, color=settings.color)
        in_flight = limits_of(settings, accounts=len(gateway.keys)).in_flight
        if settings.concurrency != AUTO and in_flight < int(settings.concurrency):
            print_message(say("run.fewer_hands", hands=in_flight, wanted=settings.concurrency))
        # Imported early by the program that began the run: an upgrade of rowmill meanwhile would
        # otherwise mix two versions.
        preload(Phase.FINISH, after=SECONDS_TO_FIRST_CALLS)
        ending = asyncio.run(Session(store, assignment, display).go())
        if ending.recovered:
            print_message(say("run.recovered", count=f"{ending.recovered:,}"))
        return ending

    with seldom_collected():  # now that all of it is imported
        return go_piloted(
            store, request.workspace, request.settings, run_rows, asks=not request.rehearsal
        )


# --- finish and notify ----------------------------------------------------------------------------


def _finish(
    request: RunRequest,
    store: Store,
    loaded: LoadedSheet,
    ending: "Ending | None" = None,
    estimate: "CostEstimate | None" = None,
) -> int:
    """Write results and report, tell how it ended, notify; returns the exit code."""
    from runner.launch.finish import finish  # noqa: PLC0415 - Phase.FINISH
    from runner.launch.notify import announce  # noqa: PLC0415 - Phase.FINISH

    with seldom_collected():
        finished = finish(request, store, loaded, ending, estimate)
        announce(request.settings, finished.news)
        if request.settings.json:
            print_data(json.dumps(finished.record, ensure_ascii=False))
    return int(finished.code)
