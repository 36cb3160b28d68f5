"""A run whose hosts Ray starts: this program loads the sheet, asks, and watches the table."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

from jobs.store import Store
from jobs.store.hosts import AT_WORK, database_time, hosts_of
from jobs.store.log import events_of, ids_after, note
from jobs.store.queries.totals import counts
from runner.catalogue import say
from runner.cluster.host_line import HostPlan, WatchedRun, read_run
from runner.console import options
from runner.console.progress import Display, Snapshot
from runner.console.screen import print_message
from runner.engine.run_control import RUN_STOPPED
from runner.engine.session import Ending
from runner.engine.steering import STEER
from runner.engine.stop import Stop
from runner.exits import Exit, Refusal
from runner.launch.request import RunRequest
from runner.settings.database_url import typed_address
from runner.workspace.workspace import SHEET_ID

if TYPE_CHECKING:
    from runner.cluster.ray import RayCluster, RayHosts

LOOK_SECONDS = 0.5
END_SECONDS = 15.0  # after the run, for a process to write its log and leave
MAX_LOOK_SHARE = 20  # counting for the display takes at most this part of the time
FOR_EVERY_HOST = frozenset(
    {
        *("provider", "base_url", "files", "files_from", "allow_host", "concurrency", "rpm", "tpm"),
        *("until", "rows", "limit", "pilot", "in_doubt", "ok_if_failed", "name", "verbose", "lang"),
    }
)
"""Options that the hosts are given as well; the loaded sheet remembers those of requests."""

FOR_HOSTS_HERE = FOR_EVERY_HOST | {"config"}


@dataclass(slots=True)
class _Signals:
    """The signals that came: the first asks the hosts to stop, the second ends them."""

    received: list[int] = field(default_factory=list)

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Called by Python for each signal."""
        self.received.append(number)

    @property
    def code(self) -> Exit:
        """The exit code for the first one."""
        return Exit.TERMINATED if self.received[0] == signal.SIGTERM else Exit.INTERRUPTED


class RayRun:
    """One run on a cluster whose nodes were found fit for it."""

    def __init__(self, request: RunRequest, cluster: "RayCluster") -> None:
        self._request = request
        self._cluster = cluster

    def go(self, store: Store, *, after: int) -> "RayEnding":
        """Start the hosts, and watch the table until the run is over.

        `after` is the newest run that had ended before this command.
        """
        database = self._request.workspace.database
        assert database is not None
        address = typed_address(database.url, database.name)
        plan = HostPlan(database=address, words=self._words(address), after=after)
        count = self._request.settings.hosts or len(self._cluster.nodes())
        print_message(say("ray.starts", count=f"{count:,}"))
        started = time.monotonic()
        with _noted_signals() as signals:
            hosts = self._cluster.start(plan, count)
            try:
                state = self._watch(store, plan, hosts, signals)
                _let_end(hosts, signals)
            finally:
                hosts.end()
        self._tell_ends(hosts)
        if state is None:
            raise Refusal(say("ray.no_run"), code=_worst_end(hosts))
        code = Exit(state.exit_code or 0) if not signals.received else signals.code
        return RayEnding(
            code=code, ending=_ending(store, state, seconds=time.monotonic() - started)
        )

    def _words(self, address: str) -> tuple[str, ...]:
        forwarded = FOR_HOSTS_HERE if self._cluster.is_local else FOR_EVERY_HOST
        return (
            *("run", address, "-y", "--no-input", "--progress", "none"),
            *options.words_of(forwarded),
        )

    def _watch(
        self, store: Store, plan: HostPlan, hosts: "RayHosts", signals: _Signals
    ) -> WatchedRun | None:
        """Until the run has ended, or no host is left; None if no run began."""
        settings = self._request.settings
        display = Display("none" if settings.quiet else settings.progress, color=settings.color)
        watch = _Watch(store, display, title=self._request.sheet.name)
        asked = False
        try:
            while True:
                hosts.look(LOOK_SECONDS)
                with store.read() as tx:
                    last = read_run(tx)
                state = last if last is not None and last.id > plan.after else None
                if hosts.all_ended or (state is not None and state.exit_code is not None):
                    return state
                if len(signals.received) > 1:
                    return state
                if signals.received and not asked and state is not None:
                    asked = True
                    print_message(say("ray.stopping"))
                    _ask_to_stop(store, state.id)
                watch.show(state)
        finally:
            watch.close()

    def _tell_ends(self, hosts: "RayHosts") -> None:
        """Say which hosts ended by themselves, and the last that they said."""
        for number, end in sorted(hosts.ends.items()):
            if end.code in (Exit.UNUSABLE, Exit.USAGE, Exit.BUG, Exit.OUTPUT, Exit.BUSY):
                code = int(end.code)
                print_message(say("ray.host_ended", number=number + 1, code=code, said=end.said))


