"""Asks after tasks that were given up, beside the run: it costs nothing and holds nothing up."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from jobs.claimed import Claimed
from runner.catalogue import say
from runner.engine.stats import RunStats
from runner.prices.spending_cap import SpendingCap
from runner.steps.steps import Steps

log = logging.getLogger(__name__)

ASKERS = 4  # questions at once
AGAIN_SECONDS = 600.0  # between two rounds of questions in one run
LONGEST_SECONDS = 120.0  # for which the end of a run waits for its first round


class LateTickets:
    """The questions of one run after tasks that no job waits for any more."""

    def __init__(
        self, steps: Steps, cap: SpendingCap, stats: RunStats, tell: Callable[[str], None]
    ) -> None:
        self._steps = steps
        self._cap = cap
        self._stats = stats
        self._tell = tell
        self._first_round: asyncio.Task[None] | None = None
        self._rounds: asyncio.Task[None] | None = None

    async def begin(self, *, files_only: bool) -> None:
        """Ask first after the old tasks of rows that are about to be sent again, then, beside the
        run and again and again, after all. A run that only downloads asks nothing.
        """
        if files_only:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._round(to_be_sent=True)
        self._first_round = asyncio.create_task(self._round())
        self._rounds = asyncio.create_task(self._go_on())

    async def finish(self, *, at_once: bool) -> None:
        """End with the run; unless it was cut short, every ticket has been asked after once."""
        if self._rounds is None or self._first_round is None:
            return
        self._rounds.cancel()
        if at_once:
            self._first_round.cancel()
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._first_round
        await asyncio.gather(self._rounds, self._first_round, return_exceptions=True)

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            await self._round()

    async def _round(self, *, to_be_sent: bool = False) -> None:
        """Ask once after each; a fault of one is no reason to leave out the others."""
        left = await self._steps.late_jobs(to_be_sent=to_be_sent)
        waiting = iter(left)
        await asyncio.gather(*(self._ask_all(waiting) for _ in range(min(ASKERS, len(left)))))

    async def _ask_all(self, waiting: Iterator[Claimed]) -> None:
        for job in waiting:
            try:
                await self._ask(job)
            except Exception as error:  # noqa: BLE001 - asking again is all there is to it
                log.warning("row %s: an old task could not be asked after: %s", job.row, error)

    async def _ask(self, job: Claimed) -> None:
        """Ask once; what is done after all is counted in money and display, and told."""
        found = await self._steps.ask_late(job)
        taken = await self._steps.take_late(found) if found is not None else None
        if found is None or taken is None:
            return
        log.info("row %s: a task that had been given up is done (%s)", job.row, taken)
        self._cap.settle(found)
        self._stats.taken_over(found)
        key = "run.taken_over" if taken == "result" else "run.kept_version"
        self._tell(say(key, row=str(job.row)))
