"""Writing down what became of a step; the only place where a job's state changes by itself."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Connection, Table, bindparam, func, null, select, update

from jobs.claimed import Claimed
from jobs.job import Failure, Holding, State, Step
from jobs.outcome import (
    TRANSITIONS,
    Answered,
    Finished,
    GiveUp,
    Held,
    Outcome,
    Released,
    Repeat,
    Submitted,
    TryAgain,
)
from jobs.result import Result
from jobs.store.direct import Direct, inserting
from jobs.store.order import AFTER_ALL, REPEAT_RANK, turn_of
from jobs.table import answers, attempts, calls, files, jobs

_encode = json.JSONEncoder(ensure_ascii=False).encode
SMALL = 512  # bytes; below, compressing costs more than it saves


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended: the wire's class (A–E), and what the answer said of itself."""

    wire: str
    seconds: float
    status: int | None = None
    request_id: str | None = None
    cost: float | None = None
    currency: str | None = None
    estimated: bool = False
    told: bool = True  # False: another job that shared the call tells of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A raw answer. `coding` is `raw`, or `file` when the body lies in the answers folder."""

    status: int
    headers: str  # JSON object
    body: bytes
    size: int
    digest: bytes
    coding: str = "raw"
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A file under its final name, verified; `name` is relative to the files folder."""

    number: int
    name: str
    size: int
    sha256: bytes
    media_type: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostFile:
    """A file that cannot be had any more."""

    number: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One step's outcome, with all that has to be durable together with it."""

    job: Claimed
    outcome: Outcome
    ended: Ended | None = None  # set at the send step
    answer: Answer | None = None
    files: Sequence[SavedFile | LostFile] = ()
    refund: float | None = None  # of a task's submit, given back when the task came to nothing


_GUARDED = Direct(
    update(jobs)
    .where(
        jobs.c.id == bindparam("b_id"),
        jobs.c.state == bindparam("b_running"),
        jobs.c.owner == bindparam("b_owner"),
        jobs.c.epoch == bindparam("b_epoch"),
    )
    .values(
        state=bindparam("b_state"),
        step=bindparam("b_step"),
        rank=bindparam("b_rank"),
        turn=func.coalesce(bindparam("b_turn"), jobs.c.turn),
        not_before=bindparam("b_not_before"),
        owner=null(),
        attempts=bindparam("b_attempts"),
        repeats=bindparam("b_repeats"),
        deaths=bindparam("b_deaths"),
        stream=bindparam("b_stream"),
        ticket=func.coalesce(bindparam("b_ticket"), jobs.c.ticket),
        deadline=func.coalesce(bindparam("b_deadline"), jobs.c.deadline),
        call_id=func.coalesce(bindparam("b_call_id"), jobs.c.call_id),
        call_key=bindparam("b_call_key"),
        kind=bindparam("b_kind"),
        cause=bindparam("b_cause"),
        detail=bindparam("b_detail"),
        updated_at=bindparam("b_now"),
    )
)
_CALL_ENDED = Direct(
    update(calls)
    .where(calls.c.id == bindparam("b_call"))
    .values(
        ended_at=bindparam("b_now"),
        wire=bindparam("b_wire"),
        status=bindparam("b_status"),
        seconds=bindparam("b_seconds"),
        request_id=bindparam("b_request"),
        cost=bindparam("b_cost"),
        currency=func.coalesce(bindparam("b_currency"), calls.c.currency),
        estimated=bindparam("b_estimated"),
    )
)
_RESULT_COLUMNS = (
    "text",
    "finish",
    "answered_model",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "usage",
    "data",
)
_ATTEMPT_ENDED = Direct(
    update(attempts)
    .where(attempts.c.job_id == bindparam("b_job"), attempts.c.call_id == bindparam("b_call"))
    .values(
        outcome=bindparam("b_outcome"),
        kind=bindparam("b_kind"),
        cause=bindparam("b_cause"),
        detail=bindparam("b_detail"),
        **{name: bindparam(f"b_{name}") for name in _RESULT_COLUMNS},
    )
)
_FILE_SAVED = Direct(
    update(files)
    .where(
        files.c.job_id == bindparam("b_job"),
        files.c.call_id == bindparam("b_call"),
        files.c.number == bindparam("b_number"),
    )
    .values(
        state=bindparam("b_state"),
        name=bindparam("b_name"),
        size=bindparam("b_size"),
        sha256=bindparam("b_sha256"),
        media_type=bindparam("b_media"),
        width=bindparam("b_width"),
        height=bindparam("b_height"),
        cause=bindparam("b_cause"),
        saved_at=bindparam("b_now"),
    )
)


