"""The end of a command that ran rows: results, report, last lines, exit code."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from jobs.job import JSON, Failure, FailureClass
from jobs.store import Store, Transaction
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import Run, add_to_run, end_run, last_run
from jobs.store.queries.totals import Counts, FailedAlike, Spent, by_class, counts, failures, spent
from jobs.store.queue.blocked_models import Block
from runner.catalogue import explain, say
from runner.catalogue.durations import format_run_time
from runner.catalogue.money import format_cost, format_doubt
from runner.catalogue.phrases import detail as told_detail
from runner.catalogue.reasons import reason
from runner.console.screen import print_message, print_unwrapped
from runner.engine.session import Ending
from runner.engine.stop import STOP_CODES, Stop, StopReason
from runner.exits import Exit, worst
from runner.launch.estimate import CostEstimate, balance_after, estimate_record
from runner.launch.request import RunRequest
from runner.launch.results import send_results, write_run_results
from runner.prices.money import rounded_up
from runner.report.writing import ReportOptions, write_report
from runner.settings.keys import key_place, keys_name
from runner.views.next_command import MORE_MONEY_OPTION, named, next_command, with_address
from runner.views.records import EndRecord, NewsRecord, RowCounts, RunRecord
from runner.views.spending import spent_record
from runner.workspace.workspace import SHEET_ID, near


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalState:
    """How a command that ran rows ended: for scripts, and for people elsewhere."""

    code: Exit
    record: RunRecord  # what --json prints
    news: NewsRecord  # what a notification tells


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How the rows are after a run, or after there was nothing to run."""

    loaded: LoadedSheet
    counts: Counts
    spent: Spent
    failures: Sequence[FailedAlike]
    ending: Ending | None
    estimate: CostEstimate | None
    unbought: int = 0  # rows that no provider batch has bought, at the end of a run of all rows

    @property
    def by_class(self) -> dict[str, int]:
        """The failed rows by failure class."""
        return {str(kind): count for kind, count in by_class(self.failures).items()}


def finish(
    request: RunRequest,
    store: Store,
    loaded: LoadedSheet,
    ending: Ending | None,
    estimate: CostEstimate | None,
) -> FinalState:
    """Write results and report, and tell the person how it ended."""
    with store.read() as tx:
        outcome = _Outcome(
            loaded=loaded,
            counts=counts(tx, SHEET_ID),
            spent=spent(tx, SHEET_ID),
            failures=failures(tx, SHEET_ID),
            ending=ending,
            estimate=estimate,
        )
        outcome = replace(outcome, unbought=_unbought(tx, request, outcome))
    lines, code = _write(request, store, outcome)
    with store.read() as tx:
        command = _next(request, outcome, last_run(tx, SHEET_ID))
        at_provider = [*_at_provider(tx, outcome), *_left(outcome)]
    if not request.settings.quiet:
        _tell_end(request, outcome)
        for line in (*at_provider, *_money_lines(store, outcome)):
            print_message(line)
        for line in (*lines, say("run.next", command=command)):
            print_unwrapped(line)
    record = _as_json(request, outcome, code)
    news = _news(request, outcome, record, command)
    return FinalState(
        code=code,
        record={**record, **spent_record(outcome.spent), **estimate_record(estimate)},
        news=news,
    )


def _write(request: RunRequest, store: Store, outcome: _Outcome) -> tuple[list[str], Exit]:
    """Write all files, and into the table how the run ended; returns what to tell, and the code."""
    ending = outcome.ending
    codes = [*_codes_of_rows(request, outcome), *_codes_of_stop(outcome)]
    if outcome.unbought:
        codes.append(Exit.STOPPED)
    lines: list[str] = []
    if request.sheet_is_here:  # a host that was given a database leaves no results
        lines, code = write_run_results(
            request.workspace, store, outcome.loaded, headers=request.settings.headers
        )
        codes.append(code)
    if request.settings.results is not None and not request.rehearsal:
        sent, code = send_results(
            request.workspace,
            store,
            outcome.loaded,
            request.settings.results,
            headers=request.settings.headers,
        )
        lines += sent
        codes.append(code)
    if request.audit is not None:
        audited, code = request.audit(store)
        lines += audited
        codes.append(code)
    if ending is not None:
        with store.write() as tx:
            add_to_run(tx, ending.run_id, _needs(outcome))
            if not store.shared:  # there the last host to leave has ended the run
                end_run(tx, ending.run_id, exit_code=int(worst(codes)), now=time.time())
    told, code = _report(request) if request.sheet_is_here else ([], Exit.DONE)
    return [*lines, *told], worst([*codes, code])


