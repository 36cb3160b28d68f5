"""Steps that have ended: kept until the next commit, and what follows once they are durable."""

from collections.abc import Sequence
from typing import NamedTuple

from jobs.failpoints import reach
from jobs.job import Step
from jobs.outcome import Answered, Released, Repeat, Submitted, TryAgain
from jobs.store.queue.settles import Settlement
from runner.engine.run_control import RunControl, RunObserver
from runner.engine.stop import Conduct
from runner.engine.worker_pool import MAX_JOBS_PER_CLAIM, WorkerPools
from runner.steps.context import StepResult
from runner.steps.resolution import Signal
from runner.steps.steps import Steps


class FinishedStep(NamedTuple):
    """A step that has ended, and how long it took; `results` are of all jobs that shared a call."""

    results: Sequence[StepResult]
    seconds: float

    @property
    def ends_when_durable(self) -> bool:
        """True if nothing is left to do once it is written down."""
        first = self.results[0]  # it stands for the call
        return first.signal is not Signal.KEY and not first.saved_base64


class FinishedSteps:
    """Hands ended steps to commits, and frees their workers once nothing is left to do."""

    def __init__(
        self,
        steps: Steps,
        pools: WorkerPools,
        control: RunControl,
        conduct: Conduct,
        observer: RunObserver,
    ) -> None:
        self.waiting: list[FinishedStep] = []
        self._steps = steps
        self._pools = pools
        self._control = control
        self._conduct = conduct
        self._observer = observer

    def add(self, step: FinishedStep) -> None:
        """Keep it for the next commit."""
        self.waiting.append(step)

    def take(self) -> list[FinishedStep]:
        """Steps for one commit. A worker with nothing more to do for its job is free."""
        taken = self.waiting[:MAX_JOBS_PER_CLAIM]
        del self.waiting[:MAX_JOBS_PER_CLAIM]
        for step in taken:
            for result in step.results:
                self._conduct.cap.settle(result.settlement)
                self._notify_next(result)
            if step.ends_when_durable:
                self._release(step.results[0])
        return taken

    def durable(self, steps: Sequence[FinishedStep]) -> None:
        """These are written down: tell the observer, and do what is left for each."""
        for step in steps:
            first = step.results[0]
            settlement = first.settlement
            _reached(settlement)
            if settlement.answer is not None:
                self._conduct.reserve.learn(settlement.answer.size)
            self._steps.on_durable(first)
            for result in step.results:
                self._observer.settled(result, step.seconds)
            if not step.ends_when_durable:
                self._control.do_beside(self._finish(first))
        self._observer.flush_log()

    def _notify_next(self, result: StepResult) -> None:
        """Tell the pool that takes this job next."""
        if self._conduct.cap.reached is not None:
            self._pools.calls.notify()  # what did not fit may fit now
        match result.settlement.outcome:
            case Answered():
                self._pools.files.notify()
            case Submitted():
                self._pools.polls.notify()
            case Released() | TryAgain() | Repeat():
                self._pools.of(result.settlement.job).notify()
            case _:
                pass

    async def _finish(self, result: StepResult) -> None:
        """What takes longer keeps its worker until it is through."""
        try:
            await self._steps.slim_answer(result)
            if result.signal is Signal.KEY:
                await self._control.doubt_key(result)
        finally:
            self._release(result)

    def _release(self, result: StepResult) -> None:
        job = result.settlement.job
        self._pools.of(job).release(job)


def _reached(settlement: Settlement) -> None:
    if settlement.job.step is Step.FETCH:
        reach("file.durable")
    elif isinstance(settlement.outcome, Submitted):
        reach("ticket.durable")
    elif settlement.answer is not None:
        reach("answer.durable")
