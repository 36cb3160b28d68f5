"""Performs, recovers and cuts short the steps of one run."""

from collections.abc import Mapping, Sequence

from jobs.claimed import Claimed
from jobs.job import Failure, Step
from jobs.outcome import GiveUp, Released, WireClass
from jobs.store.queue.settles import CallEnd, SavedFile, Settlement
from jobs.store.queue.sharing import Sharing
from jobs.store.queue.tickets import late_tickets
from runner.steps.context import RunState, StepOptions, StepResult, StepServices
from runner.steps.fetch import Fetcher
from runner.steps.late import ask_late, taken_over
from runner.steps.poll import poll
from runner.steps.recover import recover
from runner.steps.send import Sender
from runner.workspace.spool import SpoolRecord


class Steps:
    """The steps of one run: each call does one step and returns what has to be written down."""

    def __init__(self, options: StepOptions, services: StepServices) -> None:
        self.state = RunState.at_start(options)
        self.options = options
        self.services = self._services = services
        self._sender = Sender(options, services, self.state)
        self._fetcher = Fetcher(options, services)

    @property
    def sharing(self) -> Mapping[str, Sharing]:
        """Which jobs may share a call, as far as this run knows."""
        return self._sender.sharing.by_endpoint

    async def perform(self, jobs: Sequence[Claimed]) -> Sequence[StepResult]:
        """Do the step that these jobs are at; several jobs share one call."""
        job = jobs[0]
        match job.step:
            case Step.SEND:
                return await self._sender.send(jobs)
            case Step.POLL:
                return [await poll(job, self._services, self.state)]
            case Step.FETCH:
                return [await self._fetcher.fetch(job)]

    async def late_jobs(self, *, to_be_sent: bool) -> list[Claimed]:
        """The tickets that no job waits for; only those of jobs about to be sent, if wanted."""
        writer = self._services.writer
        sheet = writer.holding.sheet_id
        return await writer.do(
            lambda tx: late_tickets(tx, sheet, now=writer.now(), to_be_sent=to_be_sent)
        )

    async def take_late(self, found: Settlement) -> str | None:
        """Write down a late success: "result", "version", or None if it cannot be taken now."""
        writer = self._services.writer
        return await writer.do(
            lambda tx: taken_over(tx, found, holding=writer.holding, now=writer.now())
        )

    async def ask_late(self, job: Claimed) -> Settlement | None:
        """Ask after a task that was given up; its success, or None."""
        return await ask_late(job, self._services, self.state, self._fetcher)

    async def recover(
        self, jobs: Sequence[Claimed], record: SpoolRecord | None
    ) -> Sequence[StepResult]:
        """Finish a step that a dead process was in; `record` is its answer from the spool."""
        return await recover(jobs, record, sender=self._sender, services=self._services)

    def abandon(self, job: Claimed) -> StepResult:
        """A step that was cut short before it cost anything: the next run does it."""
        at_send = job.step is Step.SEND
        ended = CallEnd(wire=WireClass.NOT_SENT, seconds=0.0) if at_send else None
        return StepResult(settlement=Settlement(job=job, outcome=Released(delay=0.0), ended=ended))

    def postpone(self, job: Claimed, seconds: float) -> StepResult:
        """A step that found no space on the disk: done again later, free of charge."""
        return StepResult(settlement=Settlement(job=job, outcome=Released(delay=seconds)))

    def fail(self, jobs: Sequence[Claimed], failure: Failure) -> Sequence[StepResult]:
        """A step that a bug ended: its rows fail, and an answer that was paid for is kept."""
        if jobs[0].step is Step.SEND:
            return self._sender.fail(jobs, failure)
        outcome = GiveUp(failure=failure)
        return [StepResult(settlement=Settlement(job=job, outcome=outcome)) for job in jobs]

    def renew_connections(self) -> None:
        """Reuse no connection that is idle now."""
        self._services.accounts.renew()

    def on_durable(self, result: StepResult) -> None:
        """The step is in the table: the spool forgets its answer, its pictures get thumbnails.

        An answer that the settlement does not carry stays in the spool for the next run.
        """
        job, answer = result.settlement.job, result.settlement.answer
        if job.step is Step.SEND and answer is not None and answer.complete:
            self._services.spool.forget(job.call_id)
        for file in result.settlement.files:
            if isinstance(file, SavedFile):
                self._services.thumbnails.want(file.name)

    async def slim_answer(self, result: StepResult) -> None:
        """Take pictures that are saved out of the stored answer they came in."""
        if result.saved_base64:
            await self._fetcher.slim(result.settlement.job.call_id, result.saved_base64)
