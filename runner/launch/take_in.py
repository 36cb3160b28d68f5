"""Takes a sheet into its table, and sees which rows are left to be sent."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.store import Store
from jobs.store.loaded_sheets import LoadedSheet, loaded_sheet
from jobs.store.log import last_run
from jobs.store.provider_batches.batch import open_batches
from jobs.store.queries.totals import Counts, counts
from jobs.store.queue.choices import ask_again
from jobs.store.queue.put_back import failed_positions, replacements
from jobs.store.queue.tickets import count_late
from runner.catalogue import say
from runner.catalogue.findings import describe
from runner.console.screen import print_message
from runner.console.usage import ask_yes_no
from runner.exits import Exit, Refusal
from runner.intake.guard import EmptyRowsError
from runner.intake.intake import SheetSource, take_in
from runner.intake.loaded import Intake, guess_words, how_read, skipped_words
from runner.launch.locate import warn_of_missing_rows
from runner.launch.request import PutBack, RunRequest, program_version
from runner.preflight.pending_work import PendingWork, read_pending_work
from runner.settings.database_url import DatabaseUrl
from runner.settings.known_address import note_use, remember_address
from runner.settings.known_database import remember_database
from runner.settings.schema import NO_DATABASE, SCHEMA, SHORT_OPTIONS, SettingKind
from runner.settings.settings import Settings
from runner.settings.values import read_value
from runner.workspace.lookup import remember
from runner.workspace.workspace import SHEET_ID, Workspace

CAP_SETTING = next(one for one in SCHEMA if one.kind is SettingKind.CAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """The sheet as the table has it now, and the rows that are still to be sent."""

    loaded: LoadedSheet
    counts: Counts
    work: PendingWork
    jobs: tuple[int, ...] | None = None  # those of a `retry`: it sends these and no others
    corrected: tuple[int, ...] = ()  # of them, those of rows that a person corrected
    put_back: PutBack | None = None
    late: int = 0  # tasks that were given up, and that a run asks after
    open_batches: int = 0  # provider batches that are not taken in, or not cleared away

    @property
    def is_nothing(self) -> bool:
        """True if there is nothing for this command to do."""
        if self.put_back is None:
            return not (self.counts.pending or self.late or self.open_batches)
        return not (self.jobs or self.put_back.free)


def take_in_sheet(request: RunRequest, store: Store) -> TakenIn:
    """Load or reconcile the sheet, and see what is left to be sent."""
    if not request.sheet_is_here:
        return _as_loaded(request, store)
    failed: dict[int, int] = {}
    if request.put_back is not None:
        with store.read() as tx:
            failed = failed_positions(tx, SHEET_ID)
    source = SheetSource(sheet=request.sheet, edits=request.edits)
    settings = _under_the_last_cap(store, request.settings)
    try:
        intake = take_in(store, request.workspace, source, settings, now=time.time())
    except EmptyRowsError as found:
        if not _agrees(found.question, settings):
            raise
        source = replace(source, empty_agreed=True)
        intake = take_in(store, request.workspace, source, settings, now=time.time())
    _tell_intake(intake, request.settings)
    with store.read() as tx:
        warn_of_missing_rows(tx, request.sheet.name, request.settings.rows)
    remember(request.sheet, request.workspace)
    _remember_database(request)
    if not request.rehearsal:
        _remember_address(request.workspace.folder, request.settings)
    with store.read() as tx:
        last = last_run(tx, SHEET_ID)
    if last is not None and last.program != program_version():
        _read_again(store, request.workspace)
    return foresee(request, store, failed)


def _as_loaded(request: RunRequest, store: Store) -> TakenIn:
    """The sheet as another machine loaded it: its file is not here."""
    with store.read() as tx:
        loaded = request.workspace.loaded_in(tx)
        failed = failed_positions(tx, SHEET_ID) if request.put_back is not None else {}
        warn_of_missing_rows(tx, loaded.sheet, request.settings.rows)
    if not request.settings.quiet:
        print_message(say("run.from_table", sheet=loaded.sheet))
    if not request.rehearsal:
        _remember_address(request.workspace.folder, request.settings)
    return foresee(request, store, failed)


def _remember_database(request: RunRequest) -> None:
    """Later commands name only the sheet; `--db none` goes back to the folder."""
    database, given = request.workspace.database, request.settings.db
    if database is None and given == NO_DATABASE:
        remember_database(request.workspace.folder, None)
    elif database is not None and isinstance(given, DatabaseUrl):
        remember_database(request.workspace.folder, given.named(database.name))


def _agrees(question: str, settings: Settings) -> bool:
    """Ask on a terminal; False where nobody can be asked. -y consents to costs only."""
    if settings.no_input or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    if ask_yes_no(question, default=True):
        return True
    raise Refusal(say("run.declined"), code=Exit.STOPPED)


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
    else:
        _tell_plan(intake)


def _tell_plan(intake: Intake) -> None:
    """Say what was read and what changes, what is skipped and which columns were guessed."""
    plan = intake.plan
    if plan is not None:
        how = " · ".join(how_read(intake.layout))
        print_message(say("run.read", sheet=intake.sheet.name, rows=f"{plan.staged:,}", how=how))
        if not plan.first:
            numbers = ("unchanged", "refreshed", "changed", "new", "returned", "removed")
            print_message(say("run.plan", **{name: f"{getattr(plan, name):,}" for name in numbers}))
        if plan.answered_already:
            print_message(say("run.found_answered", count=f"{plan.answered_already:,}"))
        if plan.bad:
            print_message(say("run.skipping_bad", count=f"{plan.bad:,}"))
        if intake.skipped is not None:
            for sentence in skipped_words(intake.skipped):
                print_message(sentence)
        if guesses := guess_words(intake.headers, intake.columns):
            print_message(guesses)


def _read_again(store: Store, workspace: Workspace) -> None:
    """Read stored answers again: another version of rowmill may find more in them."""
    from runner.steps.reread import read_again  # noqa: PLC0415 - after an update only

    if better := read_again(store, workspace):
        print_message(say("run.read_again", count=f"{better:,}"))


def foresee(request: RunRequest, store: Store, failed: dict[int, int]) -> TakenIn:
    """The rows as they will be once `retry` has put its own back; the table is left as it is.

    `failed` are the rows that failed before the sheet was read: corrected ones are retried too.
    """
    with store.session() as tx, tx.begin() as trial:
        put_back, jobs = None, None
        corrected: tuple[int, ...] = ()
        if request.put_back is not None:
            put_back = request.put_back(tx)
            corrected = replacements(tx, SHEET_ID, failed)
            jobs = limited(request.settings, (*put_back.jobs, *corrected))
        ask_again(tx, SHEET_ID, now=time.time())
        loaded = loaded_sheet(tx, SHEET_ID)
        assert loaded is not None
        found = TakenIn(
            loaded=loaded,
            counts=counts(tx, SHEET_ID),
            work=read_pending_work(tx, request.settings, jobs),
            jobs=jobs,
            corrected=corrected,
            put_back=put_back,
            late=count_late(tx, SHEET_ID, now=time.time()),
            open_batches=len(open_batches(tx, SHEET_ID)),
        )
        trial.rollback()
    for sentence in put_back.sentences if put_back is not None else ():
        print_message(sentence)
    return found


def limited(settings: Settings, jobs: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(jobs))[: settings.limit]
