"""Records the outcome of a step; the only place where a job changes state by itself."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import (
    Connection,
    Table,
    and_,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from jobs.claimed import Claimed, Holding
from jobs.job import State, Step
from jobs.outcome import (
    TRANSITIONS,
    Answered,
    Finished,
    GiveUp,
    Held,
    NotBought,
    Outcome,
    Released,
    Repeat,
    Submitted,
    TryAgain,
    WireClass,
)
from jobs.store.queue.late import LateOutcome, settle_late
from jobs.store.queue.order import (
    AFTER_ALL,
    BEHIND,
    FOR_BATCH,
    GIVEN_BACK,
    RANK_SPAN,
    REPEAT_RANK,
    turn_of,
)
from jobs.store.queue.settlement_parts import Answer, CallEnd, LostFile, SavedFile
from jobs.store.queue.tickets import TruePrice, keep_tickets, settle_tasks
from jobs.store.row_status import PICKED
from jobs.store.schema import answers, attempts, calls, files, jobs
from jobs.store.statements import BulkStatement, given, inserting_given

__all__ = [
    "Answer",
    "CallEnd",
    "LostFile",
    "SavedFile",
    "Settlement",
    "keep_success",
    "replace_answer",
    "settle",
]

_encode = json.JSONEncoder(ensure_ascii=False).encode
MIN_COMPRESSED_BYTES = 512  # bytes; compressing less costs more than it saves


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The outcome of a step, with everything that must be committed with it."""

    job: Claimed
    outcome: Outcome
    ended: CallEnd | None = None  # set at the send step, and for rows of provider batches
    answer: Answer | None = None
    files: Sequence[SavedFile | LostFile] = ()
    refund: float | None = None  # of the submit, when its task failed and was refunded
    price: TruePrice | None = None  # of the submit, as its finished task tells it


_JOB = given(
    *("id", "running", "owner", "epoch", "state", "step", "rank", "turn", "not_before"),
    *("attempts", "repeats", "deaths", "stream", "ticket", "deadline", "call_id", "call_key"),
    *("kind", "cause", "detail", "now", "refusals", "goes_on", "run"),
)
_OWN_CALL = func.coalesce(_JOB.c.call_id, jobs.c.call_id)
_GUARDED = BulkStatement(
    _JOB,
    update(jobs)
    .where(
        jobs.c.id == _JOB.c.id,
        jobs.c.state == _JOB.c.running,
        jobs.c.owner == _JOB.c.owner,
        jobs.c.epoch == _JOB.c.epoch,
    )
    .values(
        state=_JOB.c.state,
        step=_JOB.c.step,
        rank=_JOB.c.rank,
        turn=func.coalesce(_JOB.c.turn, jobs.c.turn),
        not_before=_JOB.c.not_before,
        owner=null(),
        attempts=_JOB.c.attempts,
        repeats=_JOB.c.repeats,
        deaths=_JOB.c.deaths,
        stream=_JOB.c.stream,
        ticket=func.coalesce(_JOB.c.ticket, jobs.c.ticket),
        deadline=func.coalesce(_JOB.c.deadline, jobs.c.deadline),
        call_id=case(
            (_JOB.c.state == literal_column("'done'"), func.coalesce(PICKED, _OWN_CALL)),
            else_=_OWN_CALL,
        ),
        call_key=_JOB.c.call_key,
        kind=_JOB.c.kind,
        cause=_JOB.c.cause,
        detail=_JOB.c.detail,
        updated_at=_JOB.c.now,
        refusals=_JOB.c.refusals,
        requeued=and_(jobs.c.requeued, _JOB.c.goes_on),
        settled_by=_JOB.c.run,
    ),
)
_CALL = given(
    *("call", "now", "wire", "status", "seconds", "request", "cost", "currency", "estimated"),
    "in_doubt",
)
_END_OF_CALL = (
    update(calls)
    .where(calls.c.id == _CALL.c.call)
    .values(
        ended_at=_CALL.c.now,
        wire=_CALL.c.wire,
        status=_CALL.c.status,
        seconds=_CALL.c.seconds,
        request_id=_CALL.c.request,
        cost=_CALL.c.cost,
        currency=func.coalesce(_CALL.c.currency, calls.c.currency),
        estimated=_CALL.c.estimated,
    )
)
_CALL_ENDED = BulkStatement(_CALL, _END_OF_CALL)
_STILL_UNKNOWN = or_(calls.c.wire.is_(None), calls.c.wire == _CALL.c.in_doubt)
_UNKNOWN_CALL_ENDED = BulkStatement(_CALL, _END_OF_CALL.where(_STILL_UNKNOWN))
"""On a shared table an end that is known stays: another host may bring an old one again."""
_TOLD_COLUMNS = (
    *("outcome", "kind", "cause", "detail", "text", "finish", "answered_model"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "usage", "data"),
)
_ATTEMPT = given("job", "call", *_TOLD_COLUMNS)
_ATTEMPT_ENDED = BulkStatement(
    _ATTEMPT,
    update(attempts)
    .where(attempts.c.job_id == _ATTEMPT.c.job, attempts.c.call_id == _ATTEMPT.c.call)
    .values({name: _ATTEMPT.c[name] for name in _TOLD_COLUMNS}),
)
_FILE = given(
    *("job", "call", "number", "state", "name", "size", "sha256", "media", "width", "height"),
    *("cause", "now"),
)
_FILE_SAVED = BulkStatement(
    _FILE,
    update(files)
    .where(
        files.c.job_id == _FILE.c.job,
        files.c.call_id == _FILE.c.call,
        files.c.number == _FILE.c.number,
    )
    .values(
        state=_FILE.c.state,
        name=_FILE.c.name,
        size=_FILE.c.size,
        sha256=_FILE.c.sha256,
        media_type=_FILE.c.media,
        width=_FILE.c.width,
        height=_FILE.c.height,
        cause=_FILE.c.cause,
        saved_at=_FILE.c.now,
    ),
)


