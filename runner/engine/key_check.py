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

KEY_DROPPED = "key_dropped"  # the kind of event by which other hosts learn of it
HOLD_NAME = "key"  # under which calls are paused while a key is doubtful
FIRST_WAIT_SECONDS = 1.0
MAX_WAIT_SECONDS = 300.0  # between two calls with a key that nobody can vouch for
TRUST_SECONDS = 60.0  # for which a key is trusted after a probe accepted it


class KeyCheck:
    """Probes refused keys, one probe a key at a time, and drops those that are not accepted."""

    def __init__(self, accounts: Accounts, run: RunHandle, run_state: RunState) -> None:
        self._accounts = accounts
        self._run = run
        self._run_state = run_state
        self._probes: dict[KeyLine, asyncio.Task[None]] = {}
        self._unclear = 0  # probes in a row that got no answer from the gateway

    async def doubt(self, line: KeyLine, failure: Failure | None) -> None:
        """A 401 may be about the gateway's own channel: ask for the list of models to be sure."""
        if line.good_until > time.monotonic():
            return
        if line not in self._probes:
            self._probes[line] = asyncio.create_task(self._probe(line, failure))
        with contextlib.suppress(asyncio.CancelledError):  # `cut` does not wait for the probe
            await asyncio.shield(self._probes[line])

    def drop(self, line: KeyLine, cause: str, *, told: bool = False) -> bool:
        """Stop using this key. False if it is the last one; `told`: another host said so."""
        if not self._accounts.drop(line):
            return False
        log.warning("%s is used no more (%s)", line.name, cause)
        if not told:
            self._run.note(KEY_DROPPED, {"key": line.name, "cause": cause, "mark": line.mark})
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

    def _wait(self, failure: Failure | None) -> None:
        """Nobody can say whether the key is good: one call at a time, after growing waits."""
        wait = min(FIRST_WAIT_SECONDS * 2.0**self._unclear, MAX_WAIT_SECONDS)
        self._unclear = min(self._unclear + 1, 32)
        log.warning("a key was refused and the list of models gave no answer; next in %.0f s", wait)
        self._run.paused(wait, failure.cause if failure else "")
        self._accounts.release(HOLD_NAME, carefully=wait)

    async def _probe(self, line: KeyLine, failure: Failure | None) -> None:
        found = await health(line.wire)
        if found is ModelListHealth.GONE:
            self._wait(failure)
            self._probes.pop(line, None)
            return
        self._unclear = 0
        if found is ModelListHealth.GOOD:
            line.good_until = self._run_state.key_good_until = time.monotonic() + TRUST_SECONDS
        elif found is ModelListHealth.KEY and not self.drop(line, "key"):
            self._run.halt(Stop(reason=StopReason.KEY, detail=failure.detail if failure else ""))
        self._probes.pop(line, None)
