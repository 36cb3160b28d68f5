"""One run from its sheet to its results: take in, estimate, agree, pilot, run, finish, notify."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobs.filesystem import on_shared_file_system
from jobs.store import Store
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import last_run, unended_run
from jobs.store.spans import pending_within, spans_of
from runner.catalogue import say
from runner.console.screen import print_data, print_message
from runner.exits import Exit, Refusal, RunOverError, worst
from runner.intake.intake import origin_of
from runner.launch.first_checks import check_first
from runner.launch.request import RunRequest, going_online, program_version
from runner.launch.take_in import TakenIn, foresee, limited, take_in_sheet
from runner.preflight.pending_work import PendingWork, read_pending_work
from runner.secret import keep_out_of_dumps
from runner.settings.schema import AUTO
from runner.settings.settings import Settings
from runner.startup import Phase, load, preload, seldom_collected
from runner.views.next_command import at_run_address
from runner.workspace.log_file import end_log, log_to
from runner.workspace.target import SharedFolder
from runner.workspace.workspace import SHEET_ID

if TYPE_CHECKING:
    from runner.engine.hosts_together import SharedRun
    from runner.engine.session import Ending
    from runner.launch.consent import Consent
    from runner.launch.estimate import CostEstimate
    from runner.preflight.gateway_info import GatewayInfo, GatewaySession
    from runner.prices.spending_cap import SpendingCap

# Imports inside the functions below are those of a later phase of the run (`startup.Phase`).
SECONDS_TO_FIRST_CALLS = 2.0  # after which a run's first calls are under way


def launch(request: RunRequest) -> int:
    """Run it; returns the exit code. Nothing is sent before everything is understood and agreed."""
    check_first(request)
    keep_out_of_dumps()
    if request.workspace.place.shared and not request.rehearsal:
        from runner.launch.move import move_if_asked  # noqa: PLC0415 - not on folders

        move_if_asked(request)
    with _opened(request) as store:
        request = _on_its_target(request, store)
        if store.shared:
            return _launch_shared(request, store)
        taken = take_in_sheet(request, store)
        if taken.is_nothing:
            return _finish(request, store, taken.loaded)
        gateway, estimate = _estimate(request, taken.work)
        consent = _agree(request, store, taken, estimate)
        taken = _begin(request, store, taken, (estimate, consent), gateway.info)
        rows = RowsToRun(
            request=request, store=store, taken=taken, gateway=gateway, estimate=estimate
        )
        return _finish(request, store, taken.loaded, _run(rows), estimate)


def _launch_shared(request: RunRequest, store: Store) -> int:
    """Join the run that is going on, or open one; again if it ended or began meanwhile."""
    from runner.launch.shared import find_run, joined  # noqa: PLC0415 - not on folders

    if request.settings.on is not None:
        return _launch_on_ray(request, store)
    while True:
        with suppress(RunOverError):
            joining = find_run(request, store)
            if joining is None:
                return _open_shared(request, store)
            mine, taken, part = joining.request, joining.taken, joined(joining)
            _refuse_without_target(mine, taken.work)
            gateway, estimate = _estimate(mine, taken.work)
            rows = RowsToRun(
                request=mine, store=store, taken=taken, gateway=gateway, estimate=estimate
            )
            with seldom_collected():
                ending = _run_part(rows, mine.settings, None, part)
            return _finish(mine, store, taken.loaded, ending, estimate)


def _launch_on_ray(request: RunRequest, store: Store) -> int:
    """Load the sheet and get the yes, then let Ray start the hosts, and watch the table."""
    from runner.launch.on_ray import connected_run  # noqa: PLC0415 - not on folders
    from runner.launch.shared import find_run  # noqa: PLC0415 - not on folders

    with connected_run(request) as ray_run:
        joining = find_run(request, store)
        with store.read() as tx:
            last = last_run(tx, SHEET_ID)
        after, estimate = last.id if last is not None else 0, None
        if joining is not None:
            taken, after = joining.taken, joining.live.id - 1
        else:
            taken = take_in_sheet(request, store)
            if taken.is_nothing:
                return _finish(request, store, taken.loaded)
            gateway, estimate = _estimate(request, taken.work)
            consent = _agree(request, store, taken, estimate)
            taken = _begin(request, store, taken, (estimate, consent), gateway.info)
        found = ray_run.go(store, after=after)
    told = _finish(request, store, taken.loaded, found.ending, estimate)
    return int(worst([found.code, *([Exit.OUTPUT] if told == Exit.OUTPUT else [])]))


def _open_shared(request: RunRequest, store: Store) -> int:
    """Open a run for all hosts. Raises RunOverError if another host was faster."""
    from runner.launch.shared import run_opened  # noqa: PLC0415 - not on folders

    taken = take_in_sheet(request, store)
    if taken.is_nothing:
        return _finish(request, store, taken.loaded)
    _refuse_without_target(request, taken.work)
    gateway, estimate = _estimate(request, taken.work)
    consent = _agree(request, store, taken, estimate)
    taken = _begin(request, store, taken, (estimate, consent), gateway.info)
    rows = RowsToRun(request=request, store=store, taken=taken, gateway=gateway, estimate=estimate)

    def part(
        settings: Settings,
        jobs: tuple[int, ...] | None,
        run: "SharedRun",
        *,
        is_pilot: bool = False,
    ) -> "Ending":
        return _run_part(rows, settings, jobs, run, is_pilot=is_pilot)

    cap = estimate.budget.amount if estimate.budget is not None else None
    with seldom_collected():
        ending = run_opened(store, request, taken, part, cap=cap)
    return _finish(request, store, taken.loaded, ending, estimate)


def put_back_beside_run(request: RunRequest) -> int:
    """For `retry` while a run is going on: put the rows back for that run, after the same yes.

    The price is that of the run's own gateway, which has just given its list. A cap given here
    would not bind the run, so it is no consent.
    """
    from runner.launch.estimate import estimate_run  # noqa: PLC0415 - Phase.AGREE
    from runner.preflight.gateway_info import known_info  # noqa: PLC0415 - Phase.ASK

    request.workspace.make()  # of a shared table, this machine may have seen nothing yet
    with request.workspace.place.open() as store:
        with store.read() as tx:
            settings = at_run_address(request.settings, unended_run(tx, SHEET_ID))
        request = replace(request, settings=replace(settings, max_cost=None))
        taken = foresee(request, store, failed={})
        if taken.is_nothing:
            return Exit.DONE
        info = known_info(settings.base_url)
        estimate = estimate_run(request.prices_by, taken.work, info)
        _put_back(request, store, taken, info, _agree(request, store, taken, estimate))
    print_message(say("retry.running"))
    return Exit.DONE


# --- open -----------------------------------------------------------------------------------------


@contextmanager
def _opened(request: RunRequest) -> Iterator[Store]:
    """The workspace's table, locked for this run, with the log open."""
    workspace = request.workspace
    workspace.make()
    if workspace.open_to_others:
        print_message(say("run.open_folder", folder=str(workspace.folder)))
    if not workspace.place.shared and on_shared_file_system(workspace.table):
        print_message(say("run.shared_disk", folder=str(workspace.folder)))
    with workspace.held():
        handler = log_to(workspace.log)
        store = workspace.place_of(origin_of(request.sheet)).open()
        try:
            yield store
        finally:
            store.close()
            end_log(handler)


