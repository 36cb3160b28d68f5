"""The values of a new job and of its row."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, insert, literal, null, update

from jobs.job import FailureClass, State, Step
from jobs.store.queue.order import SHEET_RANK
from jobs.store.schema import batches

DIGEST_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedColumns:
    """The columns of a select that the values of a new job and its row come from."""

    number: ColumnElement[int]
    position: ColumnElement[int]
    key: ColumnElement[str]
    digest: ColumnElement[bytes]
    occurrence: ColumnElement[int]
    endpoint: ColumnElement[str]
    model: ColumnElement[str]
    fields: ColumnElement[str]
    cells: ColumnElement[str]
    problem: ColumnElement[str | None]
    skip: ColumnElement[str | None]


def job_values(line: StagedColumns, *, sheet_id: int, now: float) -> dict[str, ColumnElement[Any]]:
    """The values of a new job; a row that cannot become a request has failed already."""
    bad = line.problem.is_not(None)
    return {
        "id": line.number,
        "batch_id": literal(sheet_id),
        "digest": line.digest,
        "digest_version": literal(DIGEST_VERSION),
        "occurrence": line.occurrence,
        "endpoint": line.endpoint,
        "model": line.model,
        "fields": line.fields,
        "position": line.position,
        "state": case(
            (bad, State.FAILED.value),
            (line.skip.is_not(None), State.SKIPPED.value),
            else_=State.READY.value,
        ),
        "step": literal(Step.SEND.value),
        "rank": literal(SHEET_RANK),
        "turn": line.position,
        "not_before": literal(0.0),
        "epoch": literal(0),
        "version": literal(1),
        "attempts": literal(0),
        "repeats": literal(0),
        "deaths": literal(0),
        "stream": literal(value=False),
        "kind": case((bad, FailureClass.BAD_INPUT.value), else_=null()),
        "cause": case((bad, "bad_row"), else_=line.skip),
        "detail": line.problem,
        "updated_at": literal(now),
        "listed": literal(value=True),
    }


def row_values(
    line: StagedColumns, *, row_id: ColumnElement[int], sheet_id: int
) -> dict[str, ColumnElement[Any]]:
    """The values of a row of the sheet."""
    return {
        "id": row_id,
        "batch_id": literal(sheet_id),
        "key": line.key,
        "position": line.position,
        "cells": line.cells,
        "job_id": line.number,
        "parked": literal(value=False),
    }


def remember(connection: Connection, sheet_id: int, sheet: dict[str, Any], *, now: float) -> None:
    """Record what the table keeps about the sheet itself."""
    values = {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
        for name, value in sheet.items()
    } | {"loaded_at": now}
    changed = connection.execute(update(batches).where(batches.c.id == sheet_id).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(batches).values(id=sheet_id, **values))
