"""What the table tells: counts, results, the history of a row."""

import json
import math
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, not_, or_, select

from jobs.job import JSON, FailureClass, State, Step
from jobs.store.edits import edited_cells
from jobs.store.nanos import NANO, nanos_of
from jobs.store.standing import COST, SHARES, STATUS, TRIES, WITH_LAST_CALL
from jobs.table import (
    answers,
    attempts,
    batches,
    calls,
    events,
    exported,
    files,
    jobs,
    rows,
    runs,
)

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A loaded sheet."""

    id: int
    sheet: str
    sheet_digest: bytes
    options_digest: bytes
    headers: tuple[str, ...]
    layout: dict[str, JSON]
    id_column: str | None
    options: dict[str, JSON]
    attached: list[list[JSON]]
    loaded_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows by where they stand. `waiting` are not begun, `fetching` have their answer."""

    done: int = 0
    failed: int = 0
    in_doubt: int = 0
    skipped: int = 0
    waiting: int = 0
    sending: int = 0
    polling: int = 0
    fetching: int = 0
    parked: int = 0

    @property
    def total(self) -> int:
        """All rows of the sheet; parked ones are not in it."""
        return self.done + self.failed + self.in_doubt + self.skipped + self.pending

    @property
    def pending(self) -> int:
        """Rows that are not settled."""
        return self.waiting + self.sending + self.polling + self.fetching


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a batch has used up; cost is None where no call has a known price.

    `costs` are by currency; `cost` and `currency` are for where there is only one.
    """

    calls: int
    unknown_calls: int  # in doubt: may have been billed without an answer
    unpriced_calls: int  # answered, price unknown
    cost: float | None
    currency: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    costs: Mapping[str, float] = field(default_factory=dict)
    estimated_calls: int = 0  # priced by list prices
    doubtful: Mapping[str, float] = field(default_factory=dict)  # most that those in doubt cost
    doubtful_unpriced: int = 0  # in doubt, and nobody knows what they cost


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One row of the sheet with all that came of it. `cells` is the JSON list as it was read.

    `cost` is of all its calls; None where one that was answered has no known price.
    """

    row: int
    key: str
    cells: str
    status: str
    text: str | None
    urls: tuple[str, ...]
    files: tuple[str, ...]
    error: str | None
    error_class: str | None
    error_cause: str | None
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    cost: float | None
    seconds: float | None
    attempts: int
    model: str
    answered_model: str | None
    request_id: str | None
    finished_at: float | None
    data: dict[str, JSON] = field(default_factory=dict)
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """One attempt of a row, as the table remembers it."""

    call_id: int
    version: int
    started_at: float
    seconds: float | None
    wire: str | None
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


def batch(connection: Connection, batch_id: int) -> Batch | None:
    """The loaded sheet, or None for an empty table."""
    found = connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
    if found is None:
        return None
    return Batch(
        id=found.id,
        sheet=found.sheet,
        sheet_digest=found.sheet_digest,
        options_digest=found.options_digest,
        headers=tuple(json.loads(found.headers)),
        layout=json.loads(found.layout),
        id_column=found.id_column,
        options=json.loads(found.options),
        attached=json.loads(found.attached),
        loaded_at=found.loaded_at,
    )


def counts(connection: Connection, batch_id: int) -> Counts:
    """How many rows stand where; jobs that no row points to are taken out again."""
    wanted = select(jobs.c.state, jobs.c.step, func.count()).group_by(jobs.c.state, jobs.c.step)
    numbers: dict[str, int] = defaultdict(int)
    mine = jobs.c.batch_id == batch_id
    for sign, condition in ((1, mine), (-1, and_(mine, not_(jobs.c.listed)))):
        for state, step, count in connection.execute(wanted.where(condition)):
            numbers[_place(State(state), Step(step))] += sign * count
    parked = (
        select(func.count()).select_from(rows).where(rows.c.batch_id == batch_id, rows.c.parked)
    )
    numbers["parked"] = connection.execute(parked).scalar_one()
    return Counts(**numbers)