def _on_its_target(request: RunRequest, store: Store) -> RunRequest:
    """The request with the target that the table's files are on, written to and read once."""
    from runner.files.targets import remember_target, settled_target  # noqa: PLC0415 - Phase.ASK

    with store.read() as tx:
        workspace = settled_target(tx, request.workspace, request.settings)
    if workspace.target is not None:
        workspace.target.check()
        if workspace.place.shared and isinstance(workspace.target, SharedFolder):
            print_message(say("target.path", target=workspace.target.address))
        remember_target(workspace, request.settings)
    return replace(request, workspace=workspace)


def _refuse_without_target(request: RunRequest, work: PendingWork) -> None:
    """Files of one host would be seen by no other."""
    workspace = request.workspace
    from runner.files.targets import why_refused  # noqa: PLC0415 - Phase.ASK

    why = why_refused(workspace, [group.endpoint for group in work.groups])
    if why is not None:
        raise Refusal(why)


# --- estimate and agree ---------------------------------------------------------------------------


def _estimate(request: RunRequest, work: PendingWork) -> "tuple[GatewaySession, CostEstimate]":
    """What the rest will cost, by what the gateway tells of itself."""
    from runner.preflight.gateway_info import open_gateway  # noqa: PLC0415 - Phase.ASK

    gateway = open_gateway(request.settings, request.key, work)
    from runner.launch.estimate import estimate_run  # noqa: PLC0415 - imported while it answered

    if request.rehearsal:  # the mock's times and pictures say nothing about a provider's
        work = replace(work, past=replace(work.past, seconds=(), file_size=None))
    return gateway, estimate_run(request.prices_by, work, gateway.info, gateway.target)


