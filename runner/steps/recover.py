"""Jobs that a dead process left running: settled from the spool, or put back."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from jobs.job import Claimed, Failure, FailureClass, Step
from jobs.outcome import GiveUp, Released, WireClass
from jobs.store.queue.claims import count_death
from jobs.store.queue.settles import CallEnd, Settlement
from runner.endpoints.registry import ENDPOINTS
from runner.steps.context import StepResult, StepServices
from runner.steps.send import Sender
from runner.steps.send_together import SharedSender
from runner.workspace.spool import SpoolRecord

MOST_DEATHS = 3


async def recover(
    job: Claimed, record: SpoolRecord | None, *, sender: Sender, tools: StepServices
) -> StepResult:
    """What becomes of one; a record that was settled before is ignored."""
    if job.step is Step.SEND:
        return await _recover_send(job, record, sender=sender, tools=tools)
    if job.deaths >= MOST_DEATHS:
        return StepResult(settlement=Settlement(job=job, outcome=GiveUp(failure=_deaths(job))))
    put_back = Released(delay=0.0, suspect=job.deaths > 0)
    return StepResult(settlement=Settlement(job=job, outcome=put_back))


async def _recover_send(
    job: Claimed, record: SpoolRecord | None, *, sender: Sender, tools: StepServices
) -> StepResult:
    """Reading an answer can take the process down: counted first, undone by the settle."""
    if record is None:
        return sender.dead(replace(job, deaths=0), ENDPOINTS[job.endpoint], 0.0)
    if job.deaths < MOST_DEATHS:
        await tools.ledger.do(lambda tx: count_death(tx, job.id))
        return await sender.take(job, record.reply)
    kept = tools.answers.keep(job.call_id, record.reply)
    ended = CallEnd(
        wire=WireClass.UNUSABLE, seconds=record.reply.seconds, status=record.reply.status
    )
    given_up = GiveUp(failure=_deaths(job))
    return StepResult(settlement=Settlement(job=job, outcome=given_up, ended=ended, answer=kept))


async def recover_together(
    jobs: Sequence[Claimed],
    record: SpoolRecord | None,
    *,
    sender: SharedSender,
    tools: StepServices,
) -> Sequence[StepResult]:
    """The same for jobs that shared a call."""
    if record is None:
        return sender.dead([replace(job, deaths=0) for job in jobs], 0.0)
    if max(job.deaths for job in jobs) < MOST_DEATHS:
        for job in jobs:
            await tools.ledger.do(partial(count_death, job_id=job.id))
        return await sender.take(jobs, record.reply)
    kept = tools.answers.keep(jobs[0].call_id, record.reply)
    ended = CallEnd(
        wire=WireClass.UNUSABLE, seconds=record.reply.seconds, status=record.reply.status
    )
    return [
        StepResult(
            settlement=Settlement(
                job=job,
                outcome=GiveUp(failure=_deaths(job)),
                ended=replace(ended, is_primary=job is jobs[0]),
                answer=kept if job is jobs[0] else None,
            )
        )
        for job in jobs
    ]


def _deaths(job: Claimed) -> Failure:
    return Failure(kind=FailureClass.CRASHED, cause="deaths", detail=str(job.deaths))