def settle(
    connection: Connection, holding: Holding, settlements: Sequence[Settlement], *, now: float
) -> list[Settlement]:
    """Write all of them; returns those whose job is no longer ours (their answers are kept)."""
    _end_calls(connection, holding, settlements, now=now)
    keep_tickets(connection, [(one.job, one.outcome) for one in settlements])
    settle_tasks(connection, [(o.job, o.outcome, o.refund, o.price) for o in settlements])
    _end_attempts(connection, settlements)
    _keep_answers(connection, settlements)
    _want_files(connection, settlements)
    _keep_files(connection, settlements, now=now)
    changes = [_change(one, holding=holding, now=now) for one in settlements]
    _go_behind(connection, holding, settlements, changes)
    if _GUARDED.run(connection, changes) == len(changes):
        return []
    if holding.shared:
        settle_late(
            connection,
            [
                LateOutcome(job=one.job, wire=one.ended.wire if one.ended else None, change=change)
                for one, change in zip(settlements, changes, strict=True)
            ],
        )
    return _not_ours(connection, settlements, changes)


def keep_success(connection: Connection, late: Settlement, *, now: float) -> None:
    """Write down what a late success brought, whatever became of its job; the caller takes it."""
    settle_tasks(connection, [(late.job, late.outcome, None, late.price)])
    _end_attempts(connection, [late])
    _keep_answers(connection, [late])
    _want_files(connection, [late])
    _keep_files(connection, [late], now=now)


def _not_ours(
    connection: Connection, settlements: Sequence[Settlement], changes: list[dict[str, Any]]
) -> list[Settlement]:
    wanted = {
        one.job.id: (change["state"], change["step"], one.job.epoch)
        for one, change in zip(settlements, changes, strict=True)
    }
    found = connection.execute(
        select(jobs.c.id, jobs.c.state, jobs.c.step, jobs.c.epoch).where(
            jobs.c.id.in_(list(wanted))
        )
    ).all()
    settled = {row.id for row in found if (row.state, row.step, row.epoch) == wanted[row.id]}
    return [one for one in settlements if one.job.id not in settled]


