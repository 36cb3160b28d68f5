"""The end of a command that ran rows: results, report, last lines, exit code."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.job import JSON, Failure, FailureClass
from jobs.store import Store
from jobs.store.batches import LoadedSheet
from jobs.store.log import Run, add_to_run, end_run, last_run
from jobs.store.queries.totals import Counts, FailedAlike, Spent, by_class, counts, failures, spent
from jobs.store.queue.blocked_models import Block
from runner.catalogue import explain, say
from runner.catalogue.money import format_cost, format_doubt
from runner.catalogue.phrases import detail as told_detail
from runner.catalogue.reasons import reason
from runner.console.screen import print_data, print_message, print_unwrapped
from runner.engine.session import Ending
from runner.engine.stop import STOP_CODES, Stop, StopReason
from runner.exits import Exit, worst
from runner.launch.consent import CostEstimate, outlay_record, till_after
from runner.launch.notify import announce
from runner.launch.request import RunRequest
from runner.launch.results import write_run_results
from runner.prices.money import rounded_up
from runner.report.writing import ReportOptions, write_report
from runner.settings.keys import keys_name
from runner.settings.settings import Settings
from runner.views.next_command import MORE_MONEY_OPTION, named, next_command, with_address
from runner.views.spending import spent_record
from runner.workspace.workspace import SHEET_ID, near


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How the rows stand after a run, or after there was nothing to run."""

    loaded: LoadedSheet
    standing: Counts
    groups: Sequence[FailedAlike]
    ending: Ending | None


def finish(
    job: RunRequest,
    store: Store,
    loaded: LoadedSheet,
    ending: Ending | None,
    outlay: CostEstimate | None,
) -> int:
    """Write results and report, tell how it ended; returns the exit code."""
    with store.read() as tx:
        standing, used = counts(tx, SHEET_ID), spent(tx, SHEET_ID)
        groups = failures(tx, SHEET_ID)
    failed = by_class(groups)
    outcome = _Outcome(loaded=loaded, standing=standing, groups=groups, ending=ending)
    codes = [_code_of_rows(job.settings, standing)]
    if ending is not None:
        codes += _codes_of(ending, standing)
    written, code = write_run_results(job.workspace, store, loaded)
    codes.append(code)
    if job.audit is not None:
        audited, code = job.audit(store)
        written += audited
        codes.append(code)
    result = worst(codes)
    if ending is not None:
        with store.write() as tx:
            add_to_run(tx, ending.run_id, _needs(ending, standing, outlay))
            end_run(tx, ending.run_id, exit_code=int(result), now=time.time())
    told, code = _report(job)
    written += told
    result = worst([result, code])
    with store.read() as tx:
        last = last_run(tx, SHEET_ID)
    command = _next(job, outcome, last)
    if not job.settings.quiet:
        _tell_end(job, standing, ending, {str(kind): count for kind, count in failed.items()})
        for line in _tell_money(store, used, ending, outlay):
            print_message(line)
        for line in (*written, say("run.next", command=command)):
            print_unwrapped(line)
    record = _as_json(job, standing, ending, result)
    more: dict[str, JSON] = {
        "rehearsal": job.rehearsal,
        "seconds": round(time.time() - ending.started_at, 1) if ending is not None else 0.0,
        "cost": used.cost,
        "currency": used.currency,
        "top_failure": str(max(failed, key=lambda kind: failed[kind])) if failed else None,
        "next": command,
    }
    announce(job.settings, {**record, **more})
    if job.settings.json:
        record |= {**spent_record(used), **outlay_record(outlay)}
        print_data(json.dumps(record, ensure_ascii=False))
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
    codes: list[Exit] = []
    if ending.stop is not None:
        codes.append(STOP_CODES[ending.stop.reason])
    elif ending.blocked and standing.waiting:
        codes.append(Exit.PROVIDER)
    return codes


def _report(job: RunRequest) -> tuple[list[str], Exit]:
    """The morning page, once the table says how the run ended."""
    try:
        path, moved = write_report(job.workspace, ReportOptions())
    except OSError as error:
        return [say("report.failed", reason=reason(error))], Exit.OUTPUT
    return [say("run.report_moved" if moved else "run.report", path=near(path))], Exit.DONE


