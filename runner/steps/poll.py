"""The step that asks after a remote task; the ticket is known, nothing is submitted again."""

import asyncio

from jobs.failpoints import reach
from jobs.job import Claimed
from jobs.outcome import Released, Submitted
from jobs.store.queries.spending import paid_for
from jobs.store.queue.settles import Settlement
from runner.endpoints.registry import ENDPOINTS
from runner.protocol.call import Reply
from runner.steps.context import RunState, StepResult, StepServices
from runner.steps.resolve import resolve_poll


async def poll(job: Claimed, tools: StepServices, standing: RunState) -> StepResult:
    """Ask once; free, and what comes of it is kept only where it ends the task."""
    endpoint = ENDPOINTS[job.endpoint]
    if endpoint.ask is None or job.ticket is None:
        raise TypeError(f"{job.endpoint} has no tasks to ask after")
    delivery = await tools.wire.ask(endpoint.ask(job.ticket), submitted_by=job.call_id)
    reach("task.asked")
    resolution = resolve_poll(job, endpoint, delivery, standing.rules())
    kept = None
    if isinstance(delivery, Reply) and not isinstance(resolution.outcome, Submitted | Released):
        kept = await asyncio.to_thread(tools.answers.keep, job.call_id, delivery)
    refund = None
    if resolution.refunded:
        refund = await tools.ledger.do(lambda tx: paid_for(tx, job.call_id))
    settlement = Settlement(job=job, outcome=resolution.outcome, answer=kept, refund=refund)
    return StepResult(settlement=settlement, signal=resolution.signal, wait=resolution.wait)
