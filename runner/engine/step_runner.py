"""Runs one step, and turns whatever ends it into results."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from jobs.claimed import Claimed
from jobs.job import Failure, FailureClass, Step
from runner.catalogue.reasons import reason
from runner.engine.stop import Stop, StopReason
from runner.steps.context import StepResult
from runner.steps.steps import Steps
from runner.workspace.disk_reserve import DiskReserve, is_disk_trouble

log = logging.getLogger(__name__)

DISK_RETRY_SECONDS = 30.0  # before a download is tried again that found no room
MAX_DETAIL_CHARACTERS = 300


class StepRunner:
    """Performs steps; never raises."""

    def __init__(self, steps: Steps, reserve: DiskReserve, halt: Callable[[Stop], None]) -> None:
        self._steps = steps
        self._reserve = reserve
        self._halt = halt

    async def perform(self, jobs: Sequence[Claimed]) -> Sequence[StepResult]:
        """The results of these jobs, which share a call; empty if they stay as they are."""
        try:
            return await self._steps.perform(jobs)
        except asyncio.CancelledError:
            return [self._steps.abandon(job) for job in jobs]
        except OSError as error:
            if not is_disk_trouble(error):
                return self._broke(jobs, error)
            return self._disk_is_full(jobs[0], error)
        except Exception as error:  # noqa: BLE001 - a bug becomes its own failure class, here only
            return self._broke(jobs, error)

    def _broke(self, jobs: Sequence[Claimed], error: Exception) -> Sequence[StepResult]:
        log.error("row %s: a step broke", jobs[0].row, exc_info=error)
        detail = str(error)[:MAX_DETAIL_CHARACTERS]
        failure = Failure(kind=FailureClass.CRASHED, cause=type(error).__name__, detail=detail)
        return self._steps.fail(jobs, failure)

    def _disk_is_full(self, job: Claimed, error: OSError) -> Sequence[StepResult]:
        """Send nothing more. An answer stays in the spool for the next run; a file waits."""
        log.error("row %s: the disk keeps nothing: %s", job.row, error)
        self._reserve.spend()
        self._halt(Stop(reason=StopReason.DISK, detail=reason(error)))
        return [] if job.step is Step.SEND else [self._steps.postpone(job, DISK_RETRY_SECONDS)]