def settle(
    connection: Connection, holding: Holding, batch: Sequence[Settlement], *, now: float
) -> list[Settlement]:
    """Write all; returns those whose job was no longer ours (their answers are kept even so)."""
    _end_calls(connection, batch, now=now)
    _give_back(connection, batch)
    _end_attempts(connection, batch)
    _keep_answers(connection, batch)
    _want_files(connection, batch)
    _keep_files(connection, batch, now=now)
    changes = [_change(one, holding=holding, now=now) for one in batch]
    if _GUARDED.run(connection, changes) == len(changes):
        return []
    return _not_ours(connection, batch, changes)


def _not_ours(
    connection: Connection, batch: Sequence[Settlement], changes: list[dict[str, Any]]
) -> list[Settlement]:
    wanted = {
        one.job.id: (change["b_state"], one.job.epoch)
        for one, change in zip(batch, changes, strict=True)
    }
    found = connection.execute(
        select(jobs.c.id, jobs.c.state, jobs.c.epoch).where(jobs.c.id.in_(list(wanted)))
    ).all()
    settled = {row.id for row in found if (row.state, row.epoch) == wanted[row.id]}
    return [one for one in batch if one.job.id not in settled]


def _change(one: Settlement, *, holding: Holding, now: float) -> dict[str, Any]:
    """The columns of the job after this outcome. What each outcome changes stands in its case."""
    job, outcome = one.job, one.outcome
    state, step = TRANSITIONS[job.step, type(outcome)]
    step = step or job.step
    failure = _failure_of(outcome)
    rank = job.rank
    change: dict[str, Any] = {
        "b_id": job.id,
        "b_running": State.RUNNING.value,
        "b_owner": holding.owner,
        "b_epoch": job.epoch,
        "b_state": state.value,
        "b_step": step.value,
        "b_not_before": now,
        "b_attempts": job.attempts,
        "b_repeats": job.repeats,
        "b_deaths": job.deaths if (state, step) == (State.READY, job.step) else 0,
        "b_stream": job.stream,
        "b_ticket": None,
        "b_deadline": None,
        "b_call_id": None,
        "b_call_key": None,
        "b_kind": failure.kind.value if failure else None,
        "b_cause": failure.cause if failure else None,
        "b_detail": failure.detail if failure else None,
        "b_now": now,
    }
    if job.step is Step.SEND and not isinstance(outcome, Released | Repeat):
        change["b_call_id"] = job.call_id
    match outcome:
        case Finished() | Held() | GiveUp():
            pass
        case Submitted():
            change |= {"b_ticket": outcome.ticket, "b_deadline": outcome.deadline}
            change["b_not_before"] = now + outcome.delay
        case Answered():
            change["b_attempts"] = 0  # the files have attempts of their own
        case Released():
            change["b_not_before"] = AFTER_ALL if outcome.suspect else now + outcome.delay
            change["b_call_key"] = job.call_key or None
        case TryAgain():
            change |= {"b_not_before": now + outcome.delay, "b_attempts": job.attempts + 1}
        case Repeat():
            rank = REPEAT_RANK
            change |= {
                "b_attempts": job.attempts + 1,
                "b_repeats": job.repeats + 1,
                "b_stream": outcome.stream,
            }
            change["b_call_key"] = job.call_key
        case _:
            assert_never(outcome)
    change["b_rank"] = rank
    change["b_turn"] = (
        None  # its files expire when they did
        if step is job.step is Step.FETCH
        else turn_of(step, rank=rank, position=job.row, expires=_expiry(outcome), now=now)
    )
    return change


def _failure_of(outcome: Outcome) -> Failure | None:
    return getattr(outcome, "failure", None)


def _result_of(outcome: Outcome) -> Result | None:
    return getattr(outcome, "result", None)


def _expiry(outcome: Outcome) -> float | None:
    result = _result_of(outcome)
    times = [p.expires_at for p in result.pictures if p.expires_at is not None] if result else []
    return min(times, default=None)


def _end_calls(connection: Connection, batch: Iterable[Settlement], *, now: float) -> None:
    ended = [(one, one.ended) for one in batch if one.ended is not None and one.ended.told]
    if not ended:
        return
    _CALL_ENDED.run(
        connection,
        [
            {
                "b_call": one.job.call_id,
                "b_now": now,
                "b_wire": end.wire,
                "b_status": end.status,
                "b_seconds": end.seconds,
                "b_request": end.request_id,
                "b_cost": end.cost,
                "b_currency": end.currency,
                "b_estimated": end.estimated or None,
            }
            for one, end in ended
        ],
    )


def _give_back(connection: Connection, batch: Iterable[Settlement]) -> None:
    refunded = [one.job.call_id for one in batch if one.refund is not None]
    if refunded:
        connection.execute(update(calls).where(calls.c.id.in_(refunded)).values(cost=0.0))