def _tell_end(
    job: RunRequest, standing: Counts, ending: Ending | None, failed: dict[str, int]
) -> None:
    if ending is None:
        print_message(say("run.nothing_to_do"))
    else:
        if ending.stop is not None:
            print_message(
                say(f"run.stopped_{ending.stop.reason}", detail=told_detail(ending.stop.detail))
            )
        for bar, failure in ending.blocked.items():
            print_message(_stopped_model(bar, failure))
    seconds = time.time() - ending.started_at if ending is not None else 0.0
    ended = say(
        "run.end",
        done=f"{standing.done:,}",
        failed=f"{standing.failed:,}",
        in_doubt=f"{standing.in_doubt:,}",
        pending=f"{standing.pending:,}",
        time=_span(seconds),
    )
    skipped = f"{standing.skipped:,}"
    print_message(
        ended + (f" · {say('run.end_skipped', count=skipped)}" if standing.skipped else "")
    )
    for kind, count in sorted(failed.items(), key=lambda item: -item[1]):
        meaning = explain(kind, sheet=job.sheet.name).meaning  # type: ignore[arg-type]  # its value
        print_message(say("run.failures", count=f"{count:,}", kind=kind, meaning=meaning))


def _stopped_model(bar: Block, failure: Failure) -> str:
    """What nothing was sent to any more, and why: in the provider's words, else in ours."""
    detail = told_detail(failure.detail) or explain(failure.kind, failure.cause).meaning
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
    store: Store, used: Spent, ending: Ending | None, outlay: CostEstimate | None
) -> list[str]:
    """What was used in all, what is in doubt, and what the gateway's own till says."""
    if not used.calls:
        return []
    tokens = f"{used.total_tokens:,}" if used.total_tokens is not None else "?"
    lines = [say("run.used", calls=f"{used.calls:,}", tokens=tokens, cost=format_cost(used))]
    if doubt := format_doubt(used):
        lines.append(doubt)
    if ending is not None and outlay is not None:
        till = till_after(outlay, store, since=ending.started_at)
        lines += [till] if till is not None else []
    return lines


def _needs(ending: Ending, standing: Counts, outlay: CostEstimate | None) -> dict[str, JSON]:
    """How much more a run that its cap stopped needs, for the rest of its rows and the last call.

    At the price foretold, and rounded up: the calls at the end are held at the most they may cost.
    """
    stop = ending.stop
    if stop is None or stop.needs is None or outlay is None or not standing.pending:
        return {}
    high = max((high for _, high in outlay.ahead.amounts.values()), default=0.0)
    rest = high * standing.pending / max(outlay.calls, 1)
    return {MORE_MONEY_OPTION: rounded_up(rest + stop.needs)}


def _next(job: RunRequest, outcome: _Outcome, last: Run | None) -> str:
    """The one command that helps most now."""
    ending, pending = outcome.ending, outcome.standing.pending
    stopped = ending.stop.reason if ending is not None and ending.stop is not None else None
    if stopped is StopReason.KEY and not job.rehearsal:
        return f"rowmill keys set {keys_name(job.settings)}"
    barred = [failure.kind for failure in ending.blocked.values()] if ending is not None else []
    if pending and stopped is None and FailureClass.MODEL in barred and not job.rehearsal:
        command = explain(FailureClass.MODEL, sheet=named(job.workspace, outcome.loaded)).command
        return with_address(command, last)
    return next_command(job.workspace, outcome.loaded, outcome.standing, outcome.groups, last)


def _as_json(
    job: RunRequest, standing: Counts, ending: Ending | None, code: Exit
) -> dict[str, JSON]:
    stop: Stop | None = ending.stop if ending is not None else None
    barred = ending.blocked if ending is not None else {}
    return {
        "schema": 1,
        "sheet": str(job.sheet),
        "workspace": str(job.workspace.folder),
        "exit_code": int(code),
        "stopped": stop.reason if stop else None,
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
