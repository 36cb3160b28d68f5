"""Whether a run that has nothing to do goes on: alone, or as one of several hosts."""

import asyncio
import contextlib
from collections.abc import Collection

from jobs.store.queue.blocked_models import Block
from jobs.store.run_findings import Left
from runner.engine.last_pass import FinalPass
from runner.engine.run_control import RunControl
from runner.engine.stop import Conduct
from runner.engine.worker_pool import WorkerPools

ELSEWHERE_SECONDS = 1.0  # between two looks while other hosts are at work


class OwnEnd:
    """The run of a folder: suspects of crashes go on, then failed rows once more."""

    def __init__(
        self, final_pass: FinalPass, conduct: Conduct, control: RunControl, pools: WorkerPools
    ) -> None:
        self._final_pass = final_pass
        self._conduct = conduct
        self._control = control
        self._pools = pools

    def took_some(self) -> None:
        """Calls were begun."""

    async def goes_on(self, blocked: Collection[Block]) -> bool:
        """True if there is something to take after all."""
        if await self._retry_suspects():
            return True
        if self._conduct.cap.reached is not None:
            return False
        found = await self._final_pass.second_pass(blocked)
        if found:
            self._pools.notify()
        return found

    async def saves_more(self) -> bool:
        """True if a run that stopped still has files to save that waited for the end."""
        return not self._control.is_cut and await self._retry_suspects()

    async def _retry_suspects(self) -> bool:
        found = await self._final_pass.retry_suspects()
        if found:
            self._pools.notify()
        return found


class SharedEnd:
    """Asks the table; only when nothing is ready or running anywhere is the run over."""

    def __init__(
        self, final_pass: FinalPass, conduct: Conduct, control: RunControl, pools: WorkerPools
    ) -> None:
        self._final_pass = final_pass
        self._conduct = conduct
        self._control = control
        self._pools = pools
        self._had_last_try = False  # to fit a call under the cap, with none in flight anywhere

    def took_some(self) -> None:
        """Calls were begun: the cap had room."""
        self._had_last_try = False

    async def goes_on(self, blocked: Collection[Block]) -> bool:
        """True if there is, or may soon be, something to take."""
        reached = self._conduct.cap.reached
        left = await self._final_pass.left_anywhere(
            blocked, chosen_only=self._conduct.chosen_only, may_send=reached is None
        )
        if left is Left.NOTHING and (reached is None or self._had_last_try):
            return False
        # What did not fit under the cap may fit now that no call is in flight anywhere.
        self._had_last_try = left is Left.NOTHING
        if left is Left.ELSEWHERE:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ELSEWHERE_SECONDS):
                    await self._control.awake.wait()
        self._pools.notify()
        return True

    async def saves_more(self) -> bool:
        """False: what waits for the end of all hosts is not this host's."""
        return False