def _place(state: State, step: Step) -> str:
    if state not in (State.READY, State.RUNNING):
        return state.value
    if step is Step.SEND:
        return "sending" if state is State.RUNNING else "waiting"
    return "polling" if step is Step.POLL else "fetching"


def spent(connection: Connection, batch_id: int, *, since: float = 0.0) -> Spent:
    """Calls, cost and tokens of a batch; of the calls begun since then, if a time is given."""
    mine = and_(runs.c.batch_id == batch_id, calls.c.started_at >= since)
    joined = calls.join(runs, runs.c.id == calls.c.run_id)
    in_doubt = calls.c.wire == "D"
    money = connection.execute(
        select(
            calls.c.currency,
            func.count(),
            func.count(case((in_doubt, 1))),
            func.count(case((and_(calls.c.wire.in_(["C", "E"]), calls.c.cost.is_(None)), 1))),
            func.sum(nanos_of(calls.c.cost)),
            func.count(case((and_(calls.c.estimated, calls.c.cost.is_not(None)), 1))),
            func.sum(case((in_doubt, nanos_of(calls.c.ceiling)))),
            func.count(case((and_(in_doubt, calls.c.ceiling.is_(None)), 1))),
        )
        .select_from(joined)
        .where(mine)
        .group_by(calls.c.currency)
    ).all()
    tokens = connection.execute(
        select(
            func.sum(attempts.c.prompt_tokens),
            func.sum(attempts.c.completion_tokens),
            func.sum(attempts.c.total_tokens),
        )
        .select_from(joined.join(attempts, attempts.c.call_id == calls.c.id))
        .where(mine)
    ).one()
    costs = {row[0] or "": int(row[4]) / NANO for row in money if row[4] is not None}
    only = len(costs) == 1
    return Spent(
        calls=sum(row[1] for row in money),
        unknown_calls=sum(row[2] for row in money),
        unpriced_calls=sum(row[3] for row in money),
        cost=next(iter(costs.values())) if only else None,
        currency=next(iter(costs)) or None if only else None,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        total_tokens=tokens[2],
        costs=costs,
        estimated_calls=sum(row[5] for row in money),
        doubtful={row[0] or "": int(row[6]) / NANO for row in money if row[6] is not None},
        doubtful_unpriced=sum(row[7] for row in money),
    )


def failures(connection: Connection, batch_id: int) -> list[tuple[str, str, int, int, str]]:
    """Failed and doubtful rows: class (or `in_doubt`), cause, how many, first row, words of one."""
    doubtful = State.IN_DOUBT.value
    kind = case((jobs.c.state == doubtful, doubtful), else_=jobs.c.kind)
    cause = func.coalesce(jobs.c.cause, "")
    found = connection.execute(
        select(
            kind,
            cause,
            func.count(),
            func.min(jobs.c.position),
            func.max(func.coalesce(jobs.c.detail, "")),
        )
        .where(
            jobs.c.batch_id == batch_id,
            jobs.c.listed,
            jobs.c.state.in_([State.FAILED.value, doubtful]),
        )
        .group_by(kind, cause)
        .order_by(func.count().desc(), func.min(jobs.c.position))
    )
    return [tuple(row) for row in found]


def failed_by_class(connection: Connection, batch_id: int) -> dict[FailureClass, int]:
    """How many failed rows each class has."""
    found = connection.execute(
        select(jobs.c.kind, func.count())
        .where(jobs.c.batch_id == batch_id, jobs.c.listed, jobs.c.state == State.FAILED.value)
        .group_by(jobs.c.kind)
    )
    return {FailureClass(kind): count for kind, count in found}


