"""One step of one job: do it, decide what it came to, have it written down."""

from collections.abc import Mapping, Sequence

from jobs.job import Claimed, Failure, Step
from jobs.outcome import GiveUp, Released, WireClass
from jobs.store.queue.settles import CallEnd, SavedFile, Settlement
from jobs.store.queue.sharing import Sharing
from runner.steps.context import RunState, StepOptions, StepResult, StepServices
from runner.steps.fetch import Fetcher
from runner.steps.poll import poll
from runner.steps.recover import recover, recover_together
from runner.steps.send import Sender
from runner.steps.send_together import SharedSender, shares_a_call
from runner.workspace.spool import SpoolRecord


class Steps:
    """The steps of one run, behind one door."""

    def __init__(self, plan: StepOptions, tools: StepServices) -> None:
        self.state = RunState.at_start(plan)
        self._tools = tools
        self._sender = Sender(plan, tools, self.state)
        self._shared = SharedSender(tools, self.state)
        self._fetcher = Fetcher(plan, tools)

    @property
    def sharing(self) -> Mapping[str, Sharing]:
        """Which jobs may share a call, as far as this run knows."""
        return self._shared.company.sharing

    async def perform(self, jobs: Sequence[Claimed]) -> Sequence[StepResult]:
        """Do the step that these jobs are at; several are there that share one call."""
        job = jobs[0]
        if shares_a_call(job):
            return await self._shared.send(jobs)
        match job.step:
            case Step.SEND:
                return [await self._sender.send(job)]
            case Step.POLL:
                return [await poll(job, self._tools, self.state)]
            case Step.FETCH:
                return [await self._fetcher.fetch(job)]

    async def recover(
        self, jobs: Sequence[Claimed], record: SpoolRecord | None
    ) -> Sequence[StepResult]:
        """Do what is left of a step that a dead process was in."""
        if shares_a_call(jobs[0]):
            return await recover_together(jobs, record, sender=self._shared, tools=self._tools)
        job = jobs[0]
        return [await recover(job, record, sender=self._sender, tools=self._tools)]

    def abandon(self, job: Claimed) -> StepResult:
        """A step that cost nothing, cut short: it is done again by the next run."""
        ended = CallEnd(wire=WireClass.NOT_SENT, seconds=0.0) if job.step is Step.SEND else None
        return StepResult(settlement=Settlement(job=job, outcome=Released(delay=0.0), ended=ended))

    def postpone(self, job: Claimed, seconds: float) -> StepResult:
        """A step that found no room on the disk: done again later, and free."""
        return StepResult(settlement=Settlement(job=job, outcome=Released(delay=seconds)))

    def fail(self, jobs: Sequence[Claimed], failure: Failure) -> Sequence[StepResult]:
        """A step that a fault of ours ended: its rows fail, and what was paid for is kept."""
        if shares_a_call(jobs[0]):
            return self._shared.broken(jobs, failure)
        job = jobs[0]
        if job.step is Step.SEND:
            return [self._sender.broken(job, failure)]
        return [StepResult(settlement=Settlement(job=job, outcome=GiveUp(failure=failure)))]

    def renew_connections(self) -> None:
        """Use no connection again that is idle now."""
        self._tools.wire.renew()

    def on_durable(self, done: StepResult) -> None:
        """It is durable: the spool forgets it, its pictures get thumbnails."""
        job = done.settlement.job
        if job.step is Step.SEND:
            self._tools.spool.forget(job.call_id)
        for file in done.settlement.files:
            if isinstance(file, SavedFile):
                self._tools.thumbnails.want(file.name)

    async def slim_answer(self, done: StepResult) -> None:
        """Pictures that are saved leave the answer they came in."""
        if done.saved_base64:
            await self._fetcher.slim(done.settlement.job.call_id, done.saved_base64)