@dataclass(frozen=True, slots=True, kw_only=True)
class RayEnding:
    """How the run ended, as the table says it."""

    code: Exit
    ending: Ending


@contextmanager
def connected_run(request: RunRequest) -> Iterator[RayRun]:
    """A cluster that is fit for the run. Raises Refusal (3) before anything is sent."""
    try:
        from runner.cluster.ray import connected  # noqa: PLC0415 - takes half a second
    except ImportError as error:
        raise Refusal(say("ray.not_installed")) from error
    if not request.settings.quiet:
        print_message(say("ray.connecting"))
    with connected(request.settings.hosts) as cluster:
        yield RayRun(request, cluster)


class _Watch:
    """Shows the counts of the table, asked for no more often than that is cheap."""

    def __init__(self, store: Store, display: Display, *, title: str) -> None:
        self._store = store
        self._display = display
        self._title = title
        self._next = 0.0
        self._last: Snapshot | None = None

    def show(self, state: WatchedRun | None) -> None:
        """Show how far the run is, if it is time for that."""
        if state is None or self._display.mode == "none" or time.monotonic() < self._next:
            return
        began = time.monotonic()
        with self._store.read() as tx:
            rows = counts(tx, SHEET_ID)
            at_work = [one for one in hosts_of(tx, state.id) if one.state in AT_WORK]
            now = database_time(tx)
        took = time.monotonic() - began
        self._next = time.monotonic() + max(LOOK_SECONDS, MAX_LOOK_SHARE * took)
        self._last = Snapshot(
            title=f"{self._title} · {say('ray.machines', count=len(at_work))}",
            started_at=min((one.since for one in at_work), default=now),
            now=now,
            done=rows.done,
            failed=rows.failed,
            in_doubt=rows.in_doubt,
            pending=rows.waiting,
            fetching=rows.fetching,
            running=rows.sending + rows.polling,
            in_flight=sum(one.in_flight for one in at_work),
        )
        self._display.show(self._last)

    def close(self) -> None:
        """End the display."""
        asyncio.run(self._display.stop(self._last))


@contextmanager
def _noted_signals() -> Iterator[_Signals]:
    signals = _Signals()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signals.note)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask_to_stop(store: Store, run_id: int) -> None:
    """Ask the hosts through the table: an engine that is told to stop gives them no time."""
    with store.write() as tx:
        now = database_time(tx)
        event_id = ids_after(tx).take()
        note(tx, run_id, STEER, {"until": now}, event_id=event_id, now=now)


def _let_end(hosts: "RayHosts", signals: _Signals) -> None:
    """Let the processes of a run that has ended come to their own end."""
    deadline = time.monotonic() + END_SECONDS
    while not hosts.all_ended and time.monotonic() < deadline and len(signals.received) < 2:
        hosts.look(LOOK_SECONDS)


def _ending(store: Store, state: WatchedRun, *, seconds: float) -> Ending:
    """The run's end as the finish tells it."""
    with store.read() as tx:
        rows = counts(tx, SHEET_ID)
        stops = events_of(tx, state.id, kinds=(RUN_STOPPED,))
        now = database_time(tx)
    stop = Stop.heard(stops[0].data) if stops else None
    return Ending(
        run_id=state.id,
        started_at=now - seconds,
        seconds=seconds,
        stop=stop,
        blocked={},
        counts=rows,
    )


def _worst_end(hosts: "RayHosts") -> Exit:
    codes = {end.code for end in hosts.ends.values()} - {int(Exit.DONE)}
    return Exit(min(codes)) if codes else Exit.BUG