_RESULT = select(
    rows.c.id.label("row_id"),
    rows.c.position,
    rows.c.key,
    rows.c.cells,
    rows.c.parked,
    jobs.c.id,
    STATUS.label("status"),
    jobs.c.kind,
    jobs.c.cause,
    jobs.c.detail,
    jobs.c.model,
    jobs.c.updated_at,
    jobs.c.call_id,
    attempts.c.text,
    attempts.c.finish,
    attempts.c.answered_model,
    attempts.c.prompt_tokens,
    attempts.c.completion_tokens,
    attempts.c.total_tokens,
    attempts.c.data,
    COST.label("cost"),
    calls.c.currency,
    calls.c.seconds,
    calls.c.request_id,
    TRIES.label("tries"),
).select_from(WITH_LAST_CALL)


def results(
    connection: Connection,
    batch_id: int,
    *,
    only: Collection[str] | None = None,
    export: int | None = None,
) -> Iterator[ResultRow]:
    """Every row in sheet order, a page at a time, so that memory stays flat.

    `only` takes result statuses; `parked` rows come only when asked for, after all others. `export`
    takes only the rows which that export of new rows has taken.
    """
    edited = edited_cells(connection, batch_id)
    groups = [False] if only is None or "parked" not in only else [False, True]
    for parked in groups:
        last = (-1, -1)  # parked rows can share a position
        while True:
            page = connection.execute(
                _taken_by(export)
                .where(rows.c.batch_id == batch_id, rows.c.parked == parked, _after(*last))
                .order_by(rows.c.position, rows.c.id)
                .limit(PAGE)
            ).all()
            if not page:
                break
            last = (page[-1].position, page[-1].row_id)
            saved = _files_of(connection, page)
            costs = _costs_of(connection, page)
            for row in page:
                result = _result(row, saved[row.id], costs.get(row.id, row.cost))
                if result.key in edited:
                    result = replace(result, data=result.data | {"edited": edited[result.key]})
                if only is None or result.status in only:
                    yield result


def _taken_by(export: int | None) -> Select[Any]:
    if export is None:
        return _RESULT
    taken = select(exported.c.row_id).where(exported.c.taken_by == export)
    return _RESULT.where(rows.c.id.in_(taken))


def _after(position: int, row_id: int) -> ColumnElement[bool]:
    later = or_(rows.c.position > position, rows.c.id > row_id)
    return and_(rows.c.position >= position, later)


def _files_of(connection: Connection, page: Sequence[Any]) -> dict[int, list[Any]]:
    """The files of each job's accepted answer, in their order."""
    accepted = {row.id: row.call_id for row in page if row.call_id is not None}
    found: dict[int, list[Any]] = defaultdict(list)
    if not accepted:
        return found
    query = (
        select(files)
        .where(files.c.job_id.in_(list(accepted)))
        .order_by(files.c.job_id, files.c.number)
    )
    for file in connection.execute(query):
        if accepted[file.job_id] == file.call_id:
            found[file.job_id].append(file)
    return found


def _costs_of(connection: Connection, page: Sequence[Any]) -> dict[int, float | None]:
    """What rows cost that took several calls, each shared with the rows it served."""
    apart = [row.id for row in page if row.tries > 1]
    if not apart:
        return {}
    served = attempts.alias("served")
    shares = (
        select(func.count())
        .where(served.c.call_id == calls.c.id)
        .correlate(calls)
        .scalar_subquery()
    )
    query = (
        select(attempts.c.job_id, calls.c.cost, shares)
        .join(calls, calls.c.id == attempts.c.call_id)
        .where(attempts.c.job_id.in_(apart), calls.c.wire.in_(["C", "E"]))
    )
    parts: dict[int, list[float | None]] = defaultdict(list)
    for job_id, cost, rows_served in connection.execute(query):
        parts[job_id].append(None if cost is None else cost / rows_served)
    return {job_id: _sum(parts[job_id]) for job_id in apart}


def _sum(costs: Sequence[float | None]) -> float | None:
    known = [one for one in costs if one is not None]
    return round(math.fsum(known), 9) if known and len(known) == len(costs) else None


