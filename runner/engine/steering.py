"""Changes a run that is going on: orders from another terminal, and the time of `--until`."""

import asyncio
import logging
import math
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from jobs.job import JSON
from jobs.store import DriverError, Store, TableError
from jobs.store.log import RunEvent, events_of
from runner.catalogue import say
from runner.console.progress import Display
from runner.engine.accounts import MAX_CALLS_IN_FLIGHT, limits_of
from runner.engine.dispatcher import Dispatcher
from runner.engine.run_events import FOUND_OUT
from runner.engine.stop import Stop, StopReason
from runner.pacing.pace import auto_calls
from runner.pacing.rate_window import Limits
from runner.settings.schema import AUTO, NO_CAP
from runner.settings.settings import Settings

if TYPE_CHECKING:
    from runner.engine.hosts_together import HostsTogether

log = logging.getLogger("rowmill")

LOOK_SECONDS = 1.0
LAST_CALLS_AFTER_SECONDS = 10.0  # with nothing left to send, before the last calls are named
MAX_ROWS_NAMED = 5
STEER = "steer"  # the kind of event that another terminal writes
STEERED = "steered"  # … and the one that the run answers with


class Steering:
    """Reads orders from the table once a second; needs no port and no signal."""

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        settings: Settings,
        display: Display,
        *,
        together: "HostsTogether | None" = None,
    ) -> None:
        self._store = store
        self._together = together
        self._dispatcher = dispatcher
        self._control = dispatcher.control
        self._display = display
        self._limits = limits_of(settings)  # as the user set them
        self._tuned = self._limits  # as they are in force
        self._until: float | None = None  # Unix; a time of day
        self._ends_at: float | None = None  # monotonic; so many hours from now
        if settings.until is not None and settings.until.seconds is not None:
            self._ends_at = time.monotonic() + settings.until.seconds
        elif settings.until is not None:
            self._until = settings.until.moment(time.time())
        if together is not None:
            self._until = together.until_at
        self._seen: set[int] = set()
        self._named = False
        self._last_since: float | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, run_id: int) -> None:
        """Begin to watch the time, and for orders to this run."""
        self._tasks = [
            asyncio.create_task(self._watch_time(), name="until"),
            asyncio.create_task(self._watch_orders(run_id), name="steering"),
        ]

    async def close(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch_time(self) -> None:
        """Needs no table: `--until` holds whatever happens to that."""
        while True:
            if self._seconds_left() <= 0.0:
                self._until = self._ends_at = None
                self._control.halt(Stop(reason=StopReason.UNTIL))
            self._name_last()
            await asyncio.sleep(min(LOOK_SECONDS, max(self._seconds_left(), 0.0)))

    async def _watch_orders(self, run_id: int) -> None:
        """Outlives any look that fails."""
        while True:
            try:
                for event in await asyncio.to_thread(self._orders, run_id):
                    self._seen.add(event.id)
                    if event.kind == STEER:
                        self._obey(event)
                    elif self._together is not None:
                        self._together.learn(event)
                if self._together is not None:
                    await self._together.look()
                    self._tune()
            except (DriverError, TableError, OSError, ValueError) as error:
                log.warning("the table could not be read for orders: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def ends_at(self) -> float | None:
        """When the run is to end (Unix seconds); None if nobody said."""
        left = self._seconds_left()
        return None if math.isinf(left) else time.time() + left

    def _seconds_left(self) -> float:
        by_day = math.inf if self._until is None else self._until - time.time()
        steady = math.inf if self._ends_at is None else self._ends_at - time.monotonic()
        return min(by_day, steady)

    def _orders(self, run_id: int) -> list[RunEvent]:
        with self._store.read() as tx:
            found = events_of(tx, run_id, kinds=self._kinds)
        return [event for event in found if event.id not in self._seen]

    @property
    def _kinds(self) -> tuple[str, ...]:
        return (STEER,) if self._together is None else (STEER, *FOUND_OUT)

    def _obey(self, event: RunEvent) -> None:
        """Apply an order, and record that it was applied."""
        order = event.data
        if order.get("pause"):
            self._control.hold()
        if order.get("resume"):
            self._control.resume()
        limits = _changed(self._limits, order)
        self._limits = limits
        self._tune()
        until = order.get("until")
        if isinstance(until, int | float):
            self._until, self._ends_at = float(until), None
        cap = order.get("max_cost")
        if cap == NO_CAP:
            self._control.retune_cap(None)
        elif isinstance(cap, int | float):
            self._control.retune_cap(float(cap))
        self._control.wake()
        log.info("steered: %s", ", ".join(f"{key}={value}" for key, value in order.items()))
        if self._together is None or self._together.starts:
            self._control.note(STEERED, order)
        if self._together is not None:
            self._together.obeyed(event)

    def _tune(self) -> None:
        """Set limits that have changed; hosts share what an account allows at once."""
        limits = self._limits
        if self._together is not None:
            limits = self._together.part_of(limits)
        if limits != self._tuned:
            self._tuned = limits
            self._control.retune(limits)

    def _name_last(self) -> None:
        """Say once which calls the end of the run waits for, and until when at most."""
        calls = self._dispatcher.pools.calls
        stopped = self._dispatcher.stop is not None
        ending = stopped or calls.nothing_to_take
        if not ending or not calls.tasks:
            self._last_since = None
            return
        now = time.monotonic()
        self._last_since = now if self._last_since is None else self._last_since
        patient = not stopped and now - self._last_since < LAST_CALLS_AFTER_SECONDS
        last = self._dispatcher.accounts.last_calls()
        if not self._named and not patient and last:
            self._named = True
            self._display.tell(say("run.last_calls", calls=len(last), rows=_rows_words(last)))


def _changed(limits: Limits, order: dict[str, JSON]) -> Limits:
    """The limits after an order."""
    at_once, rpm, tpm = order.get("concurrency"), order.get("rpm"), order.get("tpm")
    if at_once == AUTO:
        limits = replace(limits, in_flight=auto_calls(patient=limits.patient), auto=True)
    elif isinstance(at_once, int):
        limits = replace(limits, in_flight=min(at_once, MAX_CALLS_IN_FLIGHT), auto=False)
    if isinstance(rpm, int | float):
        limits = replace(limits, rpm=float(rpm))
    if isinstance(tpm, int | float):
        limits = replace(limits, tpm=float(tpm))
    return limits


def _rows_words(last: list[tuple[int, float]]) -> str:
    named = [
        say(
            "run.last_call",
            row=row,
            time=datetime.fromtimestamp(until).astimezone().strftime("%H:%M:%S"),
        )
        for row, until in last[:MAX_ROWS_NAMED]
    ]
    return ", ".join([*named, *(["…"] if len(last) > MAX_ROWS_NAMED else [])])