def _end_attempts(connection: Connection, batch: Iterable[Settlement]) -> None:
    """A send ends its attempt; so does the poll that ends a task, whose submit stood there."""
    ended = [
        _attempt(one)
        for one in batch
        if one.ended is not None
        or (one.job.step is Step.POLL and isinstance(one.outcome, Answered | Finished | GiveUp))
    ]
    if ended:
        _ATTEMPT_ENDED.run(connection, ended)


def _attempt(one: Settlement) -> dict[str, Any]:
    failure = _failure_of(one.outcome)
    result = _result_of(one.outcome)
    usage = result.usage if result else None
    return {
        "b_job": one.job.id,
        "b_call": one.job.call_id,
        "b_outcome": type(one.outcome).__name__.lower(),
        "b_kind": failure.kind.value if failure else None,
        "b_cause": failure.cause if failure else None,
        "b_detail": failure.detail if failure else None,
        "b_text": result.text if result else None,
        "b_finish": result.finish if result else None,
        "b_answered_model": result.model if result else None,
        "b_prompt_tokens": usage.prompt_tokens if usage else None,
        "b_completion_tokens": usage.completion_tokens if usage else None,
        "b_total_tokens": usage.total_tokens if usage else None,
        "b_usage": _encode(usage.raw) if usage else None,
        "b_data": _encode(result.data) if result and result.data else None,
    }


def _keeping(table: Table, *names: str) -> Direct:
    """An insert that leaves alone what is there: a late settle can bring the same answer again."""
    values: dict[str, Any] = {name: bindparam(name) for name in names}
    return Direct(lambda dialect: inserting(dialect, table).values(values).on_conflict_do_nothing())


_KEEP_ANSWER = _keeping(answers, *answers.columns.keys())
_WANT_FILE = _keeping(files, "job_id", "call_id", "number", "version", "url", "expires_at", "state")


def _keep_answers(connection: Connection, batch: Iterable[Settlement]) -> None:
    kept = [(one.job, one.answer) for one in batch if one.answer is not None]
    fresh = [_packed(job.call_id, answer) for job, answer in kept if job.step is not Step.POLL]
    if fresh:
        _KEEP_ANSWER.run(connection, fresh)
    for job, answer in kept:
        if job.step is Step.POLL:  # the finished task takes the place of "submitted"
            replace_answer(connection, job.call_id, answer)


def replace_answer(connection: Connection, call_id: int, answer: Answer) -> None:
    """The same answer in a smaller form; its size and digest stay those of what came."""
    values = _packed(call_id, answer)
    connection.execute(update(answers).where(answers.c.call_id == call_id).values(values))


def _packed(call_id: int, answer: Answer) -> dict[str, Any]:
    coding, body = answer.coding, answer.body
    if coding == "raw" and len(body) > SMALL:
        coding, body = "zlib", zlib.compress(body, 1)
    return {
        "call_id": call_id,
        "status": answer.status,
        "headers": answer.headers,
        "coding": coding,
        "body": None if coding == "file" else body,
        "size": answer.size,
        "digest": answer.digest,
        "complete": answer.complete,
    }


def _want_files(connection: Connection, batch: Iterable[Settlement]) -> None:
    wanted = [
        {
            "job_id": one.job.id,
            "call_id": one.job.call_id,
            "number": number,
            "version": one.job.version,
            "url": picture.url,
            "expires_at": picture.expires_at,
            "state": "pending",
        }
        for one in batch
        if isinstance(one.outcome, Answered)
        for number, picture in enumerate(one.outcome.result.pictures, start=1)
    ]
    if wanted:
        _WANT_FILE.run(connection, wanted)


def _keep_files(connection: Connection, batch: Iterable[Settlement], *, now: float) -> None:
    changes = [_file_change(one.job, file, now=now) for one in batch for file in one.files]
    if changes:
        _FILE_SAVED.run(connection, changes)


def _file_change(job: Claimed, file: SavedFile | LostFile, *, now: float) -> dict[str, Any]:
    saved = file if isinstance(file, SavedFile) else None
    return {
        "b_job": job.id,
        "b_call": job.call_id,
        "b_number": file.number,
        "b_state": "done" if saved else "lost",
        "b_name": saved.name if saved else None,
        "b_size": saved.size if saved else None,
        "b_sha256": saved.sha256 if saved else None,
        "b_media": saved.media_type if saved else None,
        "b_width": saved.width if saved else None,
        "b_height": saved.height if saved else None,
        "b_cause": None if isinstance(file, SavedFile) else file.cause,
        "b_now": now,
    }
