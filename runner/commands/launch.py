"""What `run`, `retry` and `rehearse` share: take the sheet in, ask, run, tell how it ended."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from jobs import failpoints
from jobs.export import Options, format_of, results_path, write_results
from jobs.job import JSON, Failure, FailureClass
from jobs.store import Store, Transaction, on_shared_file_system
from jobs.store.bars import Bar
from jobs.store.batches import Batch, batch
from jobs.store.choices import ask_again
from jobs.store.edits import Edit
from jobs.store.log import end_run
from jobs.store.results import results
from jobs.store.totals import Counts, Spent, counts, failed_by_class, spent
from runner.answers import AnswerFolder
from runner.catalogue import explain, say
from runner.catalogue.findings import describe
from runner.commands.announcing import announce
from runner.commands.paying import (
    Due,
    Outlay,
    consent,
    keep_cap,
    look,
    outlay_record,
    tell_ahead,
    till_after,
    under_the_last_cap,
    weigh_up,
)
from runner.commands.picturing import thumbnails_for
from runner.commands.piloting import go_piloted
from runner.exits import Exit, Refusal, worst
from runner.helm import Stop
from runner.intake import Incoming, Intake, take_in
from runner.keys import OwnedKey, find_keys, keys_name
from runner.naming import TemplateError
from runner.overview import named, next_command
from runner.progress import Display
from runner.report.writing import Wish, write_report
from runner.rereading import read_again
from runner.schema import AUTO
from runner.screen import give, tell
from runner.secret import Secret, keep_out_of_dumps
from runner.session import Assignment, Ending, Session, end_log, log_to
from runner.settings import Settings, is_here
from runner.switchboard import limits_of
from runner.told import doubt_words, money_words, spent_record
from runner.vectors import write_vectors
from runner.workspace import BATCH_ID, Workspace, remember

STOP_CODES = {
    "key": Exit.PROVIDER,
    "credit": Exit.PROVIDER,
    "offline": Exit.PROVIDER,
    "interrupted": Exit.INTERRUPTED,
    "terminated": Exit.TERMINATED,
    "broken": Exit.OUTPUT,
    "disk": Exit.OUTPUT,
    "until": Exit.STOPPED,
    "rule": Exit.STOPPED,
    "pilot": Exit.STOPPED,
    "budget": Exit.STOPPED,
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SHORT_OPTIONS = {"endpoint": "-e", "model": "-m", "prompt": "-p"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One command that runs rows."""

    sheet: Path
    workspace: Workspace
    settings: Settings
    key: Secret | None = None  # in a rehearsal, where none is asked for
    before: Callable[[Transaction], Sequence[str]] | None = None  # `retry`: puts back, says what
    edits: Sequence[Edit] = ()  # cells that a person corrected beside the sheet
    rehearsal: bool = False
    audit: Callable[[Store], tuple[list[str], Exit]] | None = None  # what else to tell at the end


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
    try:
        incoming = Incoming(sheet=job.sheet, edits=job.edits)
        intake = take_in(
            store, job.workspace, incoming, under_the_last_cap(store, job.settings), now=time.time()
        )
    except TemplateError as error:
        raise Refusal(str(error)) from error
    _tell_intake(intake, job.settings)
    remember(job.sheet, job.workspace)
    better = read_again(store, job.workspace, program_version())
    if better:
        tell(say("run.read_again", count=f"{better:,}"))
    loaded, standing, due = _foreseen(job, store)
    ending = outlay = None
    if standing.pending:
        keys = _keys(job)
        outlay = weigh_up(job.settings, keys[0].key, due)
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
    return _finish(job, store, loaded, ending, outlay)


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


# --- after ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How the rows stand after a run, or after there was nothing to run."""

    loaded: Batch
    standing: Counts
    failed: Mapping[FailureClass, int]
    ending: Ending | None


def _finish(
    job: Launch, store: Store, loaded: Batch, ending: Ending | None, outlay: Outlay | None
) -> int:
    with store.read() as tx:
        standing, used = counts(tx, BATCH_ID), spent(tx, BATCH_ID)
        failed = failed_by_class(tx, BATCH_ID)
    outcome = _Outcome(loaded=loaded, standing=standing, failed=failed, ending=ending)
    codes = [_code_of_rows(job.settings, standing)]
    if ending is not None:
        codes += _codes_of(ending, standing)
    written, code = _write(job, store, loaded)
    codes.append(code)
    if job.audit is not None:
        audited, code = job.audit(store)
        written += audited
        codes.append(code)
    result = worst(codes)
    if ending is not None:
        with store.write() as tx:
            end_run(tx, ending.run_id, exit_code=int(result), now=time.time())
    told, code = _report(job)
    written += told
    result = worst([result, code])
    if not job.settings.quiet:
        _tell_end(job, standing, ending, {str(kind): count for kind, count in failed.items()})
        for line in (*_tell_money(store, used, ending, outlay), *written):
            tell(line)
        tell(say("run.next", command=_next(job, outcome)))
    record = _as_json(job, standing, ending, result)
    more: dict[str, JSON] = {
        "rehearsal": job.rehearsal,
        "seconds": round(time.time() - ending.started_at, 1) if ending is not None else 0.0,
        "cost": used.cost,
        "currency": used.currency,
        "top_failure": str(max(failed, key=lambda kind: failed[kind])) if failed else None,
        "next": _next(job, outcome),
    }
    announce(job.settings, {**record, **more})
    if job.settings.json:
        record = _as_json(job, standing, ending, result)
        record |= {**spent_record(used), **outlay_record(outlay)}
        give(json.dumps(record, ensure_ascii=False))
    return result


