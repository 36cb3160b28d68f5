"""Asks after a task that was given up: free of charge, and nothing waits for the answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from jobs.claimed import Claimed, Holding
from jobs.outcome import Answered, Finished, Submitted
from jobs.result import Result
from jobs.store import Transaction
from jobs.store.queue.settles import LostFile, SavedFile, Settlement, keep_success
from jobs.store.queue.tickets import take_over
from runner.endpoints.registry import ENDPOINTS
from runner.protocol.call import Reply
from runner.steps.context import RunState, StepServices
from runner.steps.fetch import Fetcher
from runner.steps.job_inputs import inputs_to_read
from runner.steps.resolution import JobContext
from runner.steps.resolve_poll import resolve_poll
from runner.steps.true_price import true_price

MARK = "taken_over"
"""The member of a result's data that marks a success which came after its task was given up."""


async def ask_late(
    job: Claimed, services: StepServices, state: RunState, fetcher: Fetcher
) -> Settlement | None:
    """What a task has become after all: its success with its files saved, or None."""
    endpoint = ENDPOINTS[job.endpoint]
    if endpoint.poll is None or job.ticket is None:
        return None
    inputs = inputs_to_read(job, endpoint)
    delivery = await services.accounts.ask(
        endpoint.poll(inputs, job.ticket), submitted_by=job.call_id
    )
    if not isinstance(delivery, Reply):
        return None
    context = JobContext(job=job, endpoint=endpoint, rules=state.rules(), inputs=inputs)
    outcome = resolve_poll(context, delivery).outcome
    if isinstance(outcome, Submitted) and outcome.ticket != job.ticket:
        return await ask_late(replace(job, ticket=outcome.ticket), services, state, fetcher)
    if not isinstance(outcome, Answered | Finished) or outcome.result is None:
        return None
    result = replace(outcome.result, data={**outcome.result.data, MARK: True})
    files: Sequence[SavedFile | LostFile] = ()
    if result.pictures:
        files = await fetcher.save(job, result.pictures)
        if not files:
            return None
    kept = await asyncio.to_thread(services.answers.keep, job.call_id, delivery)
    price = await true_price(job, result, services)
    success = _outcome(result)
    return Settlement(job=job, outcome=success, answer=kept, files=files, price=price)


def _outcome(result: Result) -> Answered | Finished:
    return Answered(result=result) if result.pictures else Finished(result=result)


def taken_over(tx: Transaction, found: Settlement, *, holding: Holding, now: float) -> str | None:
    """Write it down, and give it to its job; "result", "version", or None if it cannot be now."""
    taken = take_over(tx, holding, found.job, now=now)
    if taken is not None:
        keep_success(tx, found, now=now)
    return taken
