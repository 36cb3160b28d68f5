"""Reads some answered online calls, with the usage that they were billed by."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from jobs.job import JSON
from jobs.outcome import WireClass
from jobs.store.schema import attempts, calls, jobs

MOST_SAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidSample:
    """One answered call. `usage` is as it came."""

    endpoint: str
    model: str
    fields: Mapping[str, JSON]
    usage: JSON


def paid_samples(connection: Connection, sheet_id: int) -> list[PaidSample]:
    """The newest online calls that tell their usage."""
    found = connection.execute(
        select(jobs.c.endpoint, jobs.c.model, jobs.c.fields, attempts.c.usage)
        .select_from(calls)
        .join(attempts, attempts.c.call_id == calls.c.id)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(
            jobs.c.batch_id == sheet_id,
            calls.c.wire == WireClass.ANSWERED.value,
            calls.c.provider_batch_id.is_(None),
            attempts.c.usage.is_not(None),
        )
        .order_by(calls.c.id.desc())
        .limit(MOST_SAMPLES)
    )
    return [
        PaidSample(
            endpoint=row.endpoint,
            model=row.model,
            fields=json.loads(row.fields),
            usage=json.loads(row.usage),
        )
        for row in found
    ]