def _code_of_rows(settings: Settings, standing: Counts) -> Exit:
    bad = standing.failed + standing.in_doubt
    if not bad:
        return Exit.DONE
    tolerance = settings.ok_if_failed
    if tolerance is not None and tolerance.allows(bad, standing.total):
        return Exit.DONE
    return Exit.SOME_FAILED


def _codes_of(ending: Ending, standing: Counts) -> list[Exit]:
    codes = []
    if ending.stop is not None:
        codes.append(STOP_CODES[ending.stop.kind])
    elif ending.barred and standing.waiting:
        codes.append(Exit.PROVIDER)
    return codes


def _write(job: Launch, store: Store, loaded: Batch) -> tuple[list[str], Exit]:
    target = results_path(job.workspace.folder, loaded)
    try:
        with store.read() as tx:
            options = Options(
                workspace=job.workspace.folder,
                spent=spent(tx, BATCH_ID),
                thumbs=thumbnails_for(tx, job.workspace.folder, format=format_of(loaded)),
            )
            written = write_results(results(tx, BATCH_ID), loaded, target, options=options)
            vectors = write_vectors(
                tx,
                BATCH_ID,
                target.parent,
                answers=AnswerFolder(path=job.workspace.answers),
                workspace=job.workspace.folder,
            )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return [say("run.results_failed", reason=reason)], Exit.OUTPUT
    lines = [say("run.results_moved" if written.moved else "run.results", path=_near(written.path))]
    if vectors is not None:
        lines.append(say("run.vectors", path=_near(vectors)))
    if job.workspace.files.exists():
        lines.append(say("run.files", path=_near(job.workspace.files)))
    return lines, Exit.DONE


def _report(job: Launch) -> tuple[list[str], Exit]:
    """The morning page, once the table says how the run ended."""
    try:
        path, moved = write_report(job.workspace, Wish())
    except OSError as error:
        return [say("report.failed", reason=str(error))], Exit.OUTPUT
    return [say("run.report_moved" if moved else "run.report", path=_near(path))], Exit.DONE


def _near(path: Path) -> str:
    """A path as a person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _tell_end(job: Launch, standing: Counts, ending: Ending | None, failed: dict[str, int]) -> None:
    if ending is None:
        tell(say("run.nothing_to_do"))
    else:
        if ending.stop is not None:
            tell(say(f"run.stopped_{ending.stop.kind}", detail=ending.stop.detail))
        for bar, failure in ending.barred.items():
            tell(_stopped_model(bar, failure))
    seconds = time.time() - ending.started_at if ending is not None else 0.0
    tell(
        say(
            "run.end",
            done=f"{standing.done:,}",
            failed=f"{standing.failed:,}",
            in_doubt=f"{standing.in_doubt:,}",
            pending=f"{standing.pending:,}",
            time=_span(seconds),
        )
    )
    for kind, count in sorted(failed.items(), key=lambda item: -item[1]):
        meaning = explain(kind, sheet=job.sheet.name).meaning  # type: ignore[arg-type]  # its value
        tell(say("run.failures", count=f"{count:,}", kind=kind, meaning=meaning))


def _stopped_model(bar: Bar, failure: Failure) -> str:
    """What nothing was sent to any more, and why: in the provider's words, else in ours."""
    detail = failure.detail or explain(failure.kind, failure.cause).meaning
    if bar.endpoint is None:
        return say("run.model_stopped", model=bar.model, detail=detail)
    return say("run.form_stopped", model=bar.model, endpoint=bar.endpoint, detail=detail)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _tell_money(
    store: Store, used: Spent, ending: Ending | None, outlay: Outlay | None
) -> list[str]:
    """What was used in all, what is in doubt, and what the gateway's own till says."""
    if not used.calls:
        return []
    tokens = f"{used.total_tokens:,}" if used.total_tokens is not None else "?"
    lines = [say("run.used", calls=f"{used.calls:,}", tokens=tokens, cost=money_words(used))]
    if doubt := doubt_words(used):
        lines.append(doubt)
    if ending is not None and outlay is not None:
        till = till_after(outlay, store, since=ending.started_at)
        lines += [till] if till is not None else []
    return lines


def _next(job: Launch, outcome: _Outcome) -> str:
    """The one command that helps most now."""
    ending, pending = outcome.ending, outcome.standing.pending
    stopped = ending.stop.kind if ending is not None and ending.stop is not None else ""
    if stopped == "key" and not job.rehearsal:
        return f"rowmill keys set {keys_name(job.settings)}"
    barred = [failure.kind for failure in ending.barred.values()] if ending is not None else []
    if pending and not stopped and FailureClass.MODEL in barred and not job.rehearsal:
        return explain(FailureClass.MODEL, sheet=named(job.workspace, outcome.loaded)).command
    failures = sorted(outcome.failed.items(), key=lambda one: -one[1])
    command = next_command(job.workspace, outcome.loaded, outcome.standing, failures)
    return f"{command} --max-cost +AMOUNT" if pending and stopped == "budget" else command


def _as_json(job: Launch, standing: Counts, ending: Ending | None, code: Exit) -> dict[str, JSON]:
    stop: Stop | None = ending.stop if ending is not None else None
    barred = ending.barred if ending is not None else {}
    return {
        "schema": 1,
        "sheet": str(job.sheet),
        "workspace": str(job.workspace.folder),
        "exit_code": int(code),
        "stopped": stop.kind if stop else None,
        "stopped_detail": stop.detail if stop else None,
        "models_stopped": {bar.model: why.detail for bar, why in barred.items()},
        "rows": {
            "total": standing.total,
            "done": standing.done,
            "failed": standing.failed,
            "in_doubt": standing.in_doubt,
            "skipped": standing.skipped,
            "pending": standing.pending,
        },
    }
