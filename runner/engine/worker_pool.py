"""Who works in a run: a crew for each step, with its hands and what it may take next."""

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jobs.job import Claimed, Step
from runner.pacing.accounts import Accounts
from runner.steps.context import StepResult

AT_ONCE = 64  # jobs in one claim: calls that begin together end together, and crowd each other
LOOK_AGAIN = 5.0  # seconds; another terminal may have put rows back


@dataclass(slots=True)
class WorkerPool:
    """Workers for one step; `gate` is None where only the number of hands counts."""

    step: Step
    hands: int
    gate: Accounts | None = None
    tasks: set["asyncio.Task[Sequence[StepResult]]"] = field(default_factory=set)
    alone_for: int = 0  # so many jobs are taken one by one
    busy: int = 0  # hands that have work, or whose work is not yet durable
    news: int = 0  # counts whatever may have given this crew something to do
    _idle_at: int = -1  # the news after which there was nothing left to take
    _look_at: float = math.inf  # moment of the monotonic clock when it is worth looking again
    due: float | None = None  # Unix seconds; when the next job is ready, as far as is known

    @property
    def idle(self) -> bool:
        """Nothing in hand, and nothing that it could ever take."""
        return not self.busy and self._idle_at == self.news and self.due is None

    @property
    def nothing_to_take(self) -> bool:
        """Was there nothing when it looked last?"""
        return self._idle_at == self.news and self.due is None

    @property
    def curious(self) -> bool:
        """May there be something to take now?"""
        return self._idle_at != self.news or time.monotonic() >= self._look_at

    def admit(self) -> int:
        """How many jobs may be taken now; they count as taken."""
        free = min((1 if self.alone_for else self.hands) - self.busy, AT_ONCE)
        allowed = self.gate.admit(free) if self.gate is not None and free > 0 else max(free, 0)
        self.busy += allowed
        return allowed

    def give_back(self, unused: int) -> None:
        """So many taken jobs there were not."""
        self.busy -= unused
        if self.gate is not None and unused:
            self.gate.give_back(unused)

    def began(self, job: Claimed) -> None:
        """One of the jobs taken last is begun, or put back by itself."""
        if self.gate is not None:
            self.gate.began(job)

    def let_go(self, job: Claimed) -> None:
        """The hand that had this job is free again."""
        self.busy -= 1
        self.alone_for = max(self.alone_for - 1, 0)
        if self.gate is not None:
            self.gate.ended(job)

    def hear(self) -> None:
        """There may be something new to take."""
        self.news += 1

    def found_nothing(self, due: float | None, *, seen: int) -> None:
        """There was less than it could take; `seen` was the news when it asked."""
        self._idle_at, self.due = seen, due
        wait = LOOK_AGAIN if due is None else min(max(due - time.time(), 0.0), LOOK_AGAIN)
        self._look_at = time.monotonic() + wait

    def next_look(self) -> float:
        """When it is worth asking this crew again, by the monotonic clock; inf: when it hears."""
        if self.busy >= (1 if self.alone_for else self.hands):
            return math.inf
        if self.curious:
            return self.gate.next_at() if self.gate is not None else time.monotonic()
        return self._look_at


def by_call(jobs: Iterable[Claimed]) -> list[list[Claimed]]:
    """Jobs in hand, those together that share a call to be sent."""
    found: dict[tuple[Step, int], list[Claimed]] = {}
    for job in jobs:
        number = job.call_id if job.step is Step.SEND else job.id
        found.setdefault((job.step, number), []).append(job)
    return list(found.values())


class WorkerPools(NamedTuple):
    """One crew asks, one asks after tasks, one saves files."""

    calls: WorkerPool
    polls: WorkerPool
    files: WorkerPool

    def of(self, job: Claimed) -> WorkerPool:
        """Whose job it is."""
        match job.step:
            case Step.SEND:
                return self.calls
            case Step.POLL:
                return self.polls
            case Step.FETCH:
                return self.files
