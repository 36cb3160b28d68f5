"""The step that costs money: sends a call, keeps its answer, decides what it means."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from jobs.claimed import Claimed
from jobs.failpoints import reach
from jobs.job import JSON, Failure, FailureClass
from jobs.outcome import PAID_CLASSES, GiveUp, Held, Outcome, Released, Repeat, TryAgain, WireClass
from jobs.result import Result, Usage
from jobs.store.queries.parents import ParentTask
from jobs.store.queue.settles import Answer, CallEnd, Settlement
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.fields import InputError
from runner.endpoints.registry import ENDPOINTS
from runner.files.attachments import AttachmentError
from runner.protocol.call import Call, Delivery, Lost, NotSent, Reply
from runner.steps.background import background_fields
from runner.steps.context import Allowance, RunState, StepOptions, StepResult, StepServices
from runner.steps.honoured_keys import learn_of_keys, tells_of_keys
from runner.steps.job_inputs import inputs_of, inputs_to_read
from runner.steps.lane_calls import LaneCalls, on_its_lane
from runner.steps.parents import button_fields, parent_of
from runner.steps.priced_request import cost_of
from runner.steps.resolution import JobContext, Resolution, Signal
from runner.steps.resolve import (
    ENCODING_FORMAT,
    IMAGE_FIELD,
    after_death,
    is_slow_lane,
    resolve,
)
from runner.steps.salvage import salvaged
from runner.steps.shared_calls import CallSharing
from runner.transport.bodies import UnencodableError, encoded
from runner.transport.off_loop import off_loop, uninterrupted
from runner.workspace.answers import MAX_INLINE_BYTES, cut_answer
from runner.workspace.target import RETRY_SECONDS, FileTargetError

T = TypeVar("T")
log = logging.getLogger(__name__)

COST_OF_BUG = {
    NotSent: WireClass.NOT_SENT,
    Lost: WireClass.IN_DOUBT,
    Reply: WireClass.UNUSABLE,
}
"""How a call ended whose delivery a bug kept from being understood."""
REQUEST_ID_HEADERS = ("x-oneapi-request-id", "x-request-id", "request-id")


class Sender:
    """Sends the calls of one run. A call carries one job, or several that share its answer."""

    def __init__(self, options: StepOptions, services: StepServices, state: RunState) -> None:
        self.sharing = CallSharing()
        self._lanes = LaneCalls(options.lanes, state)
        self._options = options
        self._services = services
        self._state = state
        self._unsettled: dict[int, Answer] = {}  # by call: kept, but not understood yet
        self._reached: dict[int, WireClass] = {}  # by call: what it costs if a bug ends it now
        self._other_field: set[int] = set()  # jobs whose picture's form field was not known
        self._plain_vectors: set[str] = set()  # models that do not send vectors as base64

    async def send(self, jobs: Sequence[Claimed]) -> list[StepResult]:
        """Send one call for these jobs; its answer is in the spool before anything else happens."""
        endpoint = ENDPOINTS[jobs[0].endpoint]
        jobs = [on_its_lane(job, self._options.online_rows) for job in jobs]
        inputs: list[object] = []
        goes_on = endpoint.press is not None
        parent = await parent_of(jobs[0], endpoint, self._services.writer) if goes_on else None
        if isinstance(parent, Released | GiveUp):
            return _unsent(jobs, parent)
        for job in jobs:
            try:
                inputs.append(await self._inputs(job, endpoint, parent))
            except FileTargetError as error:
                log.warning("row %s: its files cannot be read now: %s", job.row, error)
                return _unsent(jobs, Released(delay=RETRY_SECONDS))  # no try counts
            except (InputError, AttachmentError, OSError) as error:
                return _unfit(jobs, job, str(error))
        try:
            call = encoded(self._call_of(jobs[0], endpoint, inputs))
        except (UnencodableError, InputError) as error:
            return _unfit(jobs, jobs[0], str(error))
        return await self._send(jobs, inputs, call, before=parent.call_id if parent else None)

    async def _send(
        self, jobs: Sequence[Claimed], inputs: Sequence[object], call: Call, *, before: int | None
    ) -> list[StepResult]:
        """`before` is the call that this one goes on from, if any."""
        first, started = jobs[0], time.monotonic()
        self._reached[first.call_id] = WireClass.IN_DOUBT
        try:
            send = self._services.accounts.send
            delivery = await send(call, key=first.call_key, after_call=before)
        except asyncio.CancelledError:
            return self.cut_off(jobs, time.monotonic() - started)
        # Only now: what a decision depends on may have changed while the call was in flight.
        contexts = self._contexts(jobs, inputs)
        if isinstance(delivery, Lost):
            delivery = salvaged(contexts, delivery) or delivery
        self._reached[first.call_id] = COST_OF_BUG[type(delivery)]
        if isinstance(delivery, Reply):
            await _spool(first, delivery, self._services)
            if tells_of_keys(first, delivery, self._state):
                await learn_of_keys(delivery, self._state, self._services.writer)
            return await self._take(contexts, delivery)
        found = await allowed(
            self._state, self._services.allowance, contexts, delivery, resolve(contexts, delivery)
        )
        kept = cut_answer(delivery) if isinstance(delivery, Lost) else None
        return self._results(jobs, found, seconds=time.monotonic() - started, kept=kept)

    async def take(self, jobs: Sequence[Claimed], reply: Reply) -> list[StepResult]:
        """Decide what an answer from the spool means, as `send` would have."""
        endpoint = ENDPOINTS[jobs[0].endpoint]
        self._reached[jobs[0].call_id] = WireClass.UNUSABLE
        inputs = [inputs_to_read(job, endpoint) for job in jobs]
        return await self._take(self._contexts(jobs, inputs), reply)

    def cut_off(self, jobs: Sequence[Claimed], seconds: float) -> list[StepResult]:
        """A call in flight when the process died, or when a person would not wait for it."""
        found = after_death(jobs[0], ENDPOINTS[jobs[0].endpoint], self._state.rules())
        return self._results(jobs, [found] * len(jobs), seconds=seconds)

    def fail(self, jobs: Sequence[Claimed], failure: Failure) -> list[StepResult]:
        """A bug failed these rows; an answer that had come is kept for a better reader."""
        kept = self._unsettled.pop(jobs[0].call_id, None)
        wire = self._reached.pop(jobs[0].call_id, WireClass.NOT_SENT)
        ended = CallEnd(wire=wire, seconds=0.0, status=kept.status if kept else None)
        outcomes = [GiveUp(failure=failure)] * len(jobs)
        return settled_call(jobs, outcomes, ended=ended, kept=kept)

    async def _inputs(
        self, job: Claimed, endpoint: AnyEndpoint, parent: ParentTask | None = None
    ) -> object:
        own: dict[str, JSON] = {"stream": True} if job.stream else {}
        if job.id in self._other_field:
            own["image_field"] = "other"
        if job.model in self._plain_vectors and _chose_encoding(job, endpoint):
            own[ENCODING_FORMAT] = "none"
        own |= button_fields(job, endpoint, parent)
        if job.fields.get("background"):
            own |= await background_fields(job, self._state, self._services.accounts)
        return await inputs_of(job, endpoint, self._options, **own)

    def _call_of(self, job: Claimed, endpoint: AnyEndpoint, inputs: Sequence[object]) -> Call:
        """The call of this job and its company. Raises InputError for a lane that nobody sells."""
        sharing = endpoint.sharing
        call = sharing.build(inputs) if sharing is not None else endpoint.build(inputs[0])
        if job.leave_by is not None:
            call = replace(call, leave_by=job.leave_by)
        if is_slow_lane(job):
            return self._lanes.call(job, call)
        timeout = self._options.call_seconds or call.timeout
        return call if timeout == call.timeout else replace(call, timeout=timeout)

    def _contexts(self, jobs: Sequence[Claimed], inputs: Sequence[object]) -> list[JobContext]:
        endpoint, rules = ENDPOINTS[jobs[0].endpoint], self._state.rules()
        return [
            JobContext(job=job, endpoint=endpoint, rules=rules, inputs=one)
            for job, one in zip(jobs, inputs, strict=True)
        ]

    async def _take(self, contexts: Sequence[JobContext], reply: Reply) -> list[StepResult]:
        jobs = [context.job for context in contexts]
        found, kept = await run_off_loop(reply, lambda: self._understand(contexts, reply))
        if self._services.allowance is not None:
            found = await allowed(self._state, self._services.allowance, contexts, reply, found)
        if contexts[0].endpoint.sharing is not None:
            self._learn_sharing(jobs, found[0], reply)
            self._learn_vectors(jobs, [one.outcome.failure for one in found])
        return self._results(jobs, found, seconds=reply.seconds, reply=reply, kept=kept)

    def _understand(
        self, contexts: Sequence[JobContext], reply: Reply
    ) -> tuple[list[Resolution], Answer]:
        call_id = contexts[0].job.call_id
        kept = self._unsettled[call_id] = self._services.answers.keep(call_id, reply)
        found = resolve(contexts, reply)
        if is_slow_lane(contexts[0].job):
            found = [self._lanes.marked(contexts[0].job, one, reply) for one in found]
        reach("answer.parsed")
        return found, kept

    def _learn_sharing(self, jobs: Sequence[Claimed], first: Resolution, reply: Reply) -> None:
        """How many rows may share a call from now on."""
        if first.wire in PAID_CLASSES:
            self.sharing.answered(jobs, len(reply.body))
        elif len(jobs) > 1 and first.signal is Signal.NONE and first.wire is WireClass.REFUSED:
            failure = first.outcome.failure if isinstance(first.outcome, Released) else None
            self.sharing.refused(jobs, failure)

    def _learn_vectors(self, jobs: Sequence[Claimed], failures: Sequence[Failure | None]) -> None:
        """What to change in the next calls of rows whose vector did not come.

        None at all: base64, which we asked for ourselves, may be to blame. Some: their rows ask
        alone. Vectors that cannot be told apart: the model's rows do.
        """
        causes = [None if failure is None else failure.cause for failure in failures]
        if set(causes) == {"no_vector"}:
            self._plain_vectors.add(jobs[0].model)
        elif "no_vector" in causes:
            pairs = zip(jobs, causes, strict=True)
            self.sharing.alone([job for job, cause in pairs if cause == "no_vector"])
        elif set(causes) == {"vector_count"}:
            self.sharing.never(jobs[0])

    def _results(
        self,
        jobs: Sequence[Claimed],
        found: Sequence[Resolution],
        *,
        seconds: float,
        reply: Reply | None = None,
        kept: Answer | None = None,
    ) -> list[StepResult]:
        """The first job's settlement carries the call, and its signal speaks for all of them."""
        self._unsettled.pop(jobs[0].call_id, None)
        self._reached.pop(jobs[0].call_id, None)
        outcomes = [one.outcome for one in found]
        self._remember(jobs, outcomes)
        loudest, wire = _of_call(found)
        if any(map(is_asked_again, found)) and not self._state.honours_keys:
            self._state.repeats_left -= 1
        result = _combined([outcome.result for outcome in outcomes])
        prices = self._services.cap.prices
        price = cost_of(prices, jobs[0], result) if wire in PAID_CLASSES else None
        if is_slow_lane(jobs[0]):
            price = self._lanes.price(jobs[0], price, reply)
        ended = CallEnd(
            wire=wire,
            seconds=seconds,
            status=kept.status if kept else None,
            request_id=_request_id(reply),
            cost=price.amount if price else None,
            currency=price.currency if price else None,
            estimated=price is not None and price.estimate,
        )
        if wire is WireClass.IN_DOUBT and is_slow_lane(jobs[0]):
            loudest = self._lanes.cut(loudest)
        return settled_call(jobs, outcomes, ended=ended, kept=kept, said=loudest)

    def _remember(self, jobs: Sequence[Claimed], outcomes: Sequence[Outcome]) -> None:
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, TryAgain) and outcome.failure.cause == IMAGE_FIELD:
                self._other_field.add(job.id)
            if outcome.failure is not None and outcome.failure.cause == ENCODING_FORMAT:
                self._plain_vectors.add(job.model)


