"""What `status` and `show` tell, composed as values."""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from jobs.job import JSON, FailureClass, State
from jobs.lock import holder
from jobs.store import Store
from jobs.store.answered import StoredAnswer, answer
from jobs.store.batches import Batch, batch
from jobs.store.choices import RETRIABLE
from jobs.store.glance import (
    OpenCall,
    RowRange,
    ended_since,
    oldest_call,
    row_range,
)
from jobs.store.history import RowHistory, history
from jobs.store.log import Event, Run, events_of, last_run
from jobs.store.totals import Counts, FailedAlike, Spent, counts, failed_by_class, failures, spent
from runner.catalogue import explain, say
from runner.exits import Refusal
from runner.settings import Settings
from runner.told import spent_record
from runner.workspace import BATCH_ID, REHEARSAL, Workspace, of_sheet, quoted, typed

MORE = "more"  # in a run that its cap stopped: how much more lets the rest of the rows run
AGAIN = "--again"  # what a remedy needs that buys a new generation
SHORT = {"endpoint": "-e", "model": "-m", "prompt": "-p"}
RATE_SECONDS = 300.0  # the rate is that of the last five minutes
LEAST_SECONDS = 5.0  # of a run, before it has a rate


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What the last run does or did. `died`: it never wrote down how it ended."""

    kind: Literal["running", "ended", "died", "never"]
    pid: int = 0
    host: str = ""
    since: float = 0.0
    ended_at: float | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a run that is going on sends nothing now: person, outage or slow_down."""

    kind: str
    since: float
    cause: str = ""
    until: float | None = None


