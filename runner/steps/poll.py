"""The step that asks after a remote task by its ticket; nothing is submitted again."""

import asyncio

from jobs.claimed import Claimed
from jobs.failpoints import reach
from jobs.outcome import Answered, Finished, Released, Submitted
from jobs.store.queries.spending import paid_for
from jobs.store.queue.settles import Settlement
from runner.endpoints.registry import ENDPOINTS
from runner.protocol.call import Reply
from runner.steps.context import RunState, StepResult, StepServices
from runner.steps.job_inputs import inputs_to_read
from runner.steps.resolution import JobContext
from runner.steps.resolve_poll import resolve_poll
from runner.steps.true_price import true_price


async def poll(job: Claimed, services: StepServices, state: RunState) -> StepResult:
    """Ask once, free of charge. The answer is kept only if it ends the task."""
    endpoint = ENDPOINTS[job.endpoint]
    if endpoint.poll is None or job.ticket is None:
        raise TypeError(f"{job.endpoint} has no tasks to ask after")
    inputs = inputs_to_read(job, endpoint)
    call = endpoint.poll(inputs, job.ticket)
    delivery = await services.accounts.ask(call, submitted_by=job.call_id)
    reach("task.asked")
    context = JobContext(job=job, endpoint=endpoint, rules=state.rules(), inputs=inputs)
    resolution = resolve_poll(context, delivery)
    kept = None
    if isinstance(delivery, Reply) and not isinstance(resolution.outcome, Submitted | Released):
        kept = await asyncio.to_thread(services.answers.keep, job.call_id, delivery)
    refund = None
    if resolution.refunded:
        refund = await services.writer.do(lambda tx: paid_for(tx, job.call_id))
    price = None
    if isinstance(resolution.outcome, Answered | Finished) and resolution.outcome.result:
        price = await true_price(job, resolution.outcome.result, services)
    settlement = Settlement(
        job=job, outcome=resolution.outcome, answer=kept, refund=refund, price=price
    )
    return StepResult(settlement=settlement, signal=resolution.signal, wait=resolution.wait)
