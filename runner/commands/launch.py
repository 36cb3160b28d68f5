"""What `run`, `retry` and `rehearse` share: take the sheet in, ask, run."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from jobs import failpoints
from jobs.job import JSON
from jobs.store import Store, on_shared_file_system
from jobs.store.batches import Batch, batch
from jobs.store.choices import ask_again
from jobs.store.log import last_run
from jobs.store.totals import Counts, counts
from runner.catalogue import say
from runner.catalogue.findings import describe
from runner.commands.absent import tell_absent
from runner.commands.finishing import finish
from runner.commands.paying import (
    Due,
    Outlay,
    consent,
    keep_cap,
    look,
    tell_ahead,
    under_the_last_cap,
    weigh_up,
)
from runner.commands.piloting import go_piloted
from runner.commands.terms import Launch
from runner.exits import Refusal
from runner.intake import Incoming, take_in
from runner.keys import OwnedKey, find_keys, keys_name
from runner.progress import Display
from runner.rereading import read_again
from runner.schema import AUTO
from runner.screen import tell
from runner.secret import keep_out_of_dumps
from runner.session import Assignment, Ending, Session, end_log, log_to
from runner.settings import Settings, is_here
from runner.switchboard import limits_of
from runner.understanding import Intake
from runner.workspace import BATCH_ID, remember

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SHORT_OPTIONS = {"endpoint": "-e", "model": "-m", "prompt": "-p"}


def launch(job: Launch) -> int:
    """Run it; returns the exit code. Nothing is sent before everything is understood and agreed."""
    workspace = job.workspace
    _arm(job.settings)
    keep_out_of_dumps()
    workspace.make()
    if workspace.open_to_others:
        tell(say("run.open_folder", folder=str(workspace.folder)))
    if on_shared_file_system(workspace.table):
        tell(say("run.shared_disk", folder=str(workspace.folder)))
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
    if not is_here(settings.base_url):
        raise Refusal(say("run.failpoint", reason=settings.base_url))
    try:
        failpoints.arm(words)
    except ValueError as error:
        raise Refusal(say("run.failpoint", reason=str(error))) from error


def _run(job: Launch, store: Store) -> int:
    incoming = Incoming(sheet=job.sheet, edits=job.edits)
    capped = under_the_last_cap(store, job.settings)
    intake = take_in(store, job.workspace, incoming, capped, now=time.time())
    _tell_intake(intake, job.settings)
    with store.read() as tx:
        tell_absent(tx, job.sheet.name, job.settings.rows)
    remember(job.sheet, job.workspace)
    better = read_again(store, job.workspace, program_version())
    if better:
        tell(say("run.read_again", count=f"{better:,}"))
    loaded, standing, due = _foreseen(job, store)
    ending = outlay = None
    if standing.pending:
        keys = _keys(job)
        outlay = weigh_up(job.settings, keys[0].key, due)
        _tell_other_address(job, store)
        _agree(job, outlay, loaded)
        keep_cap(store, loaded, outlay.budget)
        if job.before is not None:
            with store.write() as tx:
                job.before(tx)
        means = _Means(keys=keys, outlay=outlay)
        ending = go_piloted(
            store,
            job.workspace,
            job.settings,
            lambda settings, jobs: _go(replace(job, settings=settings), store, loaded, means, jobs),
            asks=not job.rehearsal,
        )
    return finish(job, store, loaded, ending, outlay)


def _tell_other_address(job: Launch, store: Store) -> None:
    """Say that the calls go elsewhere than those of the last run did."""
    with store.read() as tx:
        last = last_run(tx, BATCH_ID)
    before = last.options.get("base_url") if last is not None else None
    if isinstance(before, str) and before != job.settings.base_url and not job.rehearsal:
        sentence = say("run.other_address", before=before, now=job.settings.base_url)
        tell(say("cli.warning", text=sentence))


def _agree(job: Launch, outlay: Outlay, loaded: Batch) -> None:
    """Tell what lies ahead and have a yes where one is needed."""
    settings = job.settings
    if not settings.quiet:
        endpoints = str(settings.endpoint or loaded.options.get("endpoint") or say("run.by_row"))
        model = settings.model or loaded.options.get("model") or ""
        what = " ".join(word for word in (endpoints, str(model)) if word)
        tell_ahead(outlay, settings, what, job.workspace.folder)
    if not job.rehearsal:
        consent(outlay, settings)


def _foreseen(job: Launch, store: Store) -> tuple[Batch, Counts, Due]:
    """How the rows will stand once they are put back; nothing is put back before a yes."""
    with store.session() as tx, tx.begin() as trial:
        told = job.before(tx) if job.before is not None else ()
        ask_again(tx, BATCH_ID, now=time.time())
        loaded, standing = batch(tx, BATCH_ID), counts(tx, BATCH_ID)
        due = look(tx, job.settings)
        trial.rollback()
    assert loaded is not None
    for sentence in told:
        tell(sentence)
    return loaded, standing, due


@dataclass(frozen=True, slots=True, kw_only=True)
class _Means:
    """With which keys a run is made, and what it may cost."""

    keys: tuple[OwnedKey, ...]
    outlay: Outlay


def _go(
    job: Launch,
    store: Store,
    loaded: Batch,
    means: _Means,
    jobs: tuple[int, ...] | None,
) -> Ending:
    settings = job.settings
    assignment = Assignment(
        settings=settings,
        workspace=job.workspace,
        batch=loaded,
        keys=means.keys,
        purse=means.outlay.purse(),
        title=f"{job.sheet.name} → {urlsplit(settings.base_url).netloc}",
        program=program_version(),
        limit=settings.limit,
        rows=settings.rows,
        jobs=jobs,
        remembered=loaded.options,
    )
    display = Display("none" if settings.quiet else settings.progress, color=settings.color)
    hands = limits_of(settings, accounts=len(assignment.keys)).in_flight
    if settings.concurrency != AUTO and hands < int(settings.concurrency):
        tell(say("run.fewer_hands", hands=hands, wanted=settings.concurrency))
    ending = asyncio.run(Session(store, assignment, display).go())
    if ending.recovered:
        tell(say("run.recovered", count=f"{ending.recovered:,}"))
    return ending


def _keys(job: Launch) -> tuple[OwnedKey, ...]:
    if job.key is not None:
        return (OwnedKey(key=job.key),)
    found = find_keys(job.settings, os.environ)
    if not found:
        settings = job.settings
        raise Refusal(say("keys.missing", name=keys_name(settings), url=settings.base_url))
    return found


def program_version() -> str:
    """rowmill's version, as it is written into the table."""
    try:
        return version("rowmill")
    except PackageNotFoundError:
        return "unknown"


