"""A run at work: each round writes down what has ended and starts what may start."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence

from jobs.claimed import Claimed
from jobs.failpoints import reach
from jobs.job import Failure, Step
from jobs.store import DriverError
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.choices import put_back
from jobs.store.writer import ClaimedJobs, TableWriter
from runner.catalogue.reasons import reason
from runner.engine.claims import Claims
from runner.engine.finished_steps import FinishedStep, FinishedSteps
from runner.engine.last_pass import FinalPass
from runner.engine.run_control import RunControl, RunObserver
from runner.engine.run_end import OwnEnd, SharedEnd
from runner.engine.step_runner import StepRunner
from runner.engine.stop import Conduct, Stop, StopReason, cap_words
from runner.engine.supervisor import Supervisor
from runner.engine.useless import UselessModels
from runner.engine.worker_pool import (
    MAX_JOBS_PER_CLAIM,
    StepTask,
    WorkerPool,
    WorkerPools,
    by_call,
)
from runner.steps.steps import Steps

log = logging.getLogger(__name__)

MANY_RESULTS = 4  # in one commit; from here on …
GATHER_SECONDS = 0.02  # … so many seconds between commits make fewer of them, each for many rows


class Dispatcher:
    """All worker pools over one table, until nothing is left or something stops them."""

    def __init__(
        self,
        steps: Steps,
        writer: TableWriter,
        conduct: Conduct,
        *,
        pools: WorkerPools,
        observer: RunObserver,
    ) -> None:
        self.steps = steps
        self.pools = pools
        self.control = RunControl(pools, writer, conduct, observer)
        assert pools.calls.gate is not None
        self.accounts = pools.calls.gate
        self._supervisor = Supervisor(conduct, self.accounts, steps.state, self.control)
        self.control.listener = self._supervisor
        self._writer = writer
        self._conduct = conduct
        self._finished = FinishedSteps(steps, pools, self.control, conduct, observer)
        self._runner = StepRunner(steps, conduct.reserve, self.control.halt)
        self._claims = Claims(steps, pools, self.control, conduct, self._supervisor.blocked)
        ending = SharedEnd if conduct.shared else OwnEnd
        self._end = ending(FinalPass(writer), conduct, self.control, pools)
        self._useless = UselessModels(self._supervisor, conduct, writer)

    @property
    def stop(self) -> Stop | None:
        """Why nothing more is sent, if something stopped the run."""
        return self.control.stop

    @property
    def supervisor(self) -> Supervisor:
        """Decides what single steps mean for the run."""
        return self._supervisor

    @property
    def blocked(self) -> Mapping[Block, Failure]:
        """Models that nothing is sent to any more, and why."""
        return self._supervisor.blocked

    async def run(self) -> None:
        """Work until every job is settled, or a stop has drained what was in flight."""
        try:
            while not self._is_over() or await self._end.saves_more():
                await self._round()
        except DriverError as error:
            self.control.halt(Stop(reason=StopReason.BROKEN, detail=str(error.orig)))
        finally:
            await self._drain()
            await self._supervisor.close()
            await self._put_back()
        if self.stop is None and (reached := self._conduct.cap.reached) is not None:
            detail = cap_words(reached)
            self.control.halt(Stop(reason=StopReason.BUDGET, detail=detail, needs=reached.max_cost))
            await asyncio.gather(*self.control.chores, return_exceptions=True)

    async def _put_back(self) -> None:
        """Rows that failed of what then stopped the run, or their model, are pending again.

        At once, as soon as their failures are written down: the run may be killed.
        """
        jobs, stop = dict(self._supervisor.put_back), self.stop
        broken = stop is not None and stop.reason in (StopReason.BROKEN, StopReason.REPLACED)
        if jobs and not broken and not self._finished.waiting:
            self._supervisor.put_back.clear()
            await self._writer.do(lambda tx: put_back(tx, jobs, now=self._writer.now()))

    # --- rounds: write down what has ended, take what may start -----------------------------------

    async def _round(self) -> None:
        """One commit: results in, jobs out. Without either, wait for what comes first."""
        self.control.awake.clear()
        finished = self._finished.take()
        wanted = self._wanted()
        if finished or wanted:
            await self._exchange(finished, wanted)
            await self._put_back()
            if MANY_RESULTS <= len(finished) < MAX_JOBS_PER_CLAIM:
                await asyncio.sleep(GATHER_SECONDS)
        elif self.control.stopping or not self._nothing_left():
            await self._sleep()
        elif not await self._end.goes_on(self.blocked.keys()):
            self.control.stopping = True

    async def _drain(self) -> None:
        """Settle what is still going on; nothing new is taken."""
        self.control.stopping = True
        while self._is_busy():
            if not self._finished.waiting:
                going_on = {*self.pools.tasks, *self.control.chores}
                await asyncio.wait(going_on, return_when=asyncio.FIRST_COMPLETED)
            try:
                await self._exchange(self._finished.take(), {})
            except DriverError as error:  # the spool has the answers, for the next run
                self.control.table_broke("run", error)

    async def _sleep(self) -> None:
        """Until a step ends, or something may be ready."""
        wait = self.pools.seconds_to_next_look(self.control.is_over_for)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self.control.awake.wait()

    def _wanted(self) -> dict[Step, tuple[int, int]]:
        """For each pool that may take something: how many jobs, and its generation now."""
        wanted = {}
        for pool in self.pools:
            if self.control.is_over_for(pool) or not pool.may_have_work:
                continue
            if pool is self.pools.calls and self._no_room():
                continue
            if allowed := pool.admit():
                wanted[pool.step] = (allowed, pool.generation)
        return wanted

    async def _exchange(
        self, finished: list[FinishedStep], wanted: dict[Step, tuple[int, int]]
    ) -> None:
        results = [result for step in finished for result in step.results]
        found = await self._writer.exchange(
            [result.settlement for result in results],
            [self._claims.order(step, allowed) for step, (allowed, _) in wanted.items()],
            check=self._useless.check(results),
        )
        self._useless.stop(found.stopped, results)
        if any(job.step is Step.SEND for taken in found.taken for job in taken.jobs):
            reach("call.durable")
        for place, error in found.errors.items():
            self.control.table_broke(f"row {results[place].settlement.job.row}", error)
        for (step, (allowed, seen)), taken in zip(wanted.items(), found.taken, strict=True):
            self._begin(self.pools.of_step(step), allowed, taken, seen=seen)
        failed = {id(results[place]) for place in found.errors}
        self._finished.durable([step for step in finished if id(step.results[0]) not in failed])

    def _begin(self, pool: WorkerPool, allowed: int, taken: ClaimedJobs, *, seen: int) -> None:
        """Start what was claimed, or put it back if a stop came meanwhile."""
        calls = by_call(taken.jobs)
        if calls and pool is self.pools.calls:
            self._end.took_some()
        pool.give_back(allowed - len(calls))
        self._claims.taken(pool, taken, allowed, seen=seen)
        for jobs in calls:
            pool.began(jobs[0])
            if self.control.is_over_for(pool):
                self._finished.add(FinishedStep(list(map(self.steps.abandon, jobs)), 0.0))
            else:
                self._start(pool, jobs)

    def _start(self, pool: WorkerPool, jobs: Sequence[Claimed]) -> None:
        def ended(task: StepTask, seconds: float) -> None:
            # Cancelled before its first line: nothing was done.
            was_cut = task.cancelled()
            results = list(map(self.steps.abandon, jobs)) if was_cut else task.result()
            if not results:  # left as it is: its answer waits in the spool
                pool.release(jobs[0])
            else:
                if not self.control.is_cut:
                    results = self._supervisor.on_step_done(results)
                self._finished.add(FinishedStep(results, seconds))
            self.control.awake.set()

        pool.start(self._runner.perform(jobs), ended)

    # --- what is left -----------------------------------------------------------------------------

    def _is_busy(self) -> bool:
        return bool(self._finished.waiting or self.pools.tasks or self.control.chores)

    def _is_over(self) -> bool:
        """Downloads go on after a stop, until the files of the last answers are saved."""
        if not self.control.stopping:
            return False
        if self.control.is_cut:
            return True
        due = self.pools.files.due
        later = due is None or due > time.time()
        return not self._is_busy() and not self.pools.files.may_have_work and later

    def _nothing_left(self) -> bool:
        working = [pool for pool in self.pools if not self.control.is_over_for(pool)]
        return not self._is_busy() and all(pool.idle for pool in working)

    def _no_room(self) -> bool:
        """Stop if the disk could not keep the answers of as many calls as may be in flight."""
        trouble = self._conduct.reserve.trouble(self.pools.calls.size)
        if trouble is not None:
            self.control.halt(Stop(reason=StopReason.DISK, detail=reason(trouble)))
        return trouble is not None
