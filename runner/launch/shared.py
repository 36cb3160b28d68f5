"""A run on a shared table: one host opens it, others join it, and the last one ends it."""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from jobs.claimed import Holding
from jobs.job import JSON
from jobs.store import DriverError, Store, Transaction
from jobs.store.hosts import BEATS, LostHostError, Report, beat, database_time, join, leave
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.log import events_of, ids_after, note
from jobs.store.queries.totals import counts
from jobs.store.queue.choices import (
    RowChoice,
    ask_again,
    select_first,
    select_jobs,
    select_rows,
    unselect,
)
from jobs.store.queue.waits import resume_waits
from jobs.store.shared_run import (
    LiveRun,
    NewRun,
    change_terms,
    end_if_last,
    live_run,
    lock_runs,
    open_shared_run,
    run_of,
)
from runner.catalogue import say
from runner.console.screen import print_message
from runner.console.usage import ask_yes_no
from runner.engine.batch_lane import batch_rules, sort_rows
from runner.engine.hosts_together import SharedRun
from runner.engine.run_control import RUN_STOPPED
from runner.engine.session import Ending, run_options
from runner.engine.stop import STOP_CODES, Stop, StopReason
from runner.exits import Exit, Refusal, RunOverError
from runner.files.targets import RUN_OPTION
from runner.intake.intake import SheetSource, is_loaded
from runner.launch.pilot import run_with_pilot
from runner.launch.request import RunRequest, program_version
from runner.launch.take_in import TakenIn, take_in_sheet
from runner.preflight.pending_work import read_pending_work
from runner.settings.run_terms import (
    CHOSEN_ONLY,
    SITE,
    WAITING,
    other_terms,
    terms_of_settings,
    under_terms,
    until_of,
)
from runner.settings.schema import Cap
from runner.settings.settings import Settings
from runner.settings.values import site
from runner.workspace.workspace import SHEET_ID, Workspace

LOOK_SECONDS = 1.0  # between two looks whether a pilot got its yes
MIN_REPEATS = 20  # in-doubt repeats of a run, or a hundredth of its rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A run that this host is to join, with the request under the terms of that run."""

    request: RunRequest
    live: LiveRun
    taken: TakenIn


# --- join -----------------------------------------------------------------------------------------


def find_run(request: RunRequest, store: Store) -> Joining | None:
    """The run that is going on, once its pilot is over; None if this host is to open one.

    Raises Refusal where this command line would change it, or sends to another site.
    """
    while (live := _live(store, request.settings)) is not None:
        joining = _under(request, store, live)
        if not live.terms.get(WAITING):
            return joining
        print_message(say("run.waits_for_pilot"))
        if not _pilot_over(store, live, lost_after=request.settings.lost_after):
            raise Refusal(say("run.stopped_pilot"), code=Exit.STOPPED)
    return None


def _live(store: Store, settings: Settings) -> LiveRun | None:
    with store.read() as tx:
        return live_run(tx, SHEET_ID, lost_after=settings.lost_after)


def _under(request: RunRequest, store: Store, live: LiveRun) -> Joining:
    _check_site(request.settings, live)
    _check_target(request.workspace, live)
    with store.read() as tx:
        loaded = loaded_sheet(tx, SHEET_ID)
    assert loaded is not None
    if other := other_terms(request.settings, live.terms, loaded.options):
        raise Refusal(say("run.other_terms", options=", ".join(other)), code=Exit.BUSY)
    # Under a cap a host needs all prices, too: without them it would stop the run for all.
    cap = None if live.cap is None else Cap(amount=live.cap)
    settings = replace(under_terms(request.settings, live.terms), max_cost=cap)
    request = replace(request, settings=settings)
    if request.sheet_is_here:
        _reload(request, store)
    with store.read() as tx:
        loaded = loaded_sheet(tx, SHEET_ID)
        assert loaded is not None
        taken = TakenIn(
            loaded=loaded, counts=counts(tx, SHEET_ID), work=read_pending_work(tx, settings)
        )
    return Joining(request=request, live=live, taken=taken)


def _check_site(settings: Settings, live: LiveRun) -> None:
    """Compare with the run's site; what the table says is never where anything is sent."""
    ours, theirs = site(settings.base_url), live.terms.get(SITE)
    if ours != theirs:
        raise Refusal(say("run.other_site", ours=ours, theirs=str(theirs)))


def _check_target(workspace: Workspace, live: LiveRun) -> None:
    """Compare with the run's target, which is only text here: all hosts save to one place."""
    ours = workspace.target.address if workspace.target is not None else None
    theirs = live.options.get(RUN_OPTION)
    if isinstance(theirs, str) and ours != theirs:
        raise Refusal(say("run.other_target", ours=ours or "-", theirs=theirs))


