"""Everything about one row: each attempt, each file."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from jobs.job import JSON
from jobs.outcome import WireClass
from jobs.store.queries.results import ResultRow, results_of
from jobs.store.schema import attempts, calls, files, jobs, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """One attempt of a row."""

    call_id: int
    version: int
    started_at: float
    seconds: float | None
    wire: WireClass | None  # None while it is open
    status: int | None
    outcome: str | None
    kind: str | None
    cause: str | None
    detail: str | None
    cost: float | None
    request_id: str | None
    currency: str | None = None
    ceiling: float | None = None  # what it may cost at most
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RowHistory:
    """Everything about one row."""

    result: ResultRow
    job_id: int
    endpoint: str
    step: str
    version: int
    not_before: float
    ticket: str | None
    fields: dict[str, JSON]
    calls: tuple[PastCall, ...]
    files: tuple[dict[str, JSON], ...]


def history(
    connection: Connection, sheet_id: int, *, position: int | None = None, key: str | None = None
) -> RowHistory | None:
    """Everything about one row, found by its number or its key."""
    wanted = rows.c.position == position if key is None else rows.c.key == key
    row = connection.execute(
        select(rows.c.id, rows.c.job_id)
        .where(rows.c.batch_id == sheet_id, wanted)
        .order_by(rows.c.parked)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    job = connection.execute(select(jobs).where(jobs.c.id == row.job_id)).one()
    past = connection.execute(
        select(attempts, calls)
        .join(calls, calls.c.id == attempts.c.call_id)
        .where(attempts.c.job_id == row.job_id)
        .order_by(calls.c.id)
    ).mappings()
    kept = connection.execute(
        select(files).where(files.c.job_id == row.job_id).order_by(files.c.call_id, files.c.number)
    ).mappings()
    return RowHistory(
        result=results_of(connection, [row.id])[row.id],
        job_id=job.id,
        endpoint=job.endpoint,
        step=job.step,
        version=job.version,
        not_before=job.not_before,
        ticket=job.ticket,
        fields=json.loads(job.fields),
        calls=tuple(_past_call(one) for one in past),
        files=tuple(_plain_file(one) for one in kept),
    )


def _past_call(one: Any) -> PastCall:
    return PastCall(
        call_id=one[calls.c.id],
        version=one[attempts.c.version],
        started_at=one[calls.c.started_at],
        seconds=one[calls.c.seconds],
        wire=WireClass(one[calls.c.wire]) if one[calls.c.wire] else None,
        status=one[calls.c.status],
        outcome=one[attempts.c.outcome],
        kind=one[attempts.c.kind],
        cause=one[attempts.c.cause],
        detail=one[attempts.c.detail],
        cost=one[calls.c.cost],
        currency=one[calls.c.currency],
        ceiling=one[calls.c.ceiling],
        estimated=bool(one[calls.c.estimated]),
        request_id=one[calls.c.request_id],
    )


def _plain_file(one: Any) -> dict[str, JSON]:
    plain = dict(one)
    plain["sha256"] = plain["sha256"].hex() if plain["sha256"] else None
    return plain