async def allowed(
    state: RunState,
    allowance: Allowance | None,
    contexts: Sequence[JobContext],
    delivery: Delivery,
    found: list[Resolution],
) -> list[Resolution]:
    """What becomes of a call in doubt, decided again once it is known what the run may repeat.

    Other hosts take from the same allowance. Nothing is awaited after the last decision.
    """
    if allowance is None or state.hold_in_doubt:
        return found
    if not any(isinstance(one.outcome, Held) or is_asked_again(one) for one in found):
        return found
    with contextlib.suppress(asyncio.CancelledError):  # the call has ended all the same
        await allowance.refill(state)
    rules = state.rules()
    return resolve([replace(context, rules=rules) for context in contexts], delivery)


def _of_call(found: Sequence[Resolution]) -> tuple[Resolution, WireClass]:
    """What speaks for all jobs of a call, and the wire class of the call: one answer is enough."""
    loudest, wire = found[0], found[0].wire
    for one in found:
        if one.signal is Signal.GOOD and loudest.signal is not Signal.GOOD:
            loudest = one
        if one.wire is WireClass.ANSWERED:
            wire = one.wire
    return loudest, wire


def is_asked_again(resolution: Resolution) -> bool:
    """True if a call in doubt will be sent again, which uses up the run's allowance."""
    released = isinstance(resolution.outcome, Released | Repeat)
    return released and resolution.wire is WireClass.IN_DOUBT


