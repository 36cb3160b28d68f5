"""The step that costs money: ask the endpoint, keep the answer, decide what it came to."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from jobs.failpoints import reach
from jobs.job import JSON, Claimed, Failure, FailureClass
from jobs.outcome import PAID_CLASSES, GiveUp, Repeat, TryAgain, WireClass
from jobs.store.queue.settles import Answer, CallEnd, Settlement
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.inputs import InputError
from runner.endpoints.registry import ENDPOINTS
from runner.files.attachments import AttachmentError
from runner.protocol.call import Lost, Reply
from runner.steps.context import RunState, StepOptions, StepResult, StepServices
from runner.steps.job_inputs import inputs_of, inputs_to_read
from runner.steps.priced_request import priced_call
from runner.steps.resolve import IMAGE_FIELD, Resolution, after_death, resolve
from runner.workspace.answers import MAX_INLINE_BYTES, cut_answer

T = TypeVar("T")
log = logging.getLogger(__name__)


class Sender:
    """Sends the calls of one run."""

    def __init__(self, plan: StepOptions, tools: StepServices, standing: RunState) -> None:
        self._plan = plan
        self._tools = tools
        self._standing = standing
        self._in_hand: dict[int, Answer] = {}  # answers that are kept and not yet understood
        self._other_field: set[int] = set()  # jobs whose picture's field name was not known there

    async def send(self, job: Claimed) -> StepResult:
        """Ask the endpoint. The answer is in the spool before anything else is done with it."""
        endpoint = ENDPOINTS[job.endpoint]
        try:
            inputs = await inputs_of(job, endpoint, self._plan, **self._own_fields(job))
        except (InputError, AttachmentError, OSError) as error:
            return _unfit(job, str(error))
        call = endpoint.build(inputs)
        started = time.monotonic()
        try:
            delivery = await self._tools.wire.send(call, key=job.call_key)
        except asyncio.CancelledError:
            return self.dead(job, endpoint, time.monotonic() - started)
        if isinstance(delivery, Reply):
            spool_answer(job, delivery, self._tools)
            return await self._take(job, delivery, endpoint, inputs)
        resolution = resolve(job, endpoint, inputs, delivery, self._standing.rules())
        kept = cut_answer(delivery) if isinstance(delivery, Lost) else None
        return self._sent(job, resolution, time.monotonic() - started, kept=kept)

    async def take(self, job: Claimed, reply: Reply) -> StepResult:
        """Decide what an answer from the spool means, as `send` would have."""
        endpoint = ENDPOINTS[job.endpoint]
        return await self._take(job, reply, endpoint, inputs_to_read(job, endpoint))

    def dead(self, job: Claimed, endpoint: AnyEndpoint, seconds: float) -> StepResult:
        """A call in flight when the process died, or when a person would not wait for it."""
        return self._sent(job, after_death(endpoint, self._standing.rules()), seconds)

    def _own_fields(self, job: Claimed) -> dict[str, JSON]:
        own: dict[str, JSON] = {"stream": True} if job.stream else {}
        if job.id in self._other_field:
            own["image_field"] = "other"
        return own

    async def _take(
        self, job: Claimed, reply: Reply, endpoint: AnyEndpoint, inputs: object
    ) -> StepResult:
        resolution, kept = await run_off_loop(
            reply, lambda: self._weigh(job, reply, endpoint, inputs)
        )
        return self._sent(job, resolution, reply.seconds, reply=reply, kept=kept)

    def _weigh(
        self, job: Claimed, reply: Reply, endpoint: AnyEndpoint, inputs: object
    ) -> tuple[Resolution, Answer]:
        kept = self._in_hand[job.id] = self._tools.answers.keep(job.call_id, reply)
        resolution = resolve(job, endpoint, inputs, reply, self._standing.rules())
        reach("answer.parsed")
        return resolution, kept

    def broken(self, job: Claimed, failure: Failure) -> StepResult:
        """A fault of ours failed this row; an answer that had come is kept for a better reader."""
        kept = self._in_hand.pop(job.id, None)
        ended = CallEnd(wire=WireClass.UNUSABLE, seconds=0.0, status=kept.status if kept else None)
        outcome = GiveUp(failure=failure)
        return StepResult(settlement=Settlement(job=job, outcome=outcome, ended=ended, answer=kept))

    def _sent(
        self,
        job: Claimed,
        resolution: Resolution,
        seconds: float,
        *,
        reply: Reply | None = None,
        kept: Answer | None = None,
    ) -> StepResult:
        self._in_hand.pop(job.id, None)
        outcome = resolution.outcome
        if isinstance(outcome, Repeat):
            self._standing.repeats_left -= 1
        if isinstance(outcome, TryAgain) and outcome.failure.cause == IMAGE_FIELD:
            self._other_field.add(job.id)
        result = outcome.result
        paid = resolution.wire in PAID_CLASSES
        price = self._tools.purse.prices.cost(priced_call([job]), result) if paid else None
        ended = CallEnd(
            wire=resolution.wire,
            seconds=seconds,
            status=kept.status if kept else None,
            request_id=request_id(reply),
            cost=price.amount if price else None,
            currency=price.currency if price else None,
            estimated=price is not None and price.estimate,
        )
        settlement = Settlement(job=job, outcome=outcome, ended=ended, answer=kept)
        return StepResult(settlement=settlement, signal=resolution.signal, wait=resolution.wait)


def spool_answer(job: Claimed, reply: Reply, tools: StepServices) -> None:
    """On a full disk the room kept in reserve goes to what is paid for."""
    reach("answer.read")
    try:
        tools.spool.append(job.call_id, reply)
    except OSError as error:
        log.warning("row %s: the spool took no answer: %s", job.row, error)
        tools.reserve.spend()
        with contextlib.suppress(OSError):  # the table may still take it
            tools.spool.append(job.call_id, reply)
    reach("answer.spooled")


async def run_off_loop(reply: Reply, work: Callable[[], T]) -> T:
    """The result of work on an answer, in a thread where it is big.

    A cancellation does not cut it short: an answer that came is kept.
    """
    if len(reply.body) <= MAX_INLINE_BYTES:
        return work()
    task = asyncio.ensure_future(asyncio.to_thread(work))
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()


def _unfit(job: Claimed, why: str) -> StepResult:
    """A row that cannot become a request; nothing was sent."""
    failure = Failure(kind=FailureClass.BAD_INPUT, cause="unfit", detail=why)
    ended = CallEnd(wire=WireClass.NOT_SENT, seconds=0.0)
    return StepResult(settlement=Settlement(job=job, outcome=GiveUp(failure=failure), ended=ended))


def request_id(reply: Reply | None) -> str | None:
    """The provider's own name for a call, where it gave one."""
    if reply is None:
        return None
    for name in ("x-oneapi-request-id", "x-request-id", "request-id"):
        if name in reply.headers:
            return reply.headers[name][:200]
    return None
