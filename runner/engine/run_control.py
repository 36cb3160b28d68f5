"""Stops a run, wakes it, and keeps the work that goes on beside its rounds."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from jobs.job import JSON, Failure
from jobs.store.writer import TableWriter
from runner.engine.stop import RUN_STOPS, Conduct, Stop, StopReason, interrupt_words
from runner.engine.worker_pool import WorkerPool, WorkerPools
from runner.pacing.rate_window import Limits
from runner.steps.context import StepResult

log = logging.getLogger(__name__)

PERSON = "person"  # the name under which a person holds all calls
RUN_STOPPED = "run_stopped"  # the kind of event by which a host stops the others


class RunObserver(Protocol):
    """Sees every settled step and every pause: the display and the log."""

    def settled(self, result: StepResult, seconds: float) -> None: ...
    def flush_log(self) -> None: ...
    def paused(self, seconds: float, reason: str) -> None: ...
    def held(self, *, is_held: bool) -> None: ...
    def away(self, failure: Failure) -> None: ...


class RunHandle(Protocol):
    """All that supervisor, outage and key check may ask of the run."""

    def halt(self, stop: Stop) -> None: ...
    def wake(self) -> None: ...
    def note(self, kind: str, data: Mapping[str, JSON]) -> None: ...
    def calls_in_flight(self) -> int: ...
    def paused(self, seconds: float, reason: str) -> None: ...
    def away(self, failure: Failure) -> None: ...


class RunListener(Protocol):
    """Hears what was decided about the run: the supervisor."""

    def halted(self) -> None: ...
    def cut(self) -> None: ...
    def resumed(self) -> None: ...
    async def doubt_key(self, result: StepResult) -> None: ...


class RunControl:
    """What the parts of a run, its user and the system may ask of it."""

    def __init__(
        self, pools: WorkerPools, writer: TableWriter, conduct: Conduct, observer: RunObserver
    ) -> None:
        self.stop: Stop | None = None
        self.stopping = False  # nothing more is sent
        self.is_cut = False  # nothing is waited for
        self.awake = asyncio.Event()
        self.listener: RunListener | None = None
        self.chores: set[asyncio.Task[None]] = set()
        assert pools.calls.gate is not None
        self._pools = pools
        self._accounts = pools.calls.gate
        self._writer = writer
        self._observer = observer
        self._conduct = conduct

    def halt(self, stop: Stop) -> None:
        """Send nothing more. Calls in flight end, and the files of their answers are saved."""
        if self.stop is None:
            self.stop = stop
            if self._conduct.shared and stop.reason in RUN_STOPS:
                self.note(RUN_STOPPED, stop.told())
        self._stop_sending()

    def stopped_elsewhere(self, stop: Stop) -> None:
        """Another host of the run stopped it."""
        self.stop = self.stop or stop
        self._stop_sending()

    def _stop_sending(self) -> None:
        self.stopping = True
        if self.listener is not None:
            self.listener.halted()
        self.awake.set()

    def cut(self) -> None:
        """Wait for nothing: what is in flight is given up, as if the process had died."""
        self.is_cut = True
        if self.listener is not None:
            self.listener.cut()
        _cancel(self._pools.tasks)
        self.awake.set()

    def is_over_for(self, pool: WorkerPool) -> bool:
        """True if this pool takes no more jobs. Downloads go on after a stop."""
        ended = self.stopping or self._conduct.files_only
        return self.is_cut or (ended and pool is not self._pools.files)

    def hold(self) -> None:
        """A person pauses the run: no call starts until `resume`."""
        self._accounts.hold(PERSON)
        self._observer.held(is_held=True)

    def resume(self) -> None:
        """A person ends their pause, and any wait of our own."""
        self._accounts.release(PERSON)
        self._observer.held(is_held=False)
        if self.listener is not None:
            self.listener.resumed()

    def retune(self, limits: Limits) -> None:
        """Set new limits for calls from now on."""
        self._accounts.retune(limits)
        self._pools.calls.size = limits.in_flight * len(self._accounts.accounts)

    def retune_cap(self, cap: float | None) -> None:
        """Set another spending cap; None lifts it."""
        self._conduct.cap.set_cap(cap)

    async def doubt_key(self, result: StepResult) -> None:
        """Have the key checked that this refused call went out with."""
        if self.listener is not None and not self.is_cut:
            await self.listener.doubt_key(result)

    def wake(self) -> None:
        """Calls may be sent again."""
        self._pools.calls.notify()
        self.awake.set()

    def holds(self) -> frozenset[str]:
        """The names under which all calls are held now."""
        return frozenset(self._accounts.accounts[0].pace.holds)

    def calls_in_flight(self) -> int:
        """How many calls have not ended yet."""
        return len(self._pools.calls.tasks)

    def note(self, kind: str, data: Mapping[str, JSON]) -> None:
        """Record an event of this run in the table."""
        self.do_beside(self._writer.note(kind, data))

    def paused(self, seconds: float, reason: str) -> None:
        """Show that nothing is sent for so many seconds."""
        self._observer.paused(seconds, reason)

    def away(self, failure: Failure) -> None:
        """Show that the provider is unreachable."""
        self._observer.away(failure)

    def woke(self, seconds: float, patience: float) -> None:
        """The machine was asleep: calls in flight get `patience` seconds, then are given up."""
        log.warning("the machine was asleep for %.0f s", seconds)
        self._accounts.renew()
        asyncio.get_running_loop().call_later(patience, _cancel, self._pools.tasks)

    def lost_table(self) -> None:
        """Another file took the place of the table."""
        self.halt(Stop(reason=StopReason.REPLACED))

    def table_broke(self, where: str, error: BaseException) -> None:
        """The table cannot be written."""
        log.error("%s: the table cannot be written", where, exc_info=error)
        detail = str(getattr(error, "orig", error))
        self.halt(Stop(reason=StopReason.BROKEN, detail=detail))

    def go_carefully(self, jobs: int) -> None:
        """Save the files of so many jobs one by one: if one takes the process down, it is known."""
        self._pools.files.one_by_one = jobs

    def interrupt_words(self, presses: int) -> str:
        """What to tell a user who pressed Ctrl-C."""
        calls, files = len(self._pools.calls.tasks), len(self._pools.files.tasks)
        return interrupt_words(presses, calls=calls, files=files)

    def do_beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that no round waits for, but the end of the run does."""
        chore = asyncio.create_task(work)
        self.chores.add(chore)
        chore.add_done_callback(self._chore_ended)

    def _chore_ended(self, chore: "asyncio.Task[None]") -> None:
        self.chores.discard(chore)
        self.awake.set()
        if not chore.cancelled() and (error := chore.exception()) is not None:
            self.table_broke("run", error)


def _cancel(tasks: "Sequence[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()