def _codes_of_rows(request: RunRequest, outcome: _Outcome) -> list[Exit]:
    rows, tolerance = outcome.counts, request.settings.ok_if_failed
    bad = rows.failed + rows.in_doubt
    if outcome.ending is None and request.put_back is not None and not request.edits:
        return []  # a retry that found nothing to do says nothing of other rows
    if not bad or (tolerance is not None and tolerance.allows(bad, rows.total)):
        return []
    return [Exit.SOME_FAILED]


def _codes_of_stop(outcome: _Outcome) -> list[Exit]:
    ending = outcome.ending
    if ending is None:
        return []
    if ending.stop is not None:
        return [STOP_CODES[ending.stop.reason]]
    return [Exit.PROVIDER] if ending.blocked and outcome.counts.waiting else []


def _report(request: RunRequest) -> tuple[list[str], Exit]:
    """Write the report page, now that the table says how the run ended."""
    try:
        path, moved = write_report(request.workspace, ReportOptions())
    except OSError as error:
        return [say("report.failed", reason=reason(error))], Exit.OUTPUT
    return [say("run.report_moved" if moved else "run.report", path=near(path))], Exit.DONE


def _tell_end(request: RunRequest, outcome: _Outcome) -> None:
    rows, ending = outcome.counts, outcome.ending
    if ending is None and request.put_back is None:
        print_message(say("run.nothing_to_do"))
    if ending is not None:
        if ending.stop is not None:
            detail = told_detail(ending.stop.detail)
            print_message(say(f"run.stopped_{ending.stop.reason}", detail=detail))
        if (
            ending.stop is not None
            and ending.stop.reason is StopReason.KEY
            and (place := _key_place(request))
        ):
            name = keys_name(request.settings)
            print_message(say("run.refused_key_place", place=place, name=name))
        for block, failure in ending.blocked.items():
            print_message(_stopped_model(block, failure))
    ended = say(
        "run.end",
        **{name: f"{getattr(rows, name):,}" for name in ("done", "failed", "in_doubt", "pending")},
        time=format_run_time(ending.seconds if ending is not None else 0.0),
    )
    if rows.skipped:
        ended += f" · {say('run.end_skipped', count=f'{rows.skipped:,}')}"
    print_message(ended)
    for kind, count in sorted(outcome.by_class.items(), key=lambda item: -item[1]):
        meaning = explain(kind, sheet=request.sheet.name).meaning  # type: ignore[arg-type]  # its value
        print_message(say("run.failures", count=f"{count:,}", kind=kind, meaning=meaning))


def _key_place(request: RunRequest) -> str | None:
    """Where the person set the key in use, unless it is one that `keys set` can replace."""
    return None if request.rehearsal else key_place(request.settings, os.environ)


def _stopped_model(block: Block, failure: Failure) -> str:
    """Which model (or form of it) is sent nothing more, and why: the provider's words, or ours."""
    detail = told_detail(failure.detail) or explain(failure.kind, failure.cause).meaning
    if block.endpoint is None:
        return say("run.model_stopped", model=block.model, detail=detail)
    return say("run.form_stopped", model=block.model, endpoint=block.endpoint, detail=detail)


def _at_provider(tx: Transaction, outcome: _Outcome) -> list[str]:
    """The rows in provider batches that are still open."""
    if not outcome.counts.polling:
        return []
    from runner.views.batches import at_provider_words, read_batches  # noqa: PLC0415 - few have any

    words = at_provider_words(read_batches(tx))
    return [words] if words is not None else []