# --- before ---------------------------------------------------------------------------------------


def _how_read(layout: Mapping[str, JSON]) -> str:
    """Format, encoding, delimiter and tab of a sheet, as far as it has them."""
    words = [layout[name] for name in ("format", "encoding", "delimiter", "tab")]
    return ", ".join(DELIMITERS.get(str(word), str(word)) for word in words if word)


def _tell_intake(intake: Intake, settings: Settings) -> None:
    if settings.quiet:
        return
    for finding in intake.findings:
        if finding.severity == "warning":
            tell(say("cli.warning", text=describe(finding)))
    options = [
        f"{SHORT_OPTIONS.get(name, '--' + name)} {getattr(settings, name)}"
        for name in ("endpoint", "model", "prompt", "tab", "id")
        if settings.sources.get(name) == "remembered"
    ]
    if options:
        tell(say("run.remembered", options=" ".join(options)))
    if intake.unread:
        tell(say("run.unread", sheet=intake.sheet.name))
    elif intake.plan is not None:
        plan = intake.plan
        how = _how_read(intake.layout)
        tell(say("run.read", sheet=intake.sheet.name, rows=f"{plan.staged:,}", how=how))
        if not plan.first:
            numbers = ("unchanged", "refreshed", "changed", "new", "returned", "removed")
            tell(say("run.plan", **{name: f"{getattr(plan, name):,}" for name in numbers}))
        if plan.answered_already:
            tell(say("run.found_answered", count=f"{plan.answered_already:,}"))
        if plan.bad:
            tell(say("run.skipping_bad", count=f"{plan.bad:,}"))