def _agree(
    request: RunRequest, store: Store, taken: TakenIn, estimate: "CostEstimate"
) -> "Consent":
    """Tell what the run will cost, and get a yes where one is needed.

    Raises Refusal without a yes: nothing was sent, and nothing in the table was changed.
    """
    from runner.launch.consent import Consent, agree, plan_of  # noqa: PLC0415 - Phase.AGREE
    from runner.launch.estimate import tell_ahead  # noqa: PLC0415 - Phase.AGREE

    settings, loaded = request.prices_by, taken.loaded
    moved_from = _moved_from(request, store)
    if not settings.quiet:
        endpoints = str(settings.endpoint or loaded.options.get("endpoint") or say("run.by_row"))
        model = settings.model or loaded.options.get("model") or ""
        what = " ".join(word for word in (endpoints, str(model)) if word)
        for_real = say("run.ahead_for_real") if request.rehearsal else ""
        tell_ahead(estimate, settings, what, request.workspace.folder, for_real=for_real)
        _tell_hidden(request, store, taken, estimate)
    consent = Consent()
    if not request.rehearsal:
        plan = plan_of(estimate, settings, loaded, taken.jobs)
        consent = agree(
            estimate,
            settings,
            plan,
            question=request.question,
            moved_from=moved_from,
            agreed=request.agreed,
        )
    return consent


def _begin(
    request: RunRequest,
    store: Store,
    taken: TakenIn,
    agreed: "tuple[CostEstimate, Consent]",
    info: "GatewayInfo",
) -> TakenIn:
    """Put rows back for a `retry`, and see that the yes still covers what will be sent."""
    from runner.launch.estimate import keep_cap  # noqa: PLC0415 - Phase.AGREE

    estimate, consent = agreed
    keep_cap(store, taken.loaded, estimate.budget)
    if request.put_back is not None:
        return _put_back(request, store, taken, info, consent)
    if consent.plan is not None:
        with store.read() as tx:
            work = read_pending_work(tx, request.settings)
        _check(request, work, taken, info, consent)
    return taken


def _put_back(
    request: RunRequest,
    store: Store,
    taken: TakenIn,
    info: "GatewayInfo",
    consent: "Consent",
) -> TakenIn:
    """Put the rows back, all of them or, where the yes no longer covers them, none."""
    assert request.put_back is not None
    with store.write() as tx:
        put_back = request.put_back(tx)
        jobs = limited(request.settings, (*put_back.jobs, *taken.corrected))
        if store.shared:
            from runner.launch.shared import add_to_selection  # noqa: PLC0415 - not on folders

            add_to_selection(tx, request.settings, jobs)
        now = replace(taken, jobs=jobs, put_back=put_back)
        if consent.plan is not None:
            _check(request, read_pending_work(tx, request.settings, jobs), now, info, consent)
    return now


def _check(
    request: RunRequest,
    work: PendingWork,
    taken: TakenIn,
    info: "GatewayInfo",
    consent: "Consent",
) -> None:
    from runner.launch.consent import plan_of  # noqa: PLC0415 - Phase.AGREE
    from runner.launch.estimate import estimate_run  # noqa: PLC0415 - Phase.AGREE

    now = estimate_run(request.prices_by, work, info)
    consent.check(plan_of(now, request.settings, taken.loaded, taken.jobs))


def _tell_hidden(
    request: RunRequest, store: Store, taken: TakenIn, estimate: "CostEstimate"
) -> None:
    """Say how many of the rows that are sent are hidden in the sheet, and what they cost."""
    from runner.preflight.forecast import range_words, share_of  # noqa: PLC0415 - Phase.AGREE

    hidden = taken.loaded.layout.get("hidden_rows")
    if not isinstance(hidden, str) or not estimate.calls:
        return
    with store.read() as tx:
        count = pending_within(tx, SHEET_ID, spans_of(hidden), request.settings.rows)
    count = min(count, estimate.calls)
    if count:
        price = range_words(share_of(estimate.forecast, count / estimate.calls))
        print_message(say("cli.warning", text=say("run.hidden", count=f"{count:,}", price=price)))


def _moved_from(request: RunRequest, store: Store) -> str | None:
    """The address of the last run, where this one goes to another without having been told to."""
    with store.read() as tx:
        last = last_run(tx, SHEET_ID)
    before = last.options.get("base_url") if last is not None else None
    settings = request.settings
    if not isinstance(before, str) or before == settings.base_url or request.rehearsal:
        return None
    # A table that others can write gives no advice where keys should go.
    key = "run.address_before" if store.shared else "run.other_address"
    sentence = say(key, before=before, now=settings.base_url)
    print_message(say("cli.warning", text=sentence))
    return before if settings.sources["base_url"] not in ("flag", "environment") else None


# --- pilot and run --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsToRun:
    """What was agreed to, with everything that running it takes."""

    request: RunRequest
    store: Store
    taken: TakenIn
    gateway: "GatewaySession"
    estimate: "CostEstimate"


def _run(rows: RowsToRun) -> "Ending":
    """Run the rows; where a pilot was asked for, its few rows before the others."""
    load(Phase.RUN)

    def part(
        settings: Settings, jobs: tuple[int, ...] | None, *, is_pilot: bool = False
    ) -> "Ending":
        return _run_part(rows, settings, jobs, is_pilot=is_pilot)

    with seldom_collected():  # now that all of it is imported
        if rows.request.settings.pilot is None:
            return part(rows.request.settings, rows.taken.jobs)
        from runner.launch.pilot import run_with_pilot  # noqa: PLC0415 - seldom asked for

        return run_with_pilot(rows.store, rows.request, part, jobs=rows.taken.jobs)