def _reload(request: RunRequest, store: Store) -> None:
    """Take in a sheet that was edited since: its new rows are sent at once, after a yes."""
    source = SheetSource(sheet=request.sheet, edits=request.edits)
    settings = request.settings
    if is_loaded(store, request.workspace, source, settings):
        return
    if not settings.yes:
        if settings.no_input or not _is_terminal():
            raise Refusal(say("run.edited_needs_yes", sheet=request.sheet.name))
        if not ask_yes_no(say("run.edited_ask", sheet=request.sheet.name), default=False):
            raise Refusal(say("run.declined"), code=Exit.STOPPED)
    take_in_sheet(request, store)


def _is_terminal() -> bool:
    import sys  # noqa: PLC0415 - looked up late: tests replace its streams

    return sys.stdin.isatty() and sys.stderr.isatty()


def _pilot_over(store: Store, live: LiveRun, *, lost_after: float) -> bool:
    """Wait until the run's pilot is over; False if the run ended with it."""
    while True:
        time.sleep(LOOK_SECONDS)
        with store.read() as tx:
            ended, _code = run_of(tx, live.id)
            stopped = events_of(tx, live.id, kinds=(RUN_STOPPED,))
            now = live_run(tx, SHEET_ID, lost_after=lost_after)
        if stopped:
            return False
        if ended or now is None or now.id != live.id or not now.terms.get(WAITING):
            return True


def joined(joining: Joining) -> SharedRun:
    """The run as the engine needs it; tells the person."""
    live, settings = joining.live, joining.request.settings
    if not settings.quiet:
        print_message(say("run.joins", hosts=f"{live.hosts:,}"))
    holding = Holding(sheet_id=SHEET_ID, run_id=live.id, owner=str(uuid.uuid4()))
    return SharedRun(
        holding=holding,
        starts=False,
        until_at=until_of(live.terms),
        rule=settings.stop_if,
        chosen_only=live.terms.get(CHOSEN_ONLY) is True,
        at_once=settings.provider.concurrency,
        has_cap=live.cap is not None,
    )


# --- open -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The rows that a run takes: these jobs, or those that the settings choose."""

    settings: Settings
    jobs: tuple[int, ...] | None = None
    is_pilot: bool = False

    @property
    def only(self) -> bool:
        """True if the run takes only some rows."""
        some = self.settings.limit, self.settings.rows, self.jobs
        return any(one is not None for one in some)


