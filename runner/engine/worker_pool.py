"""The worker pools of a run: one for each step, with their size and what they may take next."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from jobs.claimed import Claimed
from jobs.job import Step
from runner.pacing.accounts import Accounts
from runner.steps.context import StepResult

MAX_JOBS_PER_CLAIM = 64  # calls that begin together end together, and crowd each other
LOOK_AGAIN_SECONDS = 5.0  # another terminal may have put rows back

StepTask: TypeAlias = "asyncio.Task[Sequence[StepResult]]"
OnEnd: TypeAlias = Callable[[StepTask, float], None]
"""Called with a task that has ended, and the seconds it took."""


@dataclass(slots=True)
class WorkerPool:
    """Workers for one step; `gate` is None where only the pool's size counts."""

    step: Step
    size: int
    gate: Accounts | None = None
    tasks: dict[StepTask, float] = field(default_factory=dict)  # when each began; monotonic
    one_by_one: int = 0  # so many jobs are taken one at a time
    busy: int = 0  # workers whose job is going on, or not yet durable
    generation: int = 0  # counts whatever may have given this pool something to do
    due: float | None = None  # Unix seconds; when the next job is ready, as far as is known
    _empty_at: int = -1  # the generation at which there was nothing left to take
    _look_at: float = math.inf  # moment of the monotonic clock when it is worth looking again

    @property
    def idle(self) -> bool:
        """True if nothing is going on, and nothing could ever be taken."""
        return not self.busy and self.nothing_to_take

    @property
    def nothing_to_take(self) -> bool:
        """True if there was nothing, and would be nothing later, at the last look."""
        return self._empty_at == self.generation and self.due is None

    @property
    def may_have_work(self) -> bool:
        """True if there may be something to take now."""
        return self._empty_at != self.generation or time.monotonic() >= self._look_at

    def admit(self) -> int:
        """How many jobs may be taken now; they count as taken."""
        free = min((1 if self.one_by_one else self.size) - self.busy, MAX_JOBS_PER_CLAIM)
        allowed = self.gate.admit(free) if self.gate is not None and free > 0 else max(free, 0)
        self.busy += allowed
        return allowed

    def give_back(self, unused: int) -> None:
        """So many admitted jobs did not exist."""
        self.busy -= unused
        if self.gate is not None and unused:
            self.gate.give_back(unused)

    def began(self, job: Claimed) -> None:
        """One of the jobs taken last begins, or is put back by itself."""
        if self.gate is not None:
            self.gate.began(job)

    def release(self, job: Claimed) -> None:
        """The worker that had this job is free again."""
        self.busy -= 1
        self.one_by_one = max(self.one_by_one - 1, 0)
        if self.gate is not None:
            self.gate.ended(job)

    def start(self, work: Coroutine[Any, Any, Sequence[StepResult]], on_end: OnEnd) -> None:
        """Run a step as a task of this pool."""
        began = time.monotonic()
        task = asyncio.create_task(work)
        self.tasks[task] = began

        def ended(task: StepTask) -> None:
            del self.tasks[task]
            on_end(task, time.monotonic() - began)

        task.add_done_callback(ended)

    def notify(self) -> None:
        """There may be something new to take."""
        self.generation += 1

    def found_nothing(self, due: float | None, *, seen: int) -> None:
        """A claim brought less than was allowed; `seen` was the generation when it was made."""
        self._empty_at, self.due = seen, due
        wait = LOOK_AGAIN_SECONDS
        if due is not None:
            wait = min(max(due - time.time(), 0.0), LOOK_AGAIN_SECONDS)
        self._look_at = time.monotonic() + wait

    def next_look(self) -> float:
        """When it is worth claiming again, by the monotonic clock; inf: once it is notified."""
        if self.busy >= (1 if self.one_by_one else self.size):
            return math.inf
        if self.may_have_work:
            return self.gate.next_at() if self.gate is not None else time.monotonic()
        return self._look_at


class WorkerPools(NamedTuple):
    """One pool sends calls, one asks after remote tasks, one downloads files."""

    calls: WorkerPool
    polls: WorkerPool
    files: WorkerPool

    @property
    def tasks(self) -> list[StepTask]:
        """All steps that are going on."""
        return [task for pool in self for task in pool.tasks]

    def of_step(self, step: Step) -> WorkerPool:
        """The pool for a step."""
        match step:
            case Step.SEND:
                return self.calls
            case Step.POLL:
                return self.polls
            case Step.FETCH:
                return self.files

    def of(self, job: Claimed) -> WorkerPool:
        """The pool that works on this job."""
        return self.of_step(job.step)

    def notify(self) -> None:
        """There may be something new for every pool."""
        for pool in self:
            pool.notify()

    def seconds_to_next_look(self, is_over_for: Callable[[WorkerPool], bool]) -> float | None:
        """How long there is nothing to do for the pools that still work; None: no end known."""
        working = [pool for pool in self if not is_over_for(pool)]
        moment = min((pool.next_look() for pool in working), default=math.inf)
        return None if moment == math.inf else max(moment - time.monotonic(), 0.0)

    def oldest(self) -> float | None:
        """Age in seconds of the oldest step that is going on."""
        began = min((at for pool in self for at in pool.tasks.values()), default=None)
        return None if began is None else time.monotonic() - began


def by_call(jobs: Iterable[Claimed]) -> list[list[Claimed]]:
    """Claimed jobs, grouped by the call they share."""
    found: dict[tuple[Step, int], list[Claimed]] = {}
    for job in jobs:
        number = job.call_id if job.step is Step.SEND else job.id
        found.setdefault((job.step, number), []).append(job)
    return list(found.values())