def _run_part(
    rows: RowsToRun,
    settings: Settings,
    jobs: tuple[int, ...] | None,
    shared: "SharedRun | None" = None,
    *,
    is_pilot: bool = False,
) -> "Ending":
    """Run the rows of these settings, or only the named jobs of them."""
    from runner.console.progress import Display  # noqa: PLC0415 - Phase.RUN
    from runner.engine.accounts import limits_of  # noqa: PLC0415 - Phase.RUN
    from runner.engine.session import Assignment, Session  # noqa: PLC0415 - Phase.RUN

    prefers_online = is_pilot or rows.request.put_back is not None
    settings = going_online(settings) if prefers_online else settings
    assignment = Assignment(
        settings=settings,
        workspace=rows.request.workspace,
        loaded=rows.taken.loaded,
        keys=rows.gateway.keys,
        cap=_cap(rows.estimate, shared),
        title=f"{rows.request.sheet.name} → {urlsplit(settings.base_url).netloc}",
        program=program_version(),
        limit=settings.limit,
        rows=settings.rows,
        jobs=jobs,
        remembered=rows.taken.loaded.options,
        shared=shared,
        prefers_online=prefers_online,
        on_begin=rows.request.beginning.end,
    )
    display = Display("none" if settings.quiet else settings.progress, color=settings.color)
    in_flight = limits_of(settings, accounts=len(rows.gateway.keys)).in_flight
    if settings.concurrency != AUTO and in_flight < int(settings.concurrency):
        print_message(say("run.fewer_hands", hands=in_flight, wanted=settings.concurrency))
    # Imported early by the program that began the run: an upgrade of rowmill meanwhile would
    # otherwise mix two versions.
    preload(Phase.FINISH, after=SECONDS_TO_FIRST_CALLS)
    ending = asyncio.run(Session(rows.store, assignment, display).go())
    if ending.recovered:
        print_message(say("run.recovered", count=f"{ending.recovered:,}"))
    if ending.missed_lane:
        print_message(say("lane.missed", count=f"{ending.missed_lane:,}"))
    return ending


def _cap(estimate: "CostEstimate", shared: "SharedRun | None") -> "SpendingCap":
    """The cap of a folder's run, or the one that all hosts of a run share."""
    from runner.prices.spending_cap import SpendingCap  # noqa: PLC0415 - Phase.RUN
    from runner.steps.priced_request import priced_call  # noqa: PLC0415 - Phase.RUN

    if shared is None:
        amount = estimate.budget.amount if estimate.budget is not None else None
        return SpendingCap(estimate.prices, priced_call, cap=amount)
    from jobs.store.run_money import RunMoney  # noqa: PLC0415 - not on folders
    from runner.prices.shared_cap import SharedSpendingCap  # noqa: PLC0415 - not on folders

    money = RunMoney(shared.holding.run_id, counts=shared.has_cap)
    return SharedSpendingCap(estimate.prices, priced_call, money)


# --- finish and notify ----------------------------------------------------------------------------


def _finish(
    request: RunRequest,
    store: Store,
    loaded: LoadedSheet,
    ending: "Ending | None" = None,
    estimate: "CostEstimate | None" = None,
) -> int:
    """Write results and report, tell how it ended, notify; returns the exit code."""
    request.beginning.end()
    from runner.launch.finish import finish  # noqa: PLC0415 - Phase.FINISH

    with seldom_collected():
        finished = finish(request, store, loaded, ending, estimate)
        settings = request.settings
        wants = settings.notify is not None or settings.notify_section is not None
        if wants or settings.on_finish is not None:
            from runner.launch.notify import announce  # noqa: PLC0415 - Phase.FINISH

            tells = not wants or ending is None or not store.shared or _tells(store, ending)
            announce(settings, finished.news, tells=tells)
        if request.settings.json:
            print_data(json.dumps(finished.record, ensure_ascii=False))
    return int(finished.code)


def _tells(store: Store, ending: "Ending") -> bool:
    """True on the host that is to notify people: one, when the run has ended for all."""
    from jobs.store.hosts import database_time  # noqa: PLC0415 - not on folders
    from jobs.store.shared_run import take_announcement  # noqa: PLC0415 - not on folders
    from runner.engine.stop import RUN_STOPS  # noqa: PLC0415 - Phase.RUN

    if ending.stop is not None and ending.stop.reason not in RUN_STOPS:
        return False  # this host alone has stopped
    with store.write() as tx:
        return take_announcement(tx, ending.run_id, now=database_time(tx))