def settled_call(
    jobs: Sequence[Claimed],
    outcomes: Sequence[Outcome],
    *,
    ended: CallEnd,
    kept: Answer | None = None,
    said: Resolution | None = None,
) -> list[StepResult]:
    """One settlement per job; the first carries the call's cost, its answer and its signal."""
    first = Settlement(job=jobs[0], outcome=outcomes[0], ended=ended, answer=kept)
    if said is None:
        results = [StepResult(settlement=first)]
    else:
        results = [StepResult(settlement=first, signal=said.signal, wait=said.wait)]
    if len(jobs) > 1:
        shared = replace(ended, is_primary=False)
        others = zip(jobs[1:], outcomes[1:], strict=True)
        results += [
            StepResult(settlement=Settlement(job=job, outcome=outcome, ended=shared))
            for job, outcome in others
        ]
    return results


async def _spool(job: Claimed, reply: Reply, services: StepServices) -> None:
    """Write an answer to the spool; a thread of its own writes a big one, ahead of all reading
    of others.
    """
    if len(reply.body) <= MAX_INLINE_BYTES:
        spool_answer(job, reply, services)
    else:
        await uninterrupted(asyncio.to_thread(spool_answer, job, reply, services))


def spool_answer(job: Claimed, reply: Reply, services: StepServices) -> None:
    """Write an answer to the spool; a full disk's reserve is given up for what is paid for."""
    reach("answer.read")
    try:
        services.spool.append(job.call_id, reply)
    except OSError as error:
        log.warning("row %s: the spool took no answer: %s", job.row, error)
        services.reserve.spend()
        with contextlib.suppress(OSError):  # the table may still take it
            services.spool.append(job.call_id, reply)
    reach("answer.spooled")


