"""The step that costs money, for rows that share one call: one answer, an outcome for each row."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from jobs.failpoints import reach
from jobs.job import Claimed, Failure, Step
from jobs.outcome import PAID_CLASSES, GiveUp, Released, Repeat, WireClass
from jobs.result import Result, Usage
from jobs.store.queue.settles import Answer, CallEnd, Settlement
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.registry import ENDPOINTS
from runner.protocol.call import Lost, Reply
from runner.steps.context import RunState, StepResult, StepServices
from runner.steps.job_inputs import inputs_to_read
from runner.steps.priced_request import priced_call
from runner.steps.resolve import Resolution, Signal, after_death, resolve_together
from runner.steps.send import request_id, run_off_loop, spool_answer
from runner.steps.shared_calls import CallSharing
from runner.workspace.answers import cut_answer


class SharedSender:
    """Sends the calls of one run that carry several rows."""

    def __init__(self, tools: StepServices, standing: RunState) -> None:
        self._tools = tools
        self._standing = standing
        self.company = CallSharing()
        self._in_hand: dict[int, Answer] = {}  # answers that are kept and not yet understood

    async def send(self, jobs: Sequence[Claimed]) -> list[StepResult]:
        """Ask for all. The answer is in the spool before anything else is done with it."""
        endpoint, inputs = _open(jobs)
        assert endpoint.together is not None
        call = endpoint.together.build(inputs)
        started = time.monotonic()
        try:
            delivery = await self._tools.wire.send(call, key=jobs[0].call_key)
        except asyncio.CancelledError:
            return self.dead(jobs, time.monotonic() - started)
        if isinstance(delivery, Reply):
            spool_answer(jobs[0], delivery, self._tools)
            return await self.take(jobs, delivery)
        found = resolve_together(jobs, endpoint, inputs, delivery, self._standing.rules())
        kept = cut_answer(delivery) if isinstance(delivery, Lost) else None
        return self._done(jobs, found, seconds=time.monotonic() - started, kept=kept)

    async def take(self, jobs: Sequence[Claimed], reply: Reply) -> list[StepResult]:
        """Decide what an answer means for each row."""
        found, kept = await run_off_loop(reply, lambda: self._weigh(jobs, reply))
        self._learn(jobs, found, reply)
        return self._done(jobs, found, seconds=reply.seconds, kept=kept, request=request_id(reply))

    def dead(self, jobs: Sequence[Claimed], seconds: float) -> list[StepResult]:
        """A call in flight when the process died, or when a person would not wait for it."""
        found = after_death(ENDPOINTS[jobs[0].endpoint], self._standing.rules())
        return self._done(jobs, [found] * len(jobs), seconds=seconds)

    def _weigh(self, jobs: Sequence[Claimed], reply: Reply) -> tuple[list[Resolution], Answer]:
        endpoint, inputs = _open(jobs)
        kept = self._in_hand[jobs[0].id] = self._tools.answers.keep(jobs[0].call_id, reply)
        found = resolve_together(jobs, endpoint, inputs, reply, self._standing.rules())
        reach("answer.parsed")
        return found, kept

    def broken(self, jobs: Sequence[Claimed], failure: Failure) -> list[StepResult]:
        """A fault of ours failed these rows; an answer that had come is kept with the first."""
        kept = self._in_hand.pop(jobs[0].id, None)
        ended = CallEnd(wire=WireClass.UNUSABLE, seconds=0.0, status=kept.status if kept else None)
        first, silent = jobs[0], replace(ended, is_primary=False)
        return [
            StepResult(
                settlement=Settlement(
                    job=job,
                    outcome=GiveUp(failure=failure),
                    ended=ended if job is first else silent,
                    answer=kept if job is first else None,
                )
            )
            for job in jobs
        ]

    def _learn(self, jobs: Sequence[Claimed], found: list[Resolution], reply: Reply) -> None:
        first = found[0]
        if first.wire in PAID_CLASSES:
            self.company.answered(jobs, len(reply.body))
        elif len(jobs) > 1 and first.signal is Signal.NONE and first.wire is WireClass.REFUSED:
            outcome = first.outcome
            self.company.refused(jobs, outcome.failure if isinstance(outcome, Released) else None)

    def _done(
        self,
        jobs: Sequence[Claimed],
        found: Sequence[Resolution],
        *,
        seconds: float,
        kept: Answer | None = None,
        request: str | None = None,
    ) -> list[StepResult]:
        """The first row tells of the call, and speaks to the run for all."""
        self._in_hand.pop(jobs[0].id, None)
        outcomes = [one.outcome for one in found]
        if any(isinstance(outcome, Repeat) for outcome in outcomes):
            self._standing.repeats_left -= 1
        wire = (
            WireClass.ANSWERED
            if any(one.wire is WireClass.ANSWERED for one in found)
            else found[0].wire
        )
        whole = _whole([outcome.result for outcome in outcomes])
        paid = wire in PAID_CLASSES
        price = self._tools.purse.prices.cost(priced_call(jobs[:1]), whole) if paid else None
        ended = CallEnd(
            wire=wire,
            seconds=seconds,
            status=kept.status if kept else None,
            request_id=request,
            cost=price.amount if price else None,
            currency=price.currency if price else None,
            estimated=price is not None and price.estimate,
        )
        loudest = next((one for one in found if one.signal is Signal.GOOD), found[0])
        silent = replace(ended, is_primary=False)
        first, *others = zip(jobs, outcomes, strict=True)
        return [
            StepResult(
                settlement=Settlement(job=first[0], outcome=first[1], ended=ended, answer=kept),
                signal=loudest.signal,
                wait=loudest.wait,
            ),
            *(
                StepResult(settlement=Settlement(job=job, outcome=outcome, ended=silent))
                for job, outcome in others
            ),
        ]


def _open(jobs: Sequence[Claimed]) -> tuple[AnyEndpoint, list[object]]:
    endpoint = ENDPOINTS[jobs[0].endpoint]
    return endpoint, [inputs_to_read(job, endpoint) for job in jobs]


def _whole(results: Sequence[Result | None]) -> Result | None:
    """What a call gave in all, as prices see it."""
    used = [one.usage for one in results if one is not None and one.usage is not None]
    if not used:
        return None
    usage = Usage(
        raw=used[0].raw,
        prompt_tokens=_sum([one.prompt_tokens for one in used]),
        completion_tokens=_sum([one.completion_tokens for one in used]),
        total_tokens=_sum([one.total_tokens for one in used]),
    )
    return Result(usage=usage)


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def shares_a_call(job: Claimed) -> bool:
    """Is this a job of the kind that shares calls, also where it is alone in one?"""
    return job.step is Step.SEND and ENDPOINTS[job.endpoint].together is not None