def pauses_in(happened: Sequence[Event], *, now: float) -> tuple[Pause, ...]:
    """The pauses that are still on, by what happened in a run."""
    found: dict[str, Pause] = {}
    for event in happened:
        data = event.data
        cause = str(data.get("cause") or "")
        match event.kind:
            case "steered" if data.get("pause"):
                found["person"] = Pause(kind="person", since=event.at)
            case "steered" if data.get("resume"):
                found.pop("person", None)
            case "outage":
                found["outage"] = Pause(kind="outage", since=event.at, cause=cause)
            case "outage_over":
                found.pop("outage", None)
            case "slow_down":
                seconds = data.get("seconds")
                until = event.at + (seconds if isinstance(seconds, int | float) else 0.0)
                found["slow_down"] = Pause(
                    kind="slow_down", since=event.at, cause=cause, until=until
                )
            case _:
                pass
    return tuple(one for one in found.values() if one.until is None or one.until > now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a sheet stands: all that `status` shows."""

    sheet: str
    folder: Path
    at: float
    run: RunState
    rows: Counts
    spent: Spent
    rate: float | None = None  # rows a minute
    seconds_left: float | None = None
    oldest: OpenCall | None = None
    failures: tuple[tuple[FailureClass, int], ...] = ()  # the most frequent first
    pauses: tuple[Pause, ...] = ()  # of a run that is going on
    dropped_keys: tuple[tuple[str, str], ...] = ()  # by name, and why
    next_command: str | None = None


def standing_of(workspace: Workspace, *, now: float) -> Standing:
    """Look at a workspace; a run that is going on is not disturbed. Raises Refusal, TableError."""
    running = workspace.is_running()
    store = Store.look(workspace.table)
    try:
        with store.read() as tx:
            loaded = _loaded(batch(tx, BATCH_ID), workspace)
            rows = counts(tx, BATCH_ID)
            failed, groups = failed_by_class(tx, BATCH_ID), failures(tx, BATCH_ID)
            used = spent(tx, BATCH_ID)
            last = last_run(tx, BATCH_ID)
            run = _run_state(workspace, last, running=running)
            window = min(RATE_SECONDS, now - run.since)
            rate = oldest = None
            happened: list[Event] = []
            if running:
                happened = events_of(tx, last.id) if last is not None else []
                oldest = oldest_call(tx, BATCH_ID)
                ended = ended_since(tx, BATCH_ID, now - window) if window > LEAST_SECONDS else 0
                rate = 60 * ended / window if ended else None
    finally:
        store.close()
    ordered = sorted(failed.items(), key=lambda item: (-item[1], item[0]))
    return Standing(
        sheet=loaded.sheet,
        folder=workspace.folder,
        at=now,
        run=run,
        rows=rows,
        spent=used,
        rate=rate,
        seconds_left=60 * rows.pending / rate if rate else None,
        oldest=oldest,
        failures=tuple(ordered),
        pauses=pauses_in(happened, now=now),
        dropped_keys=tuple(
            (str(event.data.get("key")), str(event.data.get("cause")))
            for event in happened
            if event.kind == "key_dropped"
        ),
        next_command=next_command(workspace, loaded, rows, groups, last) if not running else None,
    )


def _loaded(found: Batch | None, workspace: Workspace) -> Batch:
    if found is None:
        raise Refusal(say("workspace.none", folder=str(workspace.folder)))
    return found


def _run_state(workspace: Workspace, run: Run | None, *, running: bool) -> RunState:
    if running:
        held = holder(workspace.folder / "jobs.lock")
        since = held.since or (run.started_at if run else 0.0)
        return RunState(kind="running", pid=held.pid, host=held.host, since=since)
    if run is None:
        return RunState(kind="never")
    return RunState(
        kind="died" if run.ended_at is None else "ended",
        pid=run.pid,
        host=run.host,
        since=run.started_at,
        ended_at=run.ended_at,
        exit_code=run.exit_code,
    )


def next_command(
    workspace: Workspace,
    loaded: Batch,
    rows: Counts,
    groups: Sequence[FailedAlike],
    last: Run | None,
) -> str:
    """The one command that helps most now; it works as it stands."""
    command = _next(workspace, loaded, rows, groups)
    if workspace.folder.suffix == REHEARSAL:
        return command
    more = last.options.get(MORE) if last is not None else None
    if rows.pending and isinstance(more, str):
        command += f" --max-cost +{more}"
    return with_address(command, last)


def with_address(command: str, last: Run | None) -> str:
    """A command that sends, with the base URL that the last run had from its command line only."""
    sends = command.split()[1:2] in (["run"], ["retry"], ["check"])
    return command + address_words(last) if sends else command


def address_words(last: Run | None) -> str:
    """What a sending command has to name, since only the last run's own line named it."""
    if last is None or last.options.get("base_url_by") != "flag":
        return ""
    return f" --base-url {quoted(str(last.options['base_url']))}"


def at_last_address(settings: Settings, last: Run | None) -> Settings:
    """The settings with the last run's address, unless lasting settings give another one."""
    if last is None or "base_url" not in last.options:
        return settings
    by = str(last.options.get("base_url_by"))
    if by != "flag" and settings.sources["base_url"] != "default":
        return settings
    sources = {**settings.sources, "base_url": by}
    return replace(settings, base_url=str(last.options["base_url"]), sources=sources)


def _next(
    workspace: Workspace,
    loaded: Batch,
    rows: Counts,
    groups: Sequence[FailedAlike],
) -> str:
    if workspace.folder.suffix == REHEARSAL:  # what follows is for the sheet itself
        real = typed(workspace.sheet_of(loaded))
        return f"rowmill rehearse {real}" if rows.pending else _for_real(loaded, real)
    sheet = named(workspace, loaded)
    if rows.pending:
        return f"rowmill run {sheet}"
    failed = [one for one in groups if one.kind != State.IN_DOUBT]
    helps = [explain(FailureClass(one.kind), one.cause, sheet=sheet).command for one in failed]
    for one, command in zip(failed, helps, strict=True):
        if one.kind in RETRIABLE and AGAIN not in command:
            return f"rowmill retry {sheet}"
    if helps:
        return helps[0]
    if rows.in_doubt:
        return f"rowmill retry {sheet} --class in_doubt"
    return f"rowmill export {sheet} -o results.csv"


def _for_real(loaded: Batch, sheet: str) -> str:
    """The sheet itself, as it was rehearsed; where the mock's own model stood in, it asks."""
    given = loaded.options
    if str(given.get("model", "mock-")).startswith("mock-"):
        return f"rowmill {sheet}"
    words = ["rowmill", "run", sheet]
    for option in ("endpoint", "model", "prompt", "id", "tab", "provider"):
        if isinstance(value := given.get(option), str):
            words += [SHORT.get(option, f"--{option}"), quoted(value)]
    for option in ("set", "column"):
        pairs = given.get(option)
        for name, value in pairs.items() if isinstance(pairs, dict) else ():
            words += [f"--{option}", quoted(f"{name}={value}")]
    return " ".join(words)


def named(workspace: Workspace, loaded: Batch) -> str:
    """What a person types for this sheet: its file where that leads here, else the folder."""
    sheet = workspace.sheet_of(loaded)
    leads_here = sheet.exists() and of_sheet(sheet, None).folder == workspace.folder
    return typed(sheet if leads_here else workspace.folder)


def standing_record(standing: Standing) -> dict[str, JSON]:
    """The standing as public data."""
    run, rows, used = standing.run, standing.rows, standing.spent
    return {
        "schema": 1,
        "sheet": standing.sheet,
        "workspace": str(standing.folder),
        "run": {
            "state": run.kind,
            "pid": run.pid or None,
            "host": run.host or None,
            "started_at": run.since or None,
            "ended_at": run.ended_at,
            "exit_code": run.exit_code,
        },
        "rows": {
            "total": rows.total,
            "done": rows.done,
            "failed": rows.failed,
            "in_doubt": rows.in_doubt,
            "skipped": rows.skipped,
            "pending": rows.pending,
            "waiting": rows.waiting,
            "sending": rows.sending,
            "polling": rows.polling,
            "fetching": rows.fetching,
            "parked": rows.parked,
        },
        "pauses": [asdict(pause) for pause in standing.pauses],
        "rows_a_minute": standing.rate,
        "seconds_left": standing.seconds_left,
        "tokens": {
            "prompt": used.prompt_tokens,
            "completion": used.completion_tokens,
            "total": used.total_tokens,
        },
        **spent_record(used),
        "oldest_call": None
        if standing.oldest is None
        else {
            "row": standing.oldest.row,
            "seconds": max(standing.at - standing.oldest.started_at, 0.0),
        },
        "failures": {str(kind): count for kind, count in standing.failures},
        "next": standing.next_command,
    }


# --- one row --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRow:
    """Which row is asked for: by the number that Excel shows, or by its key."""

    position: int | None = None
    key: str | None = None

    @classmethod
    def parse(cls, text: str) -> "WantedRow | None":
        """`17` or `key:fox`; None for anything else."""
        if text.startswith("key:"):
            return cls(key=text.removeprefix("key:"))
        return cls(position=int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """Everything about one row."""

    loaded: Batch
    history: RowHistory
    cells: tuple[tuple[str, JSON], ...]  # header, value
    answer: StoredAnswer | None = None  # of the newest call that has one
    last: Run | None = None


def row_of(workspace: Workspace, wanted: WantedRow) -> RowView:
    """Look one row up. Raises Refusal where there is none."""
    store = Store.look(workspace.table)
    try:
        with store.read() as tx:
            loaded = _loaded(batch(tx, BATCH_ID), workspace)
            found = history(tx, BATCH_ID, position=wanted.position, key=wanted.key)
            if found is None:
                raise _no_such_row(wanted, loaded, row_range(tx, BATCH_ID))
            past = (answer(tx, call.call_id) for call in reversed(found.calls))
            stored = next((one for one in past if one is not None), None)
            last = last_run(tx, BATCH_ID)
    except zlib.error as error:
        raise Refusal(say("show.damaged", reason=str(error))) from error
    finally:
        store.close()
    cells = _cells(loaded, found)
    return RowView(loaded=loaded, history=found, cells=cells, answer=stored, last=last)


def _no_such_row(wanted: WantedRow, loaded: Batch, found: RowRange | None) -> Refusal:
    row = str(wanted.position) if wanted.key is None else f"key:{wanted.key}"
    if found is None:
        return Refusal(say("show.no_rows", row=row, sheet=loaded.sheet))
    return Refusal(
        say("show.no_row", row=row, sheet=loaded.sheet, first=found.first, last=found.last)
    )


def _cells(loaded: Batch, found: RowHistory) -> tuple[tuple[str, JSON], ...]:
    cells: list[JSON] = json.loads(found.result.cells)
    headers = [*loaded.headers, *([""] * (len(cells) - len(loaded.headers)))]
    return tuple(zip(headers, cells, strict=False))


def row_record(view: RowView) -> dict[str, JSON]:
    """The row as public data; its request and its answer are added by who can read them."""
    row, past = view.history.result, view.history
    return {
        "schema": 1,
        "sheet": view.loaded.sheet,
        "row": row.row,
        "key": row.key,
        "status": row.status,
        "error_class": row.error_class,
        "error_cause": row.error_cause,
        "error": row.error,
        "cells": [[header, value] for header, value in view.cells],
        "endpoint": past.endpoint,
        "model": row.model,
        "fields": past.fields,
        "step": past.step,
        "version": past.version,
        "ticket": past.ticket,
        "text": row.text,
        "finish": row.finish,
        "data": row.data,
        "cost": row.cost,
        "currency": row.currency,
        "tokens": {
            "prompt": row.prompt_tokens,
            "completion": row.completion_tokens,
            "total": row.total_tokens,
        },
        "attempts": [
            {
                "version": call.version,
                "started_at": call.started_at,
                "seconds": call.seconds,
                "wire": call.wire,
                "http_status": call.status,
                "outcome": call.outcome,
                "class": call.kind,
                "cause": call.cause,
                "detail": call.detail,
                "cost": call.cost,
                "currency": call.currency,
                "cost_is_estimate": call.estimated,
                "cost_at_most": call.ceiling,
                "request_id": call.request_id,
            }
            for call in past.calls
        ],
        "files": [_file_record(file) for file in past.files],
    }


_FILE_FIELDS = (
    *("number", "version", "state", "name", "size", "media_type", "width", "height"),
    *("sha256", "url", "expires_at", "saved_at", "cause"),
)


def _file_record(file: dict[str, JSON]) -> JSON:
    return {name: file.get(name) for name in _FILE_FIELDS}