async def run_off_loop(reply: Reply, work: Callable[[], T]) -> T:
    """The result of work on an answer, done in a thread if the answer is big."""
    return work() if len(reply.body) <= MAX_INLINE_BYTES else await uninterrupted(off_loop(work))


def _chose_encoding(job: Claimed, endpoint: AnyEndpoint) -> bool:
    """True if rowmill, not the row, chose how the vectors travel."""
    return endpoint.sharing is not None and not job.fields.get(ENCODING_FORMAT)


def _unsent(jobs: Sequence[Claimed], outcome: Outcome) -> list[StepResult]:
    """Rows that were not sent, all for the same reason."""
    ended = CallEnd(wire=WireClass.NOT_SENT, seconds=0.0)
    return settled_call(jobs, [outcome] * len(jobs), ended=ended)


def _unfit(jobs: Sequence[Claimed], unfit: Claimed, why: str) -> list[StepResult]:
    """A row that cannot become a request; nothing was sent, so the others are sent again."""
    failure = Failure(kind=FailureClass.BAD_INPUT, cause="unfit", detail=why)
    outcomes = [GiveUp(failure=failure) if job is unfit else Released(delay=0.0) for job in jobs]
    return settled_call(jobs, outcomes, ended=CallEnd(wire=WireClass.NOT_SENT, seconds=0.0))


def _request_id(reply: Reply | None) -> str | None:
    """The provider's own id of a call, if it gave one."""
    if reply is None:
        return None
    for name in REQUEST_ID_HEADERS:
        if (value := reply.headers.get(name)) is not None:
            return value[:200]
    return None


def _combined(results: Sequence[Result | None]) -> Result | None:
    """What a call brought in all, as prices see it."""
    if len(results) == 1:
        return results[0]
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