def open_or_join(
    store: Store, chosen: Chosen, options: Mapping[str, JSON], cap: float | None
) -> SharedRun | None:
    """Open a run and choose its rows, in one transaction; None if another host was faster."""
    settings = chosen.settings
    with store.write() as tx:
        lock_runs(tx)
        if live_run(tx, SHEET_ID, lost_after=settings.lost_after) is not None:
            return None
        now = database_time(tx)
        holding = Holding(sheet_id=SHEET_ID, run_id=ids_after(tx).take(), owner=str(uuid.uuid4()))
        terms = terms_of_settings(settings, now=now)
        terms |= {SITE: site(settings.base_url), CHOSEN_ONLY: chosen.only}
        terms[WAITING] = chosen.is_pilot
        total = counts(tx, SHEET_ID).total
        new = NewRun(
            program=program_version(),
            options=options,
            terms=terms,
            cap=cap,
            repeats=max(MIN_REPEATS, total // 100),
        )
        open_shared_run(tx, holding, new, now=now)
        resume_waits(tx, SHEET_ID, now=now)
        ask_again(tx, SHEET_ID, now=now)
        _choose(tx, chosen, run_id=holding.run_id)
    return SharedRun(
        holding=holding,
        starts=True,
        until_at=until_of(terms),
        rule=settings.stop_if,
        chosen_only=chosen.only,
        at_once=settings.provider.concurrency,
        has_cap=cap is not None,
    )


def after_pilot(store: Store, run: SharedRun, chosen: Chosen) -> SharedRun:
    """Choose the other rows, and let the hosts begin that wait for the yes."""
    with store.write() as tx:
        _choose(tx, chosen, run_id=run.holding.run_id)
        change_terms(tx, run.holding.run_id, {WAITING: False, CHOSEN_ONLY: chosen.only})
    owner = str(uuid.uuid4())
    return replace(run, holding=replace(run.holding, owner=owner), chosen_only=chosen.only)


def _choose(tx: Transaction, chosen: Chosen, *, run_id: int) -> None:
    unselect(tx, SHEET_ID)
    settings = chosen.settings
    if chosen.jobs is not None:
        select_jobs(tx, SHEET_ID, chosen.jobs, run_id=run_id)
    elif settings.rows is not None:
        select_rows(tx, SHEET_ID, RowChoice(positions=settings.rows), run_id=run_id)
    elif settings.limit is not None:
        select_first(tx, SHEET_ID, settings.limit, run_id=run_id)
    loaded = loaded_sheet(tx, SHEET_ID)
    now = database_time(tx)
    rules = batch_rules(
        settings,
        loaded.headers if loaded is not None else (),
        prefers_online=chosen.jobs is not None,
        some_rows=chosen.only,
        now=now,
    )
    sort_rows(tx, SHEET_ID, rules, run_id=run_id, now=now)


def add_to_selection(tx: Transaction, settings: Settings, jobs: Collection[int]) -> None:
    """Rows that are put back beside a run which takes only some rows are taken by it, too."""
    live = live_run(tx, SHEET_ID, lost_after=settings.lost_after)
    if live is not None and live.terms.get(CHOSEN_ONLY) is True:
        select_jobs(tx, SHEET_ID, jobs, run_id=live.id)


@contextmanager
def kept_open(store: Store, run: SharedRun, settings: Settings) -> Iterator[list[Stop | None]]:
    """Keep a run open while its pilot runs and a person is asked: as a host that sends nothing.

    What is put into the list is why the run stops.
    """
    holding = replace(run.holding, owner=str(uuid.uuid4()))
    stop: list[Stop | None] = []
    with store.write() as tx:
        join(tx, holding, program=program_version())
    over = threading.Event()

    def keep() -> None:
        while not over.wait(settings.lost_after / BEATS):
            with suppress(DriverError, LostHostError), store.write() as tx:
                beat(tx, holding.owner, Report(), lost_after=settings.lost_after)

    thread = threading.Thread(target=keep, name="asking", daemon=True)
    thread.start()
    try:
        yield stop
    except BaseException:
        stop[:] = [Stop(reason=StopReason.PILOT)]
        raise
    finally:
        over.set()
        thread.join()
        _close(store, holding, stop[0] if stop else None, lost_after=settings.lost_after)


def _close(store: Store, holding: Holding, stop: Stop | None, *, lost_after: float) -> None:
    code = 0 if stop is None else int(STOP_CODES[stop.reason])
    with store.write() as tx:
        now = database_time(tx)
        if stop is not None:
            event_id = ids_after(tx).take()
            note(tx, holding.run_id, RUN_STOPPED, stop.told(), event_id=event_id, now=now)
        leave(tx, holding.owner, exit_code=code)
        end_if_last(tx, holding, exit_code=code, lost_after=lost_after, now=now)


class RunPart(Protocol):
    """Runs rows as a host of a run."""

    def __call__(
        self,
        settings: Settings,
        jobs: tuple[int, ...] | None,
        run: SharedRun,
        /,
        *,
        is_pilot: bool = False,
    ) -> Ending:
        """How this host's work ended."""
        ...


class _Opened:
    """The rows of a run that this host opens: its pilot, then the others."""

    def __init__(
        self, store: Store, part: RunPart, open_run: Callable[[Chosen], SharedRun | None]
    ) -> None:
        self._store = store
        self._part = part
        self._open_run = open_run
        self._run: SharedRun | None = None
        self._kept: list[Stop | None] | None = None
        self.stack = ExitStack()

    def __call__(
        self, settings: Settings, jobs: tuple[int, ...] | None, /, *, is_pilot: bool = False
    ) -> Ending:
        chosen = Chosen(settings=settings, jobs=jobs, is_pilot=is_pilot)
        if self._run is not None:
            self._run = after_pilot(self._store, self._run, chosen)
        else:
            self._run = self._open_run(chosen)
            if self._run is None:
                raise RunOverError
            if is_pilot:
                kept = kept_open(self._store, self._run, settings)
                self._kept = self.stack.enter_context(kept)
        return self._part(settings, jobs, self._run, is_pilot=is_pilot)

    def ended(self, stop: Stop | None) -> None:
        """Nothing more is run, for this reason."""
        if self._kept is not None:
            self._kept[:] = [stop]


def run_opened(
    store: Store, request: RunRequest, taken: TakenIn, part: RunPart, *, cap: float | None
) -> Ending:
    """Open a run and run its rows. Raises RunOverError if another host was faster."""

    def open_run(chosen: Chosen) -> SharedRun | None:
        options = run_options(chosen.settings, request.workspace, taken.loaded.options)
        return open_or_join(store, chosen, options, cap)

    opened = _Opened(store, part, open_run)
    with opened.stack:
        ending = run_with_pilot(store, request, opened, jobs=taken.jobs)
        opened.ended(ending.stop)
        return ending