def _result(row: Any, saved: list[Any], cost: float | None) -> ResultRow:
    return ResultRow(
        row=row.position,
        key=row.key,
        cells=row.cells,
        status="parked" if row.parked else row.status,
        text=row.text,
        urls=tuple(file.url for file in saved if file.url),
        files=tuple(file.name for file in saved if file.state == "done"),
        error=row.detail or row.cause,
        error_class=row.kind,
        error_cause=row.cause,
        finish=row.finish,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        total_tokens=row.total_tokens,
        cost=cost,
        currency=row.currency,
        seconds=row.seconds,
        attempts=row.tries,
        model=row.model,
        answered_model=row.answered_model,
        request_id=row.request_id,
        finished_at=row.updated_at if row.status not in ("pending", "parked") else None,
        data=json.loads(row.data) if row.data else {},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRow:
    """A done row whose result is one place in the answer of a call that others may have shared."""

    row: int
    key: str
    model: str
    call_id: int
    index: int
    shared_by: int


def placed_rows(
    connection: Connection, batch_id: int, endpoints: Collection[str]
) -> Iterator[PlacedRow]:
    """The done rows of these endpoints, those of one call together."""
    found = connection.execute(
        select(rows.c.position, rows.c.key, jobs.c.model, jobs.c.call_id, attempts.c.data, SHARES)
        .select_from(rows)
        .join(jobs, jobs.c.id == rows.c.job_id)
        .join(attempts, and_(attempts.c.job_id == jobs.c.id, attempts.c.call_id == jobs.c.call_id))
        .where(
            rows.c.batch_id == batch_id,
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


def history(
    connection: Connection, batch_id: int, *, position: int | None = None, key: str | None = None
) -> RowHistory | None:
    """Everything about one row, found by its number or its key."""
    wanted = rows.c.position == position if key is None else rows.c.key == key
    row = connection.execute(
        _RESULT.where(rows.c.batch_id == batch_id, wanted).order_by(rows.c.parked).limit(1)
    ).one_or_none()
    if row is None:
        return None
    job = connection.execute(select(jobs).where(jobs.c.id == row.id)).one()
    past = connection.execute(
        select(attempts, calls)
        .join(calls, calls.c.id == attempts.c.call_id)
        .where(attempts.c.job_id == row.id)
        .order_by(calls.c.started_at)
    ).mappings()
    kept = connection.execute(
        select(files).where(files.c.job_id == row.id).order_by(files.c.call_id, files.c.number)
    ).mappings()
    return RowHistory(
        result=_result(
            row,
            _files_of(connection, [row])[row.id],
            _costs_of(connection, [row]).get(row.id, row.cost),
        ),
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
        wire=one[calls.c.wire],
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """A raw answer as stored; `body` is None where it lies in the answers folder."""

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
    """A file of an accepted answer, with where it stands."""

    number: int
    version: int
    url: str | None
    expires_at: float | None
    state: str
    name: str | None


def files_of(connection: Connection, job_id: int, call_id: int) -> list[WantedFile]:
    """The files of one answer, in their order."""
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
    """Key and cells (JSON) of the row that needs this job; None where no row does."""
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


def run_events(connection: Connection, run_id: int) -> list[tuple[float, str, dict[str, JSON]]]:
    """Pauses, stops and changes of a run, in order."""
    found = connection.execute(
        select(events.c.at, events.c.kind, events.c.data)
        .where(events.c.run_id == run_id)
        .order_by(events.c.at, events.c.id)
    )
    return [(row.at, row.kind, json.loads(row.data)) for row in found]


def account_of(connection: Connection, call_id: int) -> str | None:
    """The label of the account that a call went out with."""
    found: str | None = connection.execute(
        select(calls.c.account).where(calls.c.id == call_id)
    ).scalar_one_or_none()
    return found
