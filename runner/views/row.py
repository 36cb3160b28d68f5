"""Everything about one row, as `show` tells it."""

import json
import re
import zlib
from dataclasses import dataclass
from typing import cast

from jobs.job import JSON
from jobs.store.answers import StoredAnswer, answer
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import Run, last_run
from jobs.store.queries.few_rows import RowRange, row_range
from jobs.store.queries.history import RowHistory, history
from runner.catalogue import say
from runner.exits import Refusal
from runner.views.records import FileRecord, RowRecord, RowStatus
from runner.workspace.workspace import SHEET_ID, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRow:
    """The row that is asked for, by the number that Excel shows or by its key."""

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

    loaded: LoadedSheet
    history: RowHistory
    cells: tuple[tuple[str, JSON], ...]  # header, value
    answer: StoredAnswer | None = None  # of the newest call with a ticket
    last: Run | None = None


def row_of(workspace: Workspace, wanted: WantedRow) -> RowView:
    """Read one row. Raises Refusal if there is no such row."""
    try:
        with workspace.place.look() as store, store.read() as tx:
            loaded = workspace.loaded_in(tx)
            found = history(tx, SHEET_ID, position=wanted.position, key=wanted.key)
            if found is None:
                raise _no_such_row(wanted, loaded, row_range(tx, SHEET_ID))
            past = (answer(tx, call.call_id) for call in reversed(found.calls))
            stored = next((one for one in past if one is not None), None)
            last = last_run(tx, SHEET_ID)
    except zlib.error as error:
        raise Refusal(say("show.damaged", reason=str(error))) from error
    cells = _cells(loaded, found)
    return RowView(loaded=loaded, history=found, cells=cells, answer=stored, last=last)


def _no_such_row(wanted: WantedRow, loaded: LoadedSheet, found: RowRange | None) -> Refusal:
    row = str(wanted.position) if wanted.key is None else f"key:{wanted.key}"
    if found is None:
        return Refusal(say("show.no_rows", row=row, sheet=loaded.sheet))
    return Refusal(
        say("show.no_row", row=row, sheet=loaded.sheet, first=found.first, last=found.last)
    )


def _cells(loaded: LoadedSheet, found: RowHistory) -> tuple[tuple[str, JSON], ...]:
    cells: list[JSON] = json.loads(found.result.cells)
    headers = [*loaded.headers, *([""] * (len(cells) - len(loaded.headers)))]
    return tuple(zip(headers, cells, strict=False))


def row_record(view: RowView) -> RowRecord:
    """The row as public data. Callers add its request and its answer."""
    row, past = view.history.result, view.history
    return {
        "schema": 1,
        "sheet": view.loaded.sheet,
        "row": row.row,
        "key": row.key,
        "status": cast("RowStatus", row.status),
        "error_class": row.error_class,
        "error_cause": row.error_cause,
        "error": row.error,
        "cells": [[header, value] for header, value in view.cells],
        "endpoint": past.endpoint,
        "model": row.model,
        "fields": dict(past.fields),
        "step": past.step,
        "version": past.version,
        "ticket": past.ticket,
        "text": row.text,
        "finish": row.finish,
        "data": dict(row.data),
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


def _file_record(file: dict[str, JSON]) -> FileRecord:
    return cast("FileRecord", {name: file.get(name) for name in FileRecord.__annotations__})
