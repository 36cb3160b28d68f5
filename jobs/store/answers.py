"""Stored answers with their files and rows."""

import json
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select

from jobs.job import State
from jobs.store.row_status import SHARES
from jobs.store.schema import answers, attempts, files, jobs, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """A raw answer as stored; `body` is None if it is in the answers folder."""

    call_id: int
    status: int
    headers: dict[str, str]
    body: bytes | None
    size: int
    digest: bytes
    complete: bool


def answer(connection: Connection, call_id: int) -> StoredAnswer | None:
    """The raw answer of a call."""
    found = connection.execute(select(answers).where(answers.c.call_id == call_id)).one_or_none()
    if found is None:
        return None
    body = zlib.decompress(found.body) if found.coding == "zlib" else found.body
    return StoredAnswer(
        call_id=call_id,
        status=found.status,
        headers=json.loads(found.headers),
        body=body,
        size=found.size,
        digest=found.digest,
        complete=found.complete,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file of an accepted answer, with its state."""

    number: int
    version: int
    url: str | None
    expires_at: float | None
    state: str
    name: str | None


def files_of(connection: Connection, job_id: int, call_id: int) -> list[WantedFile]:
    """The files of one answer, in order."""
    found = connection.execute(
        select(files)
        .where(files.c.job_id == job_id, files.c.call_id == call_id)
        .order_by(files.c.number)
    )
    return [
        WantedFile(
            number=one.number,
            version=one.version,
            url=one.url,
            expires_at=one.expires_at,
            state=one.state,
            name=one.name,
        )
        for one in found
    ]


def cells_of(connection: Connection, job_id: int) -> tuple[str, str] | None:
    """Key and cells (JSON) of the row that needs this job; None if no row does."""
    found = connection.execute(
        select(rows.c.key, rows.c.cells)
        .where(rows.c.job_id == job_id)
        .order_by(rows.c.parked)
        .limit(1)
    ).one_or_none()
    return None if found is None else (found.key, found.cells)


def done_digests(connection: Connection) -> Iterator[bytes]:
    """The digests of all answered requests of a table."""
    found = connection.execute(select(jobs.c.digest).where(jobs.c.state == State.DONE.value))
    for row in found:
        yield row.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRow:
    """A done row whose result is one item in the answer of a call that rows may have shared."""

    row: int
    key: str
    model: str
    call_id: int
    index: int
    shared_by: int


def placed_rows(
    connection: Connection, sheet_id: int, endpoints: Collection[str]
) -> Iterator[PlacedRow]:
    """The done rows of these endpoints, grouped by call."""
    found = connection.execute(
        select(rows.c.position, rows.c.key, jobs.c.model, jobs.c.call_id, attempts.c.data, SHARES)
        .select_from(rows)
        .join(jobs, jobs.c.id == rows.c.job_id)
        .join(attempts, and_(attempts.c.job_id == jobs.c.id, attempts.c.call_id == jobs.c.call_id))
        .where(
            rows.c.batch_id == sheet_id,
            rows.c.parked.is_(False),
            jobs.c.endpoint.in_(list(endpoints)),
            jobs.c.state == State.DONE.value,
        )
        .order_by(jobs.c.call_id, rows.c.position)
    )
    for position, key, model, call_id, data, shared_by in found:
        yield PlacedRow(
            row=position,
            key=key,
            model=model,
            call_id=call_id,
            index=json.loads(data or "{}").get("index", 0),
            shared_by=shared_by,
        )