def _before_outcome(one: Settlement, *, holding: Holding, now: float) -> dict[str, Any]:
    """The columns of the job before its outcome changes some of them."""
    job, failure = one.job, one.outcome.failure
    state, next_step = TRANSITIONS[job.step, type(one.outcome)]
    step = next_step or job.step
    return {
        "id": job.id,
        "running": State.RUNNING.value,
        "owner": holding.owner,
        "epoch": job.epoch,
        "state": state.value,
        "step": step.value,
        "not_before": now,
        "attempts": job.attempts,
        "repeats": job.repeats,
        "deaths": job.deaths if (state, step) == (State.READY, job.step) else 0,
        "stream": job.stream,
        "ticket": None,
        "deadline": None,
        "call_id": None,
        "call_key": None,
        "kind": failure.kind.value if failure else None,
        "cause": failure.cause if failure else None,
        "detail": failure.detail if failure else None,
        "now": now,
        "refusals": 0,
        "goes_on": state is State.READY,
        "run": holding.run_id,
    }


def _change(one: Settlement, *, holding: Holding, now: float) -> dict[str, Any]:
    """The columns of the job after this outcome; each case holds what it changes."""
    job, outcome = one.job, one.outcome
    change = _before_outcome(one, holding=holding, now=now)
    step, rank = Step(change["step"]), job.rank
    if job.step is Step.SEND and not isinstance(outcome, Released | Repeat):
        change["call_id"] = job.call_id
    match outcome:
        case Finished() | Held() | GiveUp():
            pass
        case Submitted():
            change |= {"ticket": outcome.ticket, "deadline": outcome.deadline}
            change["not_before"] = now + outcome.delay
        case Answered():
            change["attempts"] = 0  # downloads have attempts of their own
        case Released():
            change["not_before"] = AFTER_ALL if outcome.suspect else now + outcome.delay
            change["refusals"] = job.refusals if outcome.refusals is None else outcome.refusals
            change["call_key"] = job.call_key or None
        case TryAgain():
            change |= {"not_before": now + outcome.delay, "attempts": job.attempts + 1}
        case Repeat():
            rank = REPEAT_RANK
            change |= {
                "attempts": job.attempts + 1,
                "repeats": job.repeats + 1,
                "stream": outcome.stream,
                "call_key": job.call_key,
            }
        case NotBought():
            change["not_before"] = FOR_BATCH if outcome.again else GIVEN_BACK
        case _:
            assert_never(outcome)
    change["rank"] = rank
    change["turn"] = (
        None  # the expiry of its files has not changed
        if step is job.step is Step.FETCH
        else turn_of(step, rank=rank, position=job.row, expires=_expiry(outcome), now=now)
    )
    return change


def _go_behind(
    connection: Connection,
    holding: Holding,
    settlements: Iterable[Settlement],
    changes: Iterable[dict[str, Any]],
) -> None:
    """Give jobs that were told to slow down a turn behind all others of their rank."""
    last: dict[int, float] = {}
    for one, change in zip(settlements, changes, strict=True):
        if not (isinstance(one.outcome, Released) and one.outcome.behind):
            continue
        rank = one.job.rank
        if rank not in last:
            last[rank] = _last_turn(connection, holding, one.job)
        last[rank] = change["turn"] = last[rank] + 1


def _last_turn(connection: Connection, holding: Holding, job: Claimed) -> float:
    """The last turn of jobs that went behind earlier: a queue of its own, first in, first out."""
    start = job.rank * RANK_SPAN + BEHIND
    found = connection.execute(
        select(func.max(jobs.c.turn)).where(
            jobs.c.batch_id == holding.sheet_id,
            jobs.c.state == State.READY.value,
            jobs.c.step == job.step.value,
            jobs.c.turn >= start,
            jobs.c.turn < (job.rank + 1) * RANK_SPAN,
        )
    ).scalar_one()
    return float(found or start)


def _expiry(outcome: Outcome) -> float | None:
    result = outcome.result
    times = [p.expires_at for p in result.pictures if p.expires_at is not None] if result else []
    return min(times, default=None)


