"""What workers do with a store: claim, settle, and read the result."""

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from jobs.claimed import Claimed, Holding
from jobs.job import Failure, FailureClass, Step
from jobs.outcome import (
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
from jobs.result import Picture, Result
from jobs.store import Store
from jobs.store.ids import Ids
from jobs.store.queue.claims import ClaimRequest, adopt, claim
from jobs.store.queue.settles import Answer, CallEnd, Settlement, settle
from jobs.store.schema import calls, jobs

ME = Holding(sheet_id=1, run_id=1, owner="me")
OTHER = Holding(sheet_id=1, run_id=2, owner="other")
FAILURE = Failure(kind=FailureClass.SERVER, cause="busy", detail="words", status=500)
OUTCOMES: tuple[Outcome, ...] = (
    Finished(result=Result(text="here")),
    Submitted(ticket="t1", delay=10.0, deadline=900.0),
    Answered(result=Result(pictures=(Picture(url="https://e.x/1.png", expires_at=500.0),))),
    Released(delay=3.0, behind=True, refusals=1),
    Released(delay=3.0),
    TryAgain(failure=FAILURE, delay=5.0),
    Repeat(failure=FAILURE, stream=True),
    Held(failure=FAILURE),
    GiveUp(failure=FAILURE),
    NotBought(failure=FAILURE),
)
"""One of each kind."""
IDS = Ids()


def take(
    store: Store,
    limit: int = 100,
    *,
    step: Step = Step.SEND,
    now: float = 1000.0,
    holding: Holding = ME,
    **order: Any,
) -> list[Claimed]:
    """Claim in a transaction of its own."""
    with store.write() as tx:
        return claim(tx, holding, ClaimRequest(step=step, limit=limit, **order), ids=IDS, now=now)


def take_over(store: Store, holding: Holding = OTHER) -> list[Claimed]:
    """Adopt what a dead process left."""
    with store.write() as tx:
        return adopt(tx, holding)


def settlement(job: Claimed, outcome: Outcome, *, body: bytes | None = None) -> Settlement:
    """A settlement as a worker makes it, at the send step with the end of its call."""
    ended = (
        CallEnd(wire=WireClass.ANSWERED, seconds=1.5, status=200) if job.step is Step.SEND else None
    )
    answer = None
    if body is not None:
        digest = hashlib.blake2b(body, digest_size=16).digest()
        answer = Answer(status=200, headers="{}", body=body, size=len(body), digest=digest)
    return Settlement(job=job, outcome=outcome, ended=ended, answer=answer)


def close(
    store: Store,
    job: Claimed,
    outcome: Outcome,
    *,
    holding: Holding = ME,
    now: float = 1000.0,
    body: bytes | None = None,
) -> list[Settlement]:
    """Settle one job in a transaction of its own; returns it if it came too late."""
    with store.write() as tx:
        return settle(tx, holding, [settlement(job, outcome, body=body)], now=now)


def finish_all(store: Store, *, now: float = 1000.0) -> int:
    """Run all ready jobs to their end; returns the number of calls."""
    taken = take(store, 10_000, now=now)
    for job in taken:
        close(store, job, Finished(result=Result(text=f"answer to {job.fields['prompt']}")))
    return len(taken)


def bring_to(store: Store, step: Step, *, now: float = 1000.0) -> Claimed:
    """The one job of a store, claimed at this step."""
    (job,) = take(store, 1, now=now)
    if step is Step.SEND:
        return job
    close(store, job, OUTCOMES[1 if step is Step.POLL else 2], now=now)
    (job,) = take(store, 1, step=step, now=now + 100)
    return job


def job_rows(store: Store) -> list[Any]:
    """All jobs of the table."""
    with store.read() as tx:
        return list(tx.execute(select(jobs).order_by(jobs.c.id)))


def the_job(store: Store, number: int | None = None) -> Any:
    """One job of the table; the only one unless a number is given."""
    (found,) = [row for row in job_rows(store) if number in (None, row.id)]
    return found


def call_rows(store: Store) -> list[Any]:
    """All calls of the table."""
    with store.read() as tx:
        return list(tx.execute(select(calls).order_by(calls.c.id)))


def prompts(taken: Iterable[Claimed]) -> list[object]:
    """The prompts of the jobs, in order."""
    return [job.fields["prompt"] for job in taken]


def a_job(number: int, **more: Any) -> Claimed:
    """A claimed send of one row."""
    given: dict[str, Any] = {
        "endpoint": "chat",
        "model": "m",
        "fields": {"prompt": "p"},
        "step": Step.SEND,
        "version": 1,
        "epoch": 1,
        "attempts": 0,
        "repeats": 0,
        "rank": 0,
        "call_id": number,
        "call_key": f"rowmill-{number}",
    }
    return Claimed(id=number, row=number + 1, **(given | more))
