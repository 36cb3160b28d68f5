"""What the worker pools claim next, and when it is worth claiming again."""

import math
import time
from collections.abc import Mapping

from jobs.job import Failure, Step
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.claims import ClaimRequest
from jobs.store.writer import ClaimedJobs
from runner.engine.run_control import RunControl
from runner.engine.stop import Conduct
from runner.engine.worker_pool import WorkerPool, WorkerPools
from runner.steps.steps import Steps


class Claims:
    """Leaves out blocked and held models, and has a held model tried with one call."""

    def __init__(
        self,
        steps: Steps,
        pools: WorkerPools,
        control: RunControl,
        conduct: Conduct,
        blocked: Mapping[Block, Failure],
    ) -> None:
        assert pools.calls.gate is not None
        self._steps = steps
        self._accounts = pools.calls.gate
        self._control = control
        self._conduct = conduct
        self._blocked = blocked
        self._trial: str | None = None  # the model that the claim going on tries …
        self._held: frozenset[str] = frozenset()  # … and those that it leaves out for now

    def order(self, step: Step, limit: int) -> ClaimRequest:
        """A claim of at most so many jobs."""
        if step is not Step.SEND:
            return ClaimRequest(step=step, limit=limit, account=self._accounts.label)
        now, models = time.monotonic(), self._accounts.models
        self._trial = models.on_trial(now)
        self._held = held = models.held(now)
        if self._trial is not None:
            limit, held = 1, held | (frozenset(models.seen) - {self._trial})
        return ClaimRequest(
            step=step,
            limit=limit,
            account=self._accounts.label,
            blocked=frozenset(self._blocked) | {Block(model) for model in held},
            chosen_only=self._conduct.chosen_only,
            sharing=self._steps.sharing,
            budget=self._conduct.cap,
        )

    def taken(self, pool: WorkerPool, taken: ClaimedJobs, allowed: int, *, seen: int) -> None:
        """What a claim brought; `seen` was the pool's generation when it was made."""
        if pool.step is not Step.SEND:
            if len(taken.jobs) < allowed:
                pool.found_nothing(taken.due, seen=seen)
            return
        if self._conduct.cap.open_calls(taken.jobs):
            pool.found_nothing(None, seen=seen)
        elif self._trial is not None:  # the claim was for one call: the others are not claimed yet
            if not taken.jobs:
                self._accounts.models.forget(self._trial)
            pool.notify()
        elif self._held and self._may_look_again(taken):
            pool.notify()
        elif len(taken.jobs) < allowed:
            pool.found_nothing(self._due(pool, taken.due), seen=seen)
        self._trial = None

    def _may_look_again(self, taken: ClaimedJobs) -> bool:
        """True if a claim left models out, and need not any more.

        They were held so that another model might be tried first, and there was none; or they
        have been accepted meanwhile.
        """
        models = self._accounts.models
        released = not taken.jobs and models.release_unproven()
        return released or not self._held <= models.held(time.monotonic())

    def _due(self, pool: WorkerPool, due: float | None) -> float | None:
        """When the next job is ready (Unix), also one of a model that is held now."""
        if self._control.is_over_for(pool):
            return due
        now = time.monotonic()
        held = time.time() + self._accounts.models.next_at(now) - now
        return due if held == math.inf else min(held, math.inf if due is None else due)
