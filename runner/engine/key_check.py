"""Finds out whether a refused key is really refused, and goes on with the others."""

import asyncio
import contextlib
import logging
import time

from jobs.job import Failure
from runner.engine.health import ModelListHealth, health
from runner.engine.run_control import RunHandle
from runner.engine.stop import Stop, StopReason
from runner.pacing.accounts import Accounts, KeyLine
from runner.steps.context import RunState

log = logging.getLogger("rowmill")

TRUST_SECONDS = 60.0  # for which a key is trusted after a probe accepted it


class KeyCheck:
    """Probes refused keys, one probe a key at a time, and drops those that are not accepted."""

    def __init__(self, accounts: Accounts, run: RunHandle, run_state: RunState) -> None:
        self._accounts = accounts
        self._run = run
        self._run_state = run_state
        self._probes: dict[KeyLine, asyncio.Task[None]] = {}

    async def doubt(self, line: KeyLine, failure: Failure | None) -> None:
        """A 401 may be about the gateway's own channel: ask for the list of models to be sure."""
        if line.good_until > time.monotonic():
            return
        if line not in self._probes:
            self._probes[line] = asyncio.create_task(self._probe(line, failure))
        with contextlib.suppress(asyncio.CancelledError):  # `cut` does not wait for the probe
            await asyncio.shield(self._probes[line])

    def drop(self, line: KeyLine, cause: str) -> bool:
        """Stop using this key. False if it is the last one."""
        if not self._accounts.drop(line):
            return False
        log.warning("%s is used no more (%s)", line.name, cause)
        self._run.note("key_dropped", {"key": line.name, "cause": cause})
        self._run.wake()
        return True

    def cut(self) -> None:
        """Cancel all probes."""
        for task in self._probes.values():
            task.cancel()

    async def close(self) -> None:
        """Cancel all probes and wait until they are gone."""
        tasks = list(self._probes.values())
        self.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _probe(self, line: KeyLine, failure: Failure | None) -> None:
        found = await health(line.wire)
        if found is ModelListHealth.GOOD:
            line.good_until = self._run_state.key_good_until = time.monotonic() + TRUST_SECONDS
        elif found is ModelListHealth.KEY and not self.drop(line, "key"):
            self._run.halt(Stop(reason=StopReason.KEY, detail=failure.detail if failure else ""))
        self._probes.pop(line, None)