def _unbought(tx: Transaction, request: RunRequest, outcome: _Outcome) -> int:
    settings, ending = request.settings, outcome.ending
    if ending is None or ending.stop is not None or not outcome.counts.waiting:
        return 0
    is_part = settings.limit is not None or settings.rows is not None
    if is_part or request.put_back is not None or settings.submit_only:
        return 0
    from jobs.store.provider_batches.waiting import unbought  # noqa: PLC0415 - few rows wait

    return unbought(tx, SHEET_ID)


def _left(outcome: _Outcome) -> list[str]:
    rows = outcome.unbought
    return [say("batches.wait", rows=f"{rows:,}")] if rows else []


def _money_lines(store: Store, outcome: _Outcome) -> list[str]:
    """What was spent in all, what is in doubt, and what the gateway itself says of the balance."""
    used = outcome.spent
    if not used.calls:
        return []
    tokens = f"{used.total_tokens:,}" if used.total_tokens is not None else "?"
    lines = [say("run.used", calls=f"{used.calls:,}", tokens=tokens, cost=format_cost(used))]
    if doubt := format_doubt(used):
        lines.append(doubt)
    if outcome.ending is not None and outcome.estimate is not None:
        taken = balance_after(outcome.estimate, store, since=outcome.ending.started_at)
        lines += [taken] if taken is not None else []
    return lines


def _needs(outcome: _Outcome) -> dict[str, JSON]:
    """How much more a run that its cap stopped needs, for the rest of its rows and the last call.

    By the forecast, and rounded up: the last calls are counted at the most they may cost.
    """
    stop = outcome.ending.stop if outcome.ending is not None else None
    estimate, pending = outcome.estimate, outcome.counts.pending
    if stop is None or stop.needs is None or estimate is None or not pending:
        return {}
    high = max((high for _, high in estimate.forecast.amounts.values()), default=0.0)
    rest = high * pending / max(estimate.calls, 1)
    return {MORE_MONEY_OPTION: rounded_up(rest + stop.needs)}


def _next(request: RunRequest, outcome: _Outcome, last: Run | None) -> str:
    """The one command that helps most now."""
    ending, pending = outcome.ending, outcome.counts.pending
    stopped = ending.stop.reason if ending is not None and ending.stop is not None else None
    if stopped is StopReason.KEY and not request.rehearsal and not _key_place(request):
        return f"rowmill keys set {keys_name(request.settings)}"
    blocked = [failure.kind for failure in ending.blocked.values()] if ending is not None else []
    if pending and stopped is None and FailureClass.MODEL in blocked and not request.rehearsal:
        sheet = named(request.workspace, outcome.loaded)
        return with_address(explain(FailureClass.MODEL, sheet=sheet).command, last)
    return next_command(request.workspace, outcome.loaded, outcome.counts, outcome.failures, last)


def _as_json(request: RunRequest, outcome: _Outcome, code: Exit) -> EndRecord:
    ending, rows = outcome.ending, outcome.counts
    stop: Stop | None = ending.stop if ending is not None else None
    blocked = ending.blocked if ending is not None else {}
    counted = {name: getattr(rows, name) for name in RowCounts.__annotations__}
    return {
        "schema": 1,
        "sheet": str(request.sheet),
        "workspace": str(request.workspace.folder),
        "exit_code": int(code),
        "stopped": stop.reason if stop else None,
        "stopped_detail": stop.detail if stop else None,
        "models_stopped": {block.model: why.detail for block, why in blocked.items()},
        "rows": cast("RowCounts", counted),
    }


def _news(request: RunRequest, outcome: _Outcome, record: EndRecord, command: str) -> NewsRecord:
    """What a notification tells."""
    ending, failed = outcome.ending, outcome.by_class
    return {
        **record,
        "rehearsal": request.rehearsal,
        "seconds": round(ending.seconds, 1) if ending is not None else 0.0,
        "cost": outcome.spent.cost,
        "currency": outcome.spent.currency,
        "top_failure": max(failed, key=lambda kind: failed[kind]) if failed else None,
        "next": command,
    }
