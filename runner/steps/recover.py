"""Settles jobs that a dead process left running: from the spool, or put back."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from jobs.claimed import Claimed
from jobs.job import Failure, FailureClass, Step
from jobs.outcome import GiveUp, Released, WireClass
from jobs.store.queue.claims import count_death
from jobs.store.queue.settles import CallEnd, Settlement
from runner.steps.context import StepResult, StepServices
from runner.steps.send import Sender, settled_call
from runner.workspace.spool import SpoolRecord

MAX_DEATHS = 3  # of the process in one step, before its row fails as crashed


async def recover(
    jobs: Sequence[Claimed],
    record: SpoolRecord | None,
    *,
    sender: Sender,
    services: StepServices,
) -> Sequence[StepResult]:
    """What becomes of the jobs of one call, or of one job at a later step.

    A record that was settled before the death is ignored.
    """
    if jobs[0].step is Step.SEND:
        return await _recover_send(jobs, record, sender=sender, services=services)
    return [_recover_other(job) for job in jobs]


def _recover_other(job: Claimed) -> StepResult:
    if job.deaths >= MAX_DEATHS:
        return StepResult(settlement=Settlement(job=job, outcome=GiveUp(failure=_deaths(job))))
    put_back = Released(delay=0.0, suspect=job.deaths > 0)
    return StepResult(settlement=Settlement(job=job, outcome=put_back))


async def _recover_send(
    jobs: Sequence[Claimed],
    record: SpoolRecord | None,
    *,
    sender: Sender,
    services: StepServices,
) -> Sequence[StepResult]:
    """Reading an answer can kill the process: the death is counted first, the settle resets it."""
    if record is None:
        return sender.cut_off([replace(job, deaths=0) for job in jobs], 0.0)
    if max(job.deaths for job in jobs) < MAX_DEATHS:
        for job in jobs:
            await services.writer.do(partial(count_death, job=job))
        return await sender.take(jobs, record.reply)
    kept = services.answers.keep(jobs[0].call_id, record.reply)
    reply = record.reply
    ended = CallEnd(wire=WireClass.UNUSABLE, seconds=reply.seconds, status=reply.status)
    outcomes = [GiveUp(failure=_deaths(job)) for job in jobs]
    return settled_call(jobs, outcomes, ended=ended, kept=kept)


def _deaths(job: Claimed) -> Failure:
    return Failure(kind=FailureClass.CRASHED, cause="deaths", detail=str(job.deaths))