def _end_calls(
    connection: Connection, holding: Holding, settlements: Iterable[Settlement], *, now: float
) -> None:
    ended = [
        (one, one.ended) for one in settlements if one.ended is not None and one.ended.is_primary
    ]
    if not ended:
        return
    ending = _UNKNOWN_CALL_ENDED if holding.shared else _CALL_ENDED
    ending.run(
        connection,
        [
            {
                "call": one.job.call_id,
                "now": now,
                "wire": end.wire.value,  # the driver takes plain strings only
                "status": end.status,
                "seconds": end.seconds,
                "request": end.request_id,
                "cost": end.cost,
                "currency": end.currency,
                "estimated": end.estimated or None,
                "in_doubt": WireClass.IN_DOUBT.value,
            }
            for one, end in ended
        ],
    )


def _end_attempts(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """End the attempts of sends, and of polls that end their task."""
    ended = [
        _attempt(one)
        for one in settlements
        if one.ended is not None
        or (one.job.step is Step.POLL and isinstance(one.outcome, Answered | Finished | GiveUp))
    ]
    if ended:
        _ATTEMPT_ENDED.run(connection, ended)


def _attempt(one: Settlement) -> dict[str, Any]:
    failure = one.outcome.failure
    result = one.outcome.result
    usage = result.usage if result else None
    return {
        "job": one.job.id,
        "call": one.job.call_id,
        "outcome": type(one.outcome).__name__.lower(),
        "kind": failure.kind.value if failure else None,
        "cause": failure.cause if failure else None,
        "detail": failure.detail if failure else None,
        "text": result.text if result else None,
        "finish": result.finish if result else None,
        "answered_model": result.model if result else None,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "total_tokens": usage.total_tokens if usage else None,
        "usage": _encode(usage.raw) if usage else None,
        "data": _encode(result.data) if result and result.data else None,
    }


def _keeping(target: Table, *names: str) -> BulkStatement:
    """An insert that keeps what exists: a late settle may bring the same answer again."""
    source = given(*names)
    return BulkStatement(
        source, lambda dialect: inserting_given(dialect, target, source).on_conflict_do_nothing()
    )


_KEEP_ANSWER = _keeping(answers, *answers.columns.keys())
_WANT_FILE = _keeping(files, "job_id", "call_id", "number", "version", "url", "expires_at", "state")


def _keep_answers(connection: Connection, settlements: Iterable[Settlement]) -> None:
    kept = [
        (one.job, one.answer, one.job.step is not Step.POLL or one.ended is not None)
        for one in settlements
        if one.answer is not None
    ]
    fresh = [_packed(job.call_id, answer) for job, answer, is_new in kept if is_new]
    if fresh:
        _KEEP_ANSWER.run(connection, fresh)
    for job, answer, is_new in kept:
        if not is_new:  # the finished task replaces the submit's answer
            replace_answer(connection, job.call_id, answer)


def replace_answer(connection: Connection, call_id: int, answer: Answer) -> None:
    """Store an answer in a smaller form; its size and digest stay the original's."""
    values = _packed(call_id, answer)
    connection.execute(update(answers).where(answers.c.call_id == call_id).values(values))


def _packed(call_id: int, answer: Answer) -> dict[str, Any]:
    coding, body = answer.coding, answer.body
    if coding == "raw" and len(body) > MIN_COMPRESSED_BYTES:
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


def _want_files(connection: Connection, settlements: Iterable[Settlement]) -> None:
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
        for one in settlements
        if isinstance(one.outcome, Answered)
        for number, picture in enumerate(one.outcome.result.pictures, start=1)
    ]
    if wanted:
        _WANT_FILE.run(connection, wanted)


def _keep_files(connection: Connection, settlements: Iterable[Settlement], *, now: float) -> None:
    changes = [_file_change(one.job, file, now=now) for one in settlements for file in one.files]
    if changes:
        _FILE_SAVED.run(connection, changes)


def _file_change(job: Claimed, file: SavedFile | LostFile, *, now: float) -> dict[str, Any]:
    saved = file if isinstance(file, SavedFile) else None
    return {
        "job": job.id,
        "call": job.call_id,
        "number": file.number,
        "state": "done" if saved else "lost",
        "name": saved.name if saved else None,
        "size": saved.size if saved else None,
        "sha256": saved.sha256 if saved else None,
        "media": saved.media_type if saved else None,
        "width": saved.width if saved else None,
        "height": saved.height if saved else None,
        "cause": None if isinstance(file, SavedFile) else file.cause,
        "now": now,
    }
